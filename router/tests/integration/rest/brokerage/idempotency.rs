//! `Idempotency-Key` on the routes that create.

use super::app::{BrokerageApp, LATER, TestCaller, reason, refused};
use crate::app::TestResponse;

fn whole(answered: &TestResponse) -> (String, String) {
    (answered.line(), answered.header("location").to_owned())
}

async fn mismatch(brokerage: &BrokerageApp, caller: &TestCaller, line: &str, body: &str) {
    let answered = brokerage.call(caller, line, body).await;
    let message = "this idempotency key was used for another request";
    assert_eq!(
        answered.line(),
        refused(422, "IDEMPOTENCY_MISMATCH", message),
        "{line} {body}"
    );
}

#[tokio::test]
async fn one_key_registers_one_user() {
    let brokerage = BrokerageApp::new().await;
    let anonymous = brokerage.anonymous().key("k1");
    let eve =
        r#"{"name":"Eve","surname":"Lindt","email":"eve@example.com","password":"correct horse","type":"investor"}"#;
    let first = brokerage.call(&anonymous, "POST /users/register", eve).await;
    assert_eq!(first.status, 201);
    let again = brokerage.call(&anonymous, "POST /users/register", eve).await;
    assert_eq!(whole(&again), whole(&first));
    mismatch(
        &brokerage,
        &anonymous,
        "POST /users/register",
        &eve.replace("Lindt", "Other"),
    )
    .await;
    let users = brokerage.done(&brokerage.ada(), "GET /users", "").await;
    assert_eq!(users.as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn one_key_moves_money_once_in_either_direction() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    let key = ada.key("k1");
    let deposit = r#"{"type":"deposit","amount":40}"#;
    let first = brokerage.call(&key, "POST /transactions", deposit).await;
    assert_eq!(first.status, 201);
    brokerage
        .done(&ada, "POST /transactions", r#"{"type":"withdraw","amount":1}"#)
        .await;
    let again = brokerage.call(&key, "POST /transactions", deposit).await;
    assert_eq!(whole(&again), whole(&first));
    mismatch(
        &brokerage,
        &key,
        "POST /transactions",
        r#"{"type":"deposit","amount":41}"#,
    )
    .await;
    mismatch(
        &brokerage,
        &key,
        "POST /transactions",
        r#"{"type":"withdraw","amount":40}"#,
    )
    .await;
    assert_eq!(brokerage.money(&ada).await, "139 0 0");
    // The same key of another person does not collide.
    brokerage
        .done(
            &brokerage.ben().key("k1"),
            "POST /transactions",
            r#"{"type":"deposit","amount":7}"#,
        )
        .await;
    assert_eq!(brokerage.money(&brokerage.ben()).await, "7 0 0");
}

#[tokio::test]
async fn one_key_grants_once_and_repeats_its_response() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    let grant = |amount: i64| format!(r#"{{"type":"CAPITAL","brokerId":2,"amount":{amount},"endDate":"{LATER}"}}"#);
    let created = brokerage.call(&ada.key("k1"), "POST /authorizations", &grant(10)).await;
    assert_eq!(
        (created.status, created.header("location")),
        (201, "/brokerage/authorizations/1")
    );
    let raised = brokerage.call(&ada.key("k2"), "POST /authorizations", &grant(20)).await;
    assert_eq!((raised.status, raised.header("location")), (200, ""));
    brokerage.done(&ada, "PUT /authorizations/1/revoke", "").await;
    for (key, first) in [("k1", &created), ("k2", &raised)] {
        let amount = if key == "k1" { 10 } else { 20 };
        let again = brokerage
            .call(&ada.key(key), "POST /authorizations", &grant(amount))
            .await;
        assert_eq!(whole(&again), whole(first), "{key}");
    }
    mismatch(&brokerage, &ada.key("k1"), "POST /authorizations", &grant(11)).await;
    assert_eq!(brokerage.money(&ada).await, "100 0 0");
}

#[tokio::test]
async fn one_key_places_one_order() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    let automated = r#"{"type":"BUY","stockId":4,"stockAmount":2,"automated":true,"limitPrice":8}"#;
    let first = brokerage.call(&ada.key("k1"), "POST /orders", automated).await;
    assert_eq!(first.status, 201);
    brokerage.done(&ada, "PUT /orders/1", r#"{"status":"CANCELLED"}"#).await;
    let again = brokerage.call(&ada.key("k1"), "POST /orders", automated).await;
    assert_eq!(
        whole(&again),
        whole(&first),
        "the first answer, though it is cancelled since"
    );
    mismatch(
        &brokerage,
        &ada.key("k1"),
        "POST /orders",
        r#"{"type":"BUY","stockId":4,"stockAmount":2}"#,
    )
    .await;
    let orders = brokerage.done(&ada, "GET /orders", "").await;
    assert_eq!(orders.as_array().unwrap().len(), 1);
    assert_eq!(brokerage.money(&ada).await, "100 0 0");
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_unused() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    let key = ada.key("k1");
    let order = r#"{"type":"BUY","stockId":4,"stockAmount":2}"#;
    assert_eq!(
        reason(&brokerage.call(&key, "POST /orders", order).await),
        (409, "INSUFFICIENT_FUNDS".to_owned())
    );
    brokerage.deposit(&ada, "100").await;
    assert_eq!(brokerage.call(&key, "POST /orders", order).await.status, 201);
    let long = "x".repeat(256);
    for bad in ["", " ", long.as_str()] {
        let answered = brokerage.call(&ada.key(bad), "POST /orders", order).await;
        assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{bad:?}");
    }
    let two = brokerage.call(&ada.key("a").key("b"), "POST /orders", order).await;
    assert_eq!(two.status, 400);
    assert_eq!(brokerage.shares(&ada).await, "2 0");
}
