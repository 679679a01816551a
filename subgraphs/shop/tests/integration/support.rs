//! A shop subgraph on its own database file, with four people: ada 1, ben 2, cleo 3 and dan 4.

use std::ops::Deref;

use contract::Viewer;
use serde_json::{Value, json};
use testing::{Answer, NEW_YEAR_US, TestDomain, TestServices};
pub use testing::{admin, member, service};

/// Adds a product: `input`, and perhaps an idempotency key.
pub const ADD: &str = "mutation($input: ProductInput!, $key: String) {
    addProduct(input: $input, idempotencyKey: $key) { id name price available }
}";

/// Changes a product: `id` and `input`.
pub const UPDATE_PRODUCT: &str = "mutation($id: ID!, $input: ProductPatch!) {
    updateProduct(id: $id, input: $input) { name price available }
}";

/// Places an order: `input`, and perhaps an idempotency key.
pub const PLACE: &str = "mutation($input: ShopOrderInput!, $key: String) {
    placeShopOrder(input: $input, idempotencyKey: $key) { id user { id } quantity date }
}";

/// Changes an order: `id` and `input`.
pub const UPDATE: &str = "mutation($id: ID!, $input: ShopOrderPatch!) {
    updateShopOrder(id: $id, input: $input) { product { id } quantity date unitPrice total }
}";

/// A product: `id`.
pub const PRODUCT: &str = "query($id: ID!) { product(id: $id) { name price available } }";

/// A page of the orders of a person: `of`, and perhaps arguments of the list.
pub const ORDERS: &str = "query($of: [_Any!]!, $first: Int, $last: Int, $after: String, $before: String) {
    _entities(representations: $of) { ... on User {
        shopOrders(first: $first, last: $last, after: $after, before: $before) {
            nodes { id quantity total product { id } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    } }
}";

const DELETE: &str = "mutation($id: ID!) { deleteShopOrder(id: $id) }";

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

    /// Adds a product and returns its id.
    pub async fn add(&self, name: &str, amount: &str, available: i64) -> String {
        let input = json!({ "name": name, "price": usd(amount), "available": available });
        let added = self.admin().query(ADD, json!({ "input": input })).await;
        added.text("addProduct.id").to_owned()
    }

    /// Orders a product for the viewer.
    pub async fn place(&self, viewer: &Viewer, product: &str, quantity: i64) -> Answer {
        let input = json!({ "product": product, "quantity": quantity, "date": "2026-01-31" });
        self.client(viewer).query(PLACE, json!({ "input": input })).await
    }

    /// Like [`place`](Self::place), but the order must succeed. Returns its id.
    pub async fn placed(&self, person: i64, product: &str, quantity: i64) -> String {
        let placed = self.place(&member(person), product, quantity).await;
        placed.text("placeShopOrder.id").to_owned()
    }

    /// Changes an order.
    pub async fn update(&self, viewer: &Viewer, order: &str, input: &Value) -> Answer {
        let args = json!({ "id": order, "input": input });
        self.client(viewer).query(UPDATE, args).await
    }

    /// Deletes an order.
    pub async fn delete(&self, viewer: &Viewer, order: &str) -> Answer {
        self.client(viewer).query(DELETE, json!({ "id": order })).await
    }

    /// Returns how many of a product can be ordered.
    pub async fn available(&self, product: &str) -> i64 {
        let answer = self.anonymous().query(PRODUCT, json!({ "id": product })).await;
        answer.at("product.available").as_i64().expect("a number")
    }

    /// Returns a page of the person's orders, by these arguments of the list.
    pub async fn orders(&self, person: i64, mut args: Value) -> Answer {
        args["of"] = json!([{ "__typename": "User", "id": person.to_string() }]);
        self.member(person).query(ORDERS, args).await
    }

    /// Returns how many of a product all orders of the person hold.
    pub async fn ordered(&self, person: i64, product: &str) -> i64 {
        let orders = self.orders(person, json!({ "first": 100 })).await;
        let orders = orders.all("_entities.0.shopOrders.nodes.*").into_iter();
        let product = format!("product_{product}");
        let of_it = orders.filter(|order| order["product"]["id"] == product);
        of_it.map(|order| order["quantity"].as_i64().expect("a quantity")).sum()
    }
}

/// That amount of US dollars.
pub fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}

/// Returns strings as such.
#[track_caller]
pub fn texts(values: Vec<&Value>) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned();
    values.into_iter().map(text).collect()
}

/// Returns the argument that the error names.
pub fn field(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["field"]
        .as_str()
        .unwrap_or("NO FIELD")
}
