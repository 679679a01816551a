//! The shop with the demo's sample data: ada 1, ben 2, cleo 3, dan 4; products 1 to 3; an order of cleo's, one of dan's
//! and one of ada's.

use std::ops::Deref;

use contract::Viewer;
use serde_json::{Value, json};

use crate::app::{MountApp, TestResponse};

/// The available quantity of each product at first: its stock less the sample orders.
pub const MUGS: i64 = 48;
pub const NOTEBOOKS: i64 = 49;
pub const BASKETS: i64 = 49;

/// The shop.
pub struct ShopApp(MountApp);

impl Deref for ShopApp {
    type Target = MountApp;

    fn deref(&self) -> &MountApp {
        &self.0
    }
}

impl ShopApp {
    /// See [`MountApp::open`].
    pub async fn open() -> Self {
        Self(MountApp::open("/shop").await)
    }

    /// See [`MountApp::closed`].
    pub async fn closed() -> Self {
        Self(MountApp::closed("/shop").await)
    }

    /// Places an order of that user and returns its path.
    pub async fn ordered(&self, user: i64, product: i64, quantity: i64) -> String {
        let placed = self.call("POST /api/orders", &order(user, product, quantity)).await;
        assert_eq!(placed.line(), r#"200 {"response":"Order placed successfully"}"#);
        let address = placed.header("location").strip_prefix("/shop");
        address.unwrap().to_owned()
    }

    /// Returns the available quantities of products 1, 2 and 3.
    pub async fn left(&self) -> [i64; 3] {
        let query = "{ products(first: 3) { nodes { available } } }";
        let products = self.app.graph(Viewer::Anonymous).query(query, json!({})).await;
        let available = products.all("products.nodes.*.available");
        [0, 1, 2].map(|place: usize| available[place].as_i64().unwrap())
    }

    /// Returns the orders of that user.
    pub async fn orders_of(&self, user: i64) -> Value {
        let answered = self.call(&format!("GET /api/userorders/{user}"), "").await;
        assert_eq!(answered.status, 200, "{}", answered.text);
        answered.json()
    }
}

/// Returns the body of an order, on the day of the document's example.
pub fn order(user: i64, product: i64, quantity: i64) -> String {
    json!({ "user_id": user, "product_id": product, "quantity": quantity, "date": "2023-11-28" }).to_string()
}

/// Returns the line of a message.
pub fn said(status: u16, message: &str) -> String {
    format!("{status} {}", json!({ "response": message }))
}

/// Returns the line of a body that fails its model: each member with the reason.
pub fn invalid(errors: &[(&str, &str)]) -> String {
    let errors: serde_json::Map<String, Value> = errors
        .iter()
        .map(|(name, why)| ((*name).to_owned(), (*why).into()))
        .collect();
    let body = json!({ "errors": errors, "message": "Input payload validation failed" });
    format!("400 {body}")
}

/// Returns the members that a body failed by.
pub fn named(answered: &TestResponse) -> Vec<String> {
    let body = answered.json();
    assert_eq!(answered.status, 400, "{}", answered.text);
    assert_eq!(body["message"], "Input payload validation failed");
    let errors = body["errors"].as_object().unwrap();
    assert!(
        errors
            .values()
            .all(|why| why.as_str().is_some_and(|why| !why.is_empty()))
    );
    errors.keys().cloned().collect()
}
