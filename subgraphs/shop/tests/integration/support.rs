//! A shop subgraph on its own database file, with four people: ada 1, ben 2, cleo 3 and dan 4.

use std::ops::Deref;

use contract::Viewer;
use entities::authority::Authority;
use entities::{user, user_change};
use serde_json::Value;
pub use testing::{NEW_YEAR_US, admin, code, member, service};
use testing::{TestDomain, TestServices};

pub const ADA: i64 = 1;
pub const BEN: i64 = 2;

pub struct ShopDomain(TestDomain);

impl Deref for ShopDomain {
    type Target = TestDomain;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl ShopDomain {
    /// A shop without products.
    pub async fn new() -> Self {
        Self::with_bus(contract::InProcessBus::EVENTS_MAX).await
    }

    /// A shop without products, whose subscribers may lag that many events.
    pub async fn with_bus(capacity: usize) -> Self {
        let services = TestServices::with_events_max(NEW_YEAR_US, capacity).await;
        let shop = Self(TestDomain::new(services, shop::schema));
        for name in ["ada", "ben", "cleo", "dan"] {
            shop.add_user(name).await;
        }
        shop
    }

    /// A shop with one product, mugs with the id 1 for 12.50 USD, of which `available` are in stock.
    pub async fn with_mugs(available: i64) -> Self {
        let shop = Self::new().await;
        shop.add("Mug", "12.50", available).await;
        shop
    }

    async fn add_user(&self, username: &'static str) {
        let joined = self
            .services
            .db
            .write(async move |tx| Ok(user::insert(tx, user::Model::with_username(username, NEW_YEAR_US)).await?))
            .await;
        assert!(matches!(joined, Ok(Ok(_))), "{joined:?}");
    }

    /// Deactivates the person's account.
    pub async fn deactivate(&self, id: i64) {
        self.services
            .db
            .write(async move |tx| Ok(user_change::deactivate(tx, &Authority::Full, id, NEW_YEAR_US).await?))
            .await
            .expect("the account ends");
    }

    /// Adds a product and returns its id.
    pub async fn add(&self, name: &str, amount: &str, available: i64) -> String {
        let input = format!(
            r#"{{ name: "{name}", price: {{ amount: "{amount}", currency: "USD" }}, available: {available} }}"#
        );
        let added = self
            .ask(&admin(), &format!("mutation {{ addProduct(input: {input}) {{ id }} }}"))
            .await;
        text(&added["data"]["addProduct"]["id"])
    }

    /// Orders a product for the viewer.
    pub async fn place(&self, viewer: &Viewer, product: &str, quantity: i64) -> Value {
        let input = format!(r#"{{ product: "{product}", quantity: {quantity}, date: "2026-01-31" }}"#);
        self.ask(
            viewer,
            &format!("mutation {{ placeShopOrder(input: {input}) {{ id }} }}"),
        )
        .await
    }

    /// Like [`place`](Self::place), but the order must succeed. Returns its id.
    pub async fn placed(&self, person: i64, product: &str, quantity: i64) -> String {
        let placed = self.place(&member(person), product, quantity).await;
        text(&placed["data"]["placeShopOrder"]["id"])
    }

    /// Changes an order. `input` is a GraphQL literal.
    pub async fn update(&self, viewer: &Viewer, order: &str, input: &str) -> Value {
        let fields = "product { id } quantity date unitPrice total";
        let document = format!("mutation {{ updateShopOrder(id: \"{order}\", input: {{ {input} }}) {{ {fields} }} }}");
        self.ask(viewer, &document).await
    }

    /// Deletes an order.
    pub async fn delete(&self, viewer: &Viewer, order: &str) -> Value {
        self.ask(viewer, &format!("mutation {{ deleteShopOrder(id: \"{order}\") }}"))
            .await
    }

    /// Returns how many of a product can be ordered.
    pub async fn available(&self, product: &str) -> i64 {
        let answer = self
            .ask(
                &Viewer::Anonymous,
                &format!("{{ product(id: \"{product}\") {{ available }} }}"),
            )
            .await;
        let available = answer["data"]["product"]["available"].as_i64();
        available.unwrap_or_else(|| panic!("{answer}"))
    }

    /// Returns `fields` of a person as the viewer sees them, with the code of the first error.
    pub async fn of_person(&self, viewer: &Viewer, id: i64, fields: &str) -> (Value, String) {
        let document = format!(
            r#"{{ _entities(representations: [{{ __typename: "User", id: "{id}" }}]) {{ ... on User {{ {fields} }} }} }}"#
        );
        let answer = self.ask(viewer, &document).await;
        (answer["data"]["_entities"][0].clone(), code(&answer).to_owned())
    }

    /// Returns how many of a product all orders of the person hold.
    pub async fn ordered(&self, person: i64, product: &str) -> i64 {
        let fields = "shopOrders(first: 100) { nodes { quantity product { id } } }";
        let (person, _) = self.of_person(&member(person), person, fields).await;
        let nodes = person["shopOrders"]["nodes"].as_array();
        let nodes = nodes.unwrap_or_else(|| panic!("{person}"));
        let of_it = nodes.iter().filter(|order| order["product"]["id"] == product);
        of_it.map(|order| order["quantity"].as_i64().expect("a quantity")).sum()
    }
}

/// Returns the text of a JSON value.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// Returns the argument that the error names.
pub fn field(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["field"]
        .as_str()
        .unwrap_or("NO FIELD")
}
