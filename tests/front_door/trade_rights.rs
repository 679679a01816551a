//! Only programs and administrators may trade with the `trade` mutation, in every form of a request.

use serde_json::json;
use testing::Request;
use tests::{HttpClient, TestApp};

const FREE: &str = r#"trade(stock: "BoarCo", side: BUY, quantity: 3, trader: "1") { number }"#;

async fn left(caller: &HttpClient) -> i64 {
    let stock = caller
        .query(r#"{ stock(name: "BoarCo") { quantity } }"#, json!({}))
        .await;
    stock.at("stock.quantity").as_i64().expect("a number")
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
            let mut request = Request::new(form, json!({}));
            if form.contains("mutation M") {
                request = request.operation("M");
            }
            let answer = caller.execute(request).await;
            assert_eq!(answer.code(), code, "{form}: {answer}");
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
        let answer = caller.query(&format!("mutation {{ {own} }}"), json!({})).await;
        assert!(answer.at("trade.number").is_number(), "{answer}");
    }
    assert_eq!(left(&anonymous).await, before - 1 - 1 - 3 - 3);
}
