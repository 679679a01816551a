//! `Idempotency-Key` on the routes that create.

use super::floor::{Caller, Floor, LATER, reason, refused};
use crate::app::Answered;

fn whole(answered: &Answered) -> (String, String) {
    (answered.line(), answered.header("location").to_owned())
}

async fn mismatch(floor: &Floor, who: &Caller, line: &str, body: &str) {
    let answered = floor.call(who, line, body).await;
    let message = "this idempotency key was used for another request";
    assert_eq!(
        answered.line(),
        refused(422, "IDEMPOTENCY_MISMATCH", message),
        "{line} {body}"
    );
}

#[tokio::test]
async fn one_key_registers_one_person() {
    let floor = Floor::new().await;
    let nobody = floor.nobody().key("k1");
    let eve =
        r#"{"name":"Eve","surname":"Lindt","email":"eve@example.com","password":"correct horse","type":"investor"}"#;
    let first = floor.call(&nobody, "POST /users/register", eve).await;
    assert_eq!(first.status, 201);
    let again = floor.call(&nobody, "POST /users/register", eve).await;
    assert_eq!(whole(&again), whole(&first));
    mismatch(&floor, &nobody, "POST /users/register", &eve.replace("Lindt", "Other")).await;
    let everyone = floor.done(&floor.ada(), "GET /users", "").await;
    assert_eq!(everyone.as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn one_key_moves_money_once_whichever_way() {
    let floor = Floor::new().await;
    let ada = floor.ada();
    floor.deposit(&ada, "100").await;
    let key = ada.key("k1");
    let deposit = r#"{"type":"deposit","amount":40}"#;
    let first = floor.call(&key, "POST /transactions", deposit).await;
    assert_eq!(first.status, 201);
    floor
        .done(&ada, "POST /transactions", r#"{"type":"withdraw","amount":1}"#)
        .await;
    let again = floor.call(&key, "POST /transactions", deposit).await;
    assert_eq!(whole(&again), whole(&first));
    mismatch(&floor, &key, "POST /transactions", r#"{"type":"deposit","amount":41}"#).await;
    mismatch(&floor, &key, "POST /transactions", r#"{"type":"withdraw","amount":40}"#).await;
    assert_eq!(floor.money(&ada).await, "139 0 0");
    // The same key of another person does not collide.
    floor
        .done(
            &floor.ben().key("k1"),
            "POST /transactions",
            r#"{"type":"deposit","amount":7}"#,
        )
        .await;
    assert_eq!(floor.money(&floor.ben()).await, "7 0 0");
}

#[tokio::test]
async fn one_key_grants_once_and_is_answered_the_same_each_time() {
    let floor = Floor::new().await;
    let ada = floor.ada();
    floor.deposit(&ada, "100").await;
    let grant = |amount: i64| format!(r#"{{"type":"CAPITAL","brokerId":2,"amount":{amount},"endDate":"{LATER}"}}"#);
    let created = floor.call(&ada.key("k1"), "POST /authorizations", &grant(10)).await;
    assert_eq!(
        (created.status, created.header("location")),
        (201, "/brokerage/authorizations/1")
    );
    let raised = floor.call(&ada.key("k2"), "POST /authorizations", &grant(20)).await;
    assert_eq!((raised.status, raised.header("location")), (200, ""));
    floor.done(&ada, "PUT /authorizations/1/revoke", "").await;
    for (key, first) in [("k1", &created), ("k2", &raised)] {
        let amount = if key == "k1" { 10 } else { 20 };
        let again = floor.call(&ada.key(key), "POST /authorizations", &grant(amount)).await;
        assert_eq!(whole(&again), whole(first), "{key}");
    }
    mismatch(&floor, &ada.key("k1"), "POST /authorizations", &grant(11)).await;
    assert_eq!(floor.money(&ada).await, "100 0 0");
}

#[tokio::test]
async fn one_key_places_one_order() {
    let floor = Floor::new().await;
    let ada = floor.ada();
    floor.deposit(&ada, "100").await;
    let automated = r#"{"type":"BUY","stockId":4,"stockAmount":2,"automated":true,"limitPrice":8}"#;
    let first = floor.call(&ada.key("k1"), "POST /orders", automated).await;
    assert_eq!(first.status, 201);
    floor.done(&ada, "PUT /orders/1", r#"{"status":"CANCELLED"}"#).await;
    let again = floor.call(&ada.key("k1"), "POST /orders", automated).await;
    assert_eq!(
        whole(&again),
        whole(&first),
        "the first answer, though it is cancelled since"
    );
    mismatch(
        &floor,
        &ada.key("k1"),
        "POST /orders",
        r#"{"type":"BUY","stockId":4,"stockAmount":2}"#,
    )
    .await;
    let orders = floor.done(&ada, "GET /orders", "").await;
    assert_eq!(orders.as_array().unwrap().len(), 1);
    assert_eq!(floor.money(&ada).await, "100 0 0");
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let floor = Floor::new().await;
    let ada = floor.ada();
    let key = ada.key("k1");
    let order = r#"{"type":"BUY","stockId":4,"stockAmount":2}"#;
    assert_eq!(
        reason(&floor.call(&key, "POST /orders", order).await),
        (409, "INSUFFICIENT_FUNDS".to_owned())
    );
    floor.deposit(&ada, "100").await;
    assert_eq!(floor.call(&key, "POST /orders", order).await.status, 201);
    let long = "x".repeat(256);
    for bad in ["", " ", long.as_str()] {
        let answered = floor.call(&ada.key(bad), "POST /orders", order).await;
        assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{bad:?}");
    }
    let two = floor.call(&ada.key("a").key("b"), "POST /orders", order).await;
    assert_eq!(two.status, 400);
    assert_eq!(floor.shares(&ada).await, "2 0");
}
