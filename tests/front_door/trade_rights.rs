//! Only programs and administrators may trade with the `trade` mutation, in every form of a request.

use serde_json::json;
use tests::{TestApp, TestClient};

const FREE: &str = r#"trade(stock: "BoarCo", side: BUY, quantity: 3, trader: "1") { number }"#;

async fn left(caller: &TestClient) -> i64 {
    let stock = caller.graphql(r#"{ stock(name: "BoarCo") { quantity } }"#).await;
    stock.data("/stock/quantity").as_i64().expect("a number")
}

#[tokio::test]
async fn no_form_of_a_request_trades_without_paying() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let (_, investor) = anonymous.register("iris", "INVESTOR", None).await;
    let (_, broker) = anonymous.register("bart", "BROKER", Some(2.0)).await;
    let before = left(&anonymous).await;
    let own = FREE.replace(r#", trader: "1""#, "");
    let forms = [
        format!("mutation {{ {own} }}"),
        format!("mutation {{ {FREE} }}"),
        format!("mutation {{ me: {own} you: {own} }}"),
        format!("mutation {{ ... on Mutation {{ {own} }} }}"),
        format!("mutation {{ ...F }} fragment F on Mutation {{ {own} }}"),
        format!("query Q {{ me {{ id }} }} mutation M {{ {own} }}"),
    ];
    let callers = [
        (&anonymous, "UNAUTHENTICATED"),
        (&app.signed_in("dan").await, "FORBIDDEN"),
        (&app.signed_in("ada").await, "FORBIDDEN"),
        (&investor, "FORBIDDEN"),
        (&broker, "FORBIDDEN"),
    ];
    for (caller, code) in callers {
        for form in &forms {
            let body = json!({ "query": form, "operationName": form.contains("mutation M").then_some("M") });
            let answer = caller.send(caller.request("POST", "/graphql").json(&body)).await;
            assert_eq!(answer.code(), Some(code), "{form}: {}", answer.body);
        }
    }
    assert_eq!(left(&anonymous).await, before);
    // The bazaar's routes trade without a token; with a token they trade on its holder's behalf.
    for caller in [&anonymous, &investor] {
        let order = json!({ "name": "BoarCo", "type": "buy", "quantity": 1 });
        assert_eq!(caller.post("/bazaar/orders", order).await.status, 200);
    }
    let program = app.anonymous().with_token(&app.service_credential("floor"));
    for caller in [&program, &app.signed_in("admin").await] {
        let answer = caller.graphql(&format!("mutation {{ {own} }}")).await;
        assert!(answer.data("/trade/number").is_number(), "{}", answer.body);
    }
    assert_eq!(left(&anonymous).await, before - 1 - 1 - 3 - 3);
}
