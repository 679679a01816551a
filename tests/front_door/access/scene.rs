//! The callers of the table, and the objects of the investor that its documents refer to.

use serde_json::{Value, json};
use testing::Answer;
use tests::{HttpClient, TestApp};

use super::COLUMNS;

/// Creates the objects of the investor, in this order: the caller, the variable that gets the value, its path, and the
/// mutation.
const OBJECTS: [(&str, &str, &str, &str); 10] = [
    (
        "admin",
        "stock",
        "it.id",
        r#"mutation { it: listStock(input: { name: "Access Inc", price: { amount: "10.00" }, quantity: 1000 }) { id } }"#,
    ),
    ("investor", "transaction", "it.id", DEPOSIT),
    (
        "investor",
        "number",
        "it.exchangeOrder.number",
        "mutation($stock: ID!) {
            it: placeOrder(input: { side: BUY, stock: $stock, quantity: 10 }) {
                exchangeOrder { number } } }",
    ),
    (
        "investor",
        "capital",
        "it.authorization.id",
        r#"mutation($broker: ID!) {
            it: grantAuthorization(input: { kind: CAPITAL, broker: $broker, amount: { amount: "1000.00" },
                endsAt: "2030-01-01T00:00:00Z" }) { authorization { id } } }"#,
    ),
    (
        "investor",
        "shares",
        "it.authorization.id",
        r#"mutation($broker: ID!, $holding: ID!) {
            it: grantAuthorization(input: { kind: STOCK_HOLDING, broker: $broker, holding: $holding, shares: 3,
                endsAt: "2030-01-01T00:00:00Z" }) { authorization { id } } }"#,
    ),
    (
        "broker",
        "order",
        "it.id",
        "mutation($stock: ID!, $capital: ID!) {
            it: placeOrder(input: { side: BUY, stock: $stock, quantity: 2, authorization: $capital }) { id } }",
    ),
    (
        "investor",
        "pending",
        "it.id",
        r#"mutation($stock: ID!) {
            it: placeOrder(input: { side: BUY, stock: $stock, quantity: 1, automated: true,
                limitPrice: { amount: "1.00" } }) { id } }"#,
    ),
    (
        "investor",
        "post",
        "it.id",
        r#"mutation { it: createPost(input: { title: "a", text: "b", community: "Access" }) { id } }"#,
    ),
    (
        "admin",
        "product",
        "it.id",
        r#"mutation { it: addProduct(input: { name: "Access", price: { amount: "1.00" }, available: 1000 }) { id } }"#,
    ),
    (
        "investor",
        "shopOrder",
        "it.id",
        r#"mutation($product: ID!) { it: placeShopOrder(input: { product: $product, quantity: 1, date: "2026-01-31" }) { id } }"#,
    ),
];

const DEPOSIT: &str = r#"mutation { it: deposit(amount: { amount: "5000.00" }) { id } }"#;
const HOLDING: &str = "{ me { holdings { nodes { id } } } }";
const UPVOTE: &str = "mutation($post: ID!) { upvote(postId: $post) { id } }";

/// The callers, and the objects of the investor.
pub struct Scene {
    _app: TestApp,
    /// The callers, in the order of the table's columns.
    pub callers: Vec<HttpClient>,
    /// The variables of all documents: the ids of the objects, and the number of a trade.
    pub variables: Value,
}

impl Scene {
    /// Starts a server and creates the objects.
    pub async fn set() -> Self {
        let app = TestApp::new().await;
        let anonymous = app.anonymous();
        let (_, stranger) = anonymous.register("stranger", "INVESTOR", None).await;
        let (_, other) = anonymous.register("other", "BROKER", Some(1.0)).await;
        let (broker_id, broker) = anonymous.register("broker", "BROKER", Some(1.0)).await;
        let (investor_id, investor) = anonymous.register("investor", "INVESTOR", None).await;
        let admin = app.signed_in("admin").await;
        let service = anonymous.with_token(&app.service_credential("table"));
        let mut scene = Self {
            _app: app,
            callers: vec![anonymous, stranger, other, broker, service, admin, investor],
            variables: json!({ "investor": investor_id.to_string(), "broker": broker_id.to_string() }),
        };
        for column in ["stranger", "other broker", "broker", "admin"] {
            scene.caller(column).query(DEPOSIT, json!({})).await.at("it.id");
        }
        for (column, variable, path, document) in OBJECTS {
            let made = scene.ask(scene.caller(column), document).await;
            scene.variables[variable] = made.at(path).clone();
            if variable == "number" {
                let held = scene.ask(scene.caller("investor"), HOLDING).await;
                scene.variables["holding"] = held.at("me.holdings.nodes.0.id").clone();
            }
        }
        scene.ask(scene.caller("investor"), UPVOTE).await.at("upvote.id");
        scene
    }

    /// Returns the caller of that column.
    pub fn caller(&self, column: &str) -> &HttpClient {
        let place = COLUMNS.iter().position(|known| *known == column);
        &self.callers[place.expect("a column")]
    }

    /// Executes a document as that caller.
    pub async fn ask(&self, caller: &HttpClient, document: &str) -> Answer {
        caller.query(document, self.variables.clone()).await
    }
}
