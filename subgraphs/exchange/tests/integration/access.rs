//! Access to queries and mutations, by kind of viewer.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{LIST, Market, admin, member, service, trader};

/// The trader, another person, an administrator, a program, an anonymous viewer.
const CALLER_NAMES: [&str; 5] = ["trader", "stranger", "admin", "service", "anonymous"];

fn viewers() -> [Viewer; 5] {
    [member(7), member(8), admin(), service(), Viewer::Anonymous]
}

#[tokio::test]
async fn each_caller_reaches_the_permitted_fields() {
    let fine = ["OK"; 5];
    let operators = ["FORBIDDEN", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"];
    let once_each = ["FORBIDDEN", "FORBIDDEN", "OK", "CONFLICT", "UNAUTHENTICATED"];
    let table = [
        (
            "{ stock(id: 1) { id name price quantity open high low close volume updatedAt } }",
            fine,
        ),
        ("{ stocks { nodes { id } } }", fine),
        (
            "{ exchangeOrder(number: 0) { number stock { id } quantity side price trader { id } at } }",
            fine,
        ),
        ("{ exchangeOrders { nodes { number trader { id } } } }", fine),
        ("{ orderReplicas { id alive leader term applied } }", fine),
        (
            r#"{ _entities(representations: [{ __typename: "ExchangeOrder", number: 0 }]) { __typename } }"#,
            fine,
        ),
        (
            r#"mutation { trade(stock: "FishCo", side: BUY, quantity: 1) { number } }"#,
            operators,
        ),
        (
            r#"mutation { trade(stock: "FishCo", side: SELL, quantity: 1, trader: 7) { number } }"#,
            operators,
        ),
        (
            r#"mutation { setPrice(stock: "FishCo", price: { amount: "5" }) { id } }"#,
            operators,
        ),
        (
            r#"mutation { adjustStock(stock: "FishCo", side: SELL, quantity: 1) { id } }"#,
            operators,
        ),
        (r#"mutation { invalidateStock(stock: "FishCo") }"#, operators),
        (
            r#"mutation { acknowledgeOrder(number: 0, stock: "FishCo", side: BUY, quantity: 2) }"#,
            operators,
        ),
        (r#"mutation { proposeLeader(replicaId: 1) { id } }"#, operators),
        (LIST, once_each),
    ];
    // The variable of the last document; the others have none.
    let new = json!({ "name": "New", "price": { "amount": "1" }, "quantity": 1 });
    let market = Market::with_shares(100).await;
    market.trade(&trader(), "BUY", 2).await;
    for (document, wanted) in table {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let args = if document == LIST {
                json!({ "input": new })
            } else {
                json!({})
            };
            let answer = market.client(viewer).query(document, args).await;
            assert_eq!(answer.code(), wanted, "{caller}: {document}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_trader_is_visible_to_the_trader_and_operators_only() {
    let market = Market::with_shares(100).await;
    market.trade(&trader(), "BUY", 1).await;
    market.trade(&service(), "BUY", 1).await;
    let documents = [
        "{ found: exchangeOrder(number: 0) { trader { id } } }",
        "{ found: exchangeOrders(first: 1) { nodes { trader { id } } } }",
        r#"{ found: _entities(representations: [{ __typename: "ExchangeOrder", number: 0 }]) {
            ... on ExchangeOrder { trader { id } } } }"#,
    ];
    for document in documents {
        for ((viewer, caller), knows) in viewers().iter().zip(CALLER_NAMES).zip([true, false, true, true, false]) {
            let found = market.client(viewer).query(document, json!({})).await["data"]["found"].clone();
            let order = [&found["nodes"][0], &found[0], &found]
                .into_iter()
                .find(|order| order.is_object());
            let trader = if knows { json!({ "id": "user_7" }) } else { Value::Null };
            assert_eq!(order.unwrap()["trader"], trader, "{caller}: {document}");
        }
    }
    let without_trader = market
        .admin()
        .query("{ exchangeOrder(number: 1) { trader { id } } }", json!({}))
        .await;
    assert_eq!(
        without_trader,
        json!({ "data": { "exchangeOrder": { "trader": null } } })
    );
}
