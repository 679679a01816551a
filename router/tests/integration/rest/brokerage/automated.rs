//! The stock service: automated orders.

use super::app::{BrokerageApp, NOW, reason, refused};
use super::authorization::changed;

const WAITING: &str = r#"{"type":"PURCHASE","stockId":4,"stockAmount":3,"automated":true,"limitPrice":8}"#;

fn shown(status: &str) -> String {
    format!(
        r#"{{"id":1,"type":"PURCHASE","stockId":4,"stockAmount":3,"orderPrice":24,"fee":0,"date":"{NOW}","status":"{status}","investorId":1,"brokerId":null,"authorizationId":null,"automated":true,"limitPrice":8,"exchangeOrderNumber":null}}"#
    )
}

#[tokio::test]
async fn an_automated_order_reserves_its_funds_until_cancelled() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    let placed = brokerage.call(&ada, "POST /orders", WAITING).await;
    assert_eq!(placed.line(), format!("201 {}", shown("PENDING")));
    assert_eq!(placed.header("location"), "/brokerage/orders/1");
    assert_eq!(brokerage.money(&ada).await, "76 0 24");
    assert_eq!(
        brokerage.get(&ada, "/orders?status=pending").await.line(),
        format!("200 [{}]", shown("PENDING"))
    );
    for status in ["Canceled", "CANCELLED", "cancelled"] {
        let body = format!(r#"{{"status":"{status}"}}"#);
        let cancelled = brokerage.call(&ada, "PUT /orders/1", &body).await;
        assert_eq!(cancelled.line(), format!("200 {}", shown("CANCELLED")), "once or again");
        assert_eq!(brokerage.money(&ada).await, "100 0 0");
    }
    assert_eq!(
        brokerage.get(&ada, "/orders?status=CANCELLED").await.line(),
        format!("200 [{}]", shown("CANCELLED"))
    );
}

#[tokio::test]
async fn an_automated_order_at_its_price_executes_at_once() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    let order = brokerage
        .done(&ada, "POST /orders", &changed(WAITING, "limitPrice", "12"))
        .await;
    assert_eq!(
        (
            &order["status"],
            &order["orderPrice"],
            &order["limitPrice"],
            &order["exchangeOrderNumber"]
        ),
        (&"COMPLETED".into(), &29.97.into(), &12.into(), &0.into())
    );
    assert_eq!(
        (brokerage.money(&ada).await, brokerage.shares(&ada).await),
        ("70.03 0 0".to_owned(), "3 0".to_owned())
    );
    let sale = r#"{"type":"SALE","stockId":4,"stockAmount":2,"automated":true,"limitPrice":20}"#;
    let waits = brokerage.done(&ada, "POST /orders", sale).await;
    assert_eq!(
        (&waits["status"], &waits["orderPrice"]),
        (&"PENDING".into(), &40.into())
    );
    assert_eq!(brokerage.shares(&ada).await, "1 0", "the shares it would sell are held");
    let answered = brokerage.call(&ada, "PUT /orders/1", r#"{"status":"CANCELLED"}"#).await;
    assert_eq!(reason(&answered), (409, "ORDER_COMPLETED".to_owned()));
}

#[tokio::test]
async fn only_investors_automate_orders_and_only_their_own() {
    let brokerage = BrokerageApp::new().await;
    let (ada, ben) = (brokerage.ada(), brokerage.ben());
    brokerage.deposit(&ada, "100").await;
    brokerage.lend_money("50").await;
    for (caller, body) in [
        (&ada, changed(WAITING, "authorizationId", "1")),
        (&ben, changed(WAITING, "authorizationId", "1")),
        (&ben, WAITING.to_owned()),
    ] {
        let answered = brokerage.call(caller, "POST /orders", &body).await;
        assert_eq!(reason(&answered), (400, "INVALID_AUTOMATED_ORDER".to_owned()), "{body}");
    }
    for value in ["", "null", "0", "-1", "8.001", "\"8\""] {
        let answered = brokerage
            .call(&ada, "POST /orders", &changed(WAITING, "limitPrice", value))
            .await;
        assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{value}");
        assert!(answered.text.contains("limitPrice"), "{}", answered.text);
    }
    let unknown = brokerage
        .call(&ada, "POST /orders", &changed(WAITING, "stockId", "11"))
        .await;
    assert_eq!(unknown.line(), refused(404, "NOT_FOUND", "stock not found"));
    let too_much = brokerage
        .call(&ada, "POST /orders", &changed(WAITING, "stockAmount", "7"))
        .await;
    assert_eq!(reason(&too_much), (409, "INSUFFICIENT_FUNDS".to_owned()));
    let sale = changed(&changed(WAITING, "type", "\"SALE\""), "limitPrice", "20");
    let too_many = brokerage.call(&ada, "POST /orders", &sale).await;
    assert_eq!(reason(&too_many), (409, "INSUFFICIENT_SHARES".to_owned()));
    assert_eq!(brokerage.get(&ada, "/orders").await.line(), "200 []");
    assert_eq!(brokerage.money(&ada).await, "50 50 0");
}
