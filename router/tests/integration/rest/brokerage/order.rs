//! The stock service: orders that are executed at once.

use super::app::{BEN, BrokerageApp, LATER, MENHIR, NOW, reason, refused};
use super::authorization::changed;

const PURCHASE: &str = r#"{"type":"PURCHASE","stockId":4,"stockAmount":2}"#;

#[tokio::test]
async fn an_investor_buys_and_sells_without_a_fee() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    let shown = |id: i64, kind: &str, number: i64| {
        format!(
            r#"{{"id":{id},"type":"{kind}","stockId":4,"stockAmount":2,"orderPrice":19.98,"fee":0,"date":"{NOW}","status":"COMPLETED","investorId":1,"brokerId":null,"authorizationId":null,"automated":false,"limitPrice":null,"exchangeOrderNumber":{number}}}"#
        )
    };
    let bought = brokerage.call(&ada, "POST /orders", PURCHASE).await;
    assert_eq!(bought.line(), format!("201 {}", shown(1, "PURCHASE", 0)));
    assert_eq!(bought.header("location"), "/brokerage/orders/1");
    assert_eq!(
        (brokerage.money(&ada).await, brokerage.shares(&ada).await),
        ("80.02 0 0".to_owned(), "2 0".to_owned())
    );
    let sale = r#"{"type":"sell","stockId":4,"stockAmount":2,"authorizationId":null,"automated":false,"limitPrice":null,"fee":7}"#;
    let sold = brokerage.call(&ada, "POST /orders", sale).await;
    assert_eq!(sold.line(), format!("201 {}", shown(2, "SALE", 1)));
    assert_eq!(
        (brokerage.money(&ada).await, brokerage.shares(&ada).await),
        ("100 0 0".to_owned(), "0 0".to_owned())
    );

    for (path, expected) in [
        ("/orders", vec![shown(2, "SALE", 1), shown(1, "PURCHASE", 0)]),
        ("/orders?type=PURCHASE", vec![shown(1, "PURCHASE", 0)]),
        ("/orders?type=sell&status=completed", vec![shown(2, "SALE", 1)]),
        ("/orders?status=PENDING", vec![]),
        ("/orders?status=canceled&type=buy", vec![]),
    ] {
        let answered = brokerage.get(&ada, path).await;
        assert_eq!(answered.line(), format!("200 [{}]", expected.join(",")), "{path}");
    }
    assert_eq!(
        brokerage.get(&ada, "/orders/1").await.line(),
        format!("200 {}", shown(1, "PURCHASE", 0))
    );
    assert_eq!(brokerage.get(&brokerage.ben(), "/orders").await.line(), "200 []");
}

#[tokio::test]
async fn a_broker_buys_and_sells_for_an_investor_and_takes_a_fee() {
    let brokerage = BrokerageApp::new().await;
    let (ada, ben) = (brokerage.ada(), brokerage.ben());
    brokerage.deposit(&ada, "1000").await;
    let capital = brokerage.lend_money("500").await;
    let body = format!(r#"{{"type":"BUY","stockId":{MENHIR},"stockAmount":10,"authorizationId":{capital}}}"#);
    let bought = brokerage.call(&ben, "POST /orders", &body).await;
    let shown = format!(
        r#"{{"id":1,"type":"PURCHASE","stockId":4,"stockAmount":10,"orderPrice":99.9,"fee":1,"date":"{NOW}","status":"COMPLETED","investorId":1,"brokerId":2,"authorizationId":1,"automated":false,"limitPrice":null,"exchangeOrderNumber":0}}"#
    );
    assert_eq!(bought.line(), format!("201 {shown}"));
    // The shares belong to Ada, and are reserved for Ben's authorization.
    assert_eq!(
        (brokerage.money(&ada).await, brokerage.shares(&ada).await),
        ("500 399.1 0".to_owned(), "0 10".to_owned())
    );
    assert_eq!(brokerage.money(&ben).await, "1 0 0");
    let lent = brokerage.done(&ben, "GET /authorizations?active=true", "").await;
    let left: Vec<String> = lent
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["type"], one["amount"]))
        .collect();
    assert_eq!(left, ["\"CAPITAL\" 399.1", "\"STOCKHOLDING\" 10"]);
    assert!(
        lent.as_array().unwrap().iter().all(|one| one["endDate"] == LATER),
        "{lent}"
    );
    let body = format!(
        r#"{{"type":"SALE","stockId":{MENHIR},"stockAmount":10,"authorizationId":{}}}"#,
        lent[1]["id"]
    );
    let sold = brokerage.done(&ben, "POST /orders", &body).await;
    assert_eq!((&sold["fee"], &sold["orderPrice"]), (&1.into(), &99.9.into()));
    assert_eq!(
        (brokerage.money(&ada).await, brokerage.shares(&ada).await),
        ("500 498 0".to_owned(), "0 0".to_owned())
    );
    for caller in [&ada, &ben] {
        let orders = brokerage.done(caller, "GET /orders", "").await;
        assert_eq!(orders.as_array().unwrap().len(), 2, "both see both");
        assert_eq!(brokerage.get(caller, "/orders/1").await.line(), format!("200 {shown}"));
    }
}

#[tokio::test]
async fn a_broker_sees_only_orders_placed_by_that_broker() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    brokerage.buy(&ada, 1).await;
    let (_, finn) = brokerage.register("finn", "broker").await;
    let not_found = refused(404, "NOT_FOUND", "order not found");
    for caller in [&brokerage.ben(), &finn, &brokerage.cleo()] {
        assert_eq!(brokerage.get(caller, "/orders").await.line(), "200 []");
        assert_eq!(brokerage.get(caller, "/orders/1").await.line(), not_found);
        let cancelled = brokerage
            .call(caller, "PUT /orders/1", r#"{"status":"CANCELLED"}"#)
            .await;
        assert_eq!(cancelled.line(), not_found);
    }
    for id in ["2", "abc", "0", "9223372036854775808"] {
        assert_eq!(
            brokerage.get(&ada, &format!("/orders/{id}")).await.line(),
            not_found,
            "{id}"
        );
        let cancelled = brokerage
            .call(&ada, &format!("PUT /orders/{id}"), r#"{"status":"CANCELLED"}"#)
            .await;
        assert_eq!(cancelled.line(), not_found, "{id}");
    }
    for path in [
        "/orders?type=hold",
        "/orders?type=",
        "/orders?status=done",
        "/orders?status=PENDING&status=PENDING",
    ] {
        assert_eq!(
            reason(&brokerage.get(&ada, path).await),
            (400, "INVALID_INPUT".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_invalid_order_is_not_placed() {
    let brokerage = BrokerageApp::new().await;
    let (ada, ben) = (brokerage.ada(), brokerage.ben());
    brokerage.deposit(&ada, "50").await;
    for (member, values) in [
        ("type", vec!["", "null", "7", "\"HOLD\"", "\"\""]),
        ("stockId", vec!["", "null", "\"4\"", "4.5", "1e999999999", "true"]),
        (
            "stockAmount",
            vec!["", "null", "0", "-1", "1.0", "\"1\"", "true", "2147483648"],
        ),
        ("automated", vec!["null", "1", "\"true\""]),
        ("limitPrice", vec!["0", "-1", "9.999", "\"9\"", "5"]),
        ("authorizationId", vec!["\"1\"", "1.5", "true"]),
    ] {
        for value in values {
            let answered = brokerage
                .call(&ada, "POST /orders", &changed(PURCHASE, member, value))
                .await;
            assert_eq!(
                reason(&answered),
                (400, "INVALID_INPUT".to_owned()),
                "{member} {value}: {}",
                answered.text
            );
            let message = answered.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with(member), "{member} {value}: {message}");
        }
    }
    let table = [
        (&ada, changed(PURCHASE, "authorizationId", "1"), (400, "INVALID_INPUT")),
        (&ben, PURCHASE.to_owned(), (400, "INVALID_INPUT")),
        (&ada, changed(PURCHASE, "stockId", "11"), (404, "NOT_FOUND")),
        (&ada, changed(PURCHASE, "stockId", "0"), (404, "NOT_FOUND")),
        (&ada, changed(PURCHASE, "stockId", "-4"), (404, "NOT_FOUND")),
        (&ben, changed(PURCHASE, "authorizationId", "77"), (404, "NOT_FOUND")),
        (&ada, changed(PURCHASE, "stockAmount", "6"), (409, "INSUFFICIENT_FUNDS")),
        (
            &ada,
            changed(PURCHASE, "type", "\"SALE\""),
            (409, "INSUFFICIENT_SHARES"),
        ),
        (
            &ada,
            changed(PURCHASE, "stockAmount", "101"),
            (409, "INSUFFICIENT_STOCK"),
        ),
    ];
    brokerage
        .done(&brokerage.service(), "PUT /balance", r#"{"userId":1,"balance":50}"#)
        .await;
    for (caller, body, expected) in table {
        if expected.1 == "INSUFFICIENT_STOCK" {
            brokerage.deposit(&ada, "5000").await;
        }
        let answered = brokerage.call(caller, "POST /orders", &body).await;
        let (status, why) = reason(&answered);
        assert_eq!((status, why.as_str()), expected, "{body}: {}", answered.text);
    }
    for caller in [brokerage.cleo(), brokerage.service()] {
        assert_eq!(
            reason(&brokerage.call(&caller, "POST /orders", PURCHASE).await),
            (403, "FORBIDDEN".to_owned())
        );
    }
    assert_eq!(brokerage.get(&ada, "/orders").await.line(), "200 []");
    assert_eq!(brokerage.done(&ada, "GET /stocks/4", "").await["quantity"], 100);
    assert_eq!(brokerage.money(&ada).await, "5050 0 0");
}

#[tokio::test]
async fn an_authorization_fits_one_broker_kind_stock_and_period() {
    let brokerage = BrokerageApp::new().await;
    let (ada, ben) = (brokerage.ada(), brokerage.ben());
    brokerage.deposit(&ada, "1000").await;
    brokerage.buy(&ada, 10).await;
    let capital = brokerage.lend_money("50").await;
    let shares = brokerage.lend_shares(5).await;
    let (_, finn) = brokerage.register("finn", "broker").await;
    let order = |kind: &str, stock: i64, quantity: i64, authorization: i64| {
        format!(r#"{{"type":"{kind}","stockId":{stock},"stockAmount":{quantity},"authorizationId":{authorization}}}"#)
    };
    let refuse = async |caller: &super::app::TestCaller, body: String, expected: (u16, &str)| {
        let answered = brokerage.call(caller, "POST /orders", &body).await;
        let (status, why) = reason(&answered);
        assert_eq!((status, why.as_str()), expected, "{body}: {}", answered.text);
    };
    refuse(&finn, order("BUY", MENHIR, 1, capital), (404, "NOT_FOUND")).await;
    refuse(&ben, order("SELL", MENHIR, 1, capital), (403, "AUTHORIZATION_MISMATCH")).await;
    refuse(&ben, order("BUY", MENHIR, 1, shares), (403, "AUTHORIZATION_MISMATCH")).await;
    refuse(&ben, order("SELL", 1, 1, shares), (403, "AUTHORIZATION_MISMATCH")).await;
    // The shares cost 5 × 9.99 = 49.95, which the authorization of 50 covers; with the fee of 0.50 they exceed it.
    refuse(
        &ben,
        order("BUY", MENHIR, 5, capital),
        (409, "INSUFFICIENT_AUTHORIZATION"),
    )
    .await;
    refuse(
        &ben,
        order("SELL", MENHIR, 6, shares),
        (409, "INSUFFICIENT_AUTHORIZATION"),
    )
    .await;
    brokerage
        .done(&ada, &format!("PUT /authorizations/{capital}/revoke"), "")
        .await;
    refuse(&ben, order("BUY", MENHIR, 1, capital), (403, "FORBIDDEN")).await;
    let body =
        format!(r#"{{"type":"CAPITAL","brokerId":{BEN},"amount":50,"startDate":"2026-01-03","endDate":"2026-01-04"}}"#);
    let next = brokerage.done(&ada, "POST /authorizations", &body).await["id"]
        .as_i64()
        .unwrap();
    refuse(&ben, order("BUY", MENHIR, 1, next), (403, "FORBIDDEN")).await;
    let orders = brokerage.done(&ada, "GET /orders", "").await;
    assert_eq!(
        orders.as_array().unwrap().len(),
        1,
        "nothing but what Ada bought herself"
    );
    assert_eq!(brokerage.money(&ben).await, "0 0 0");
}

#[tokio::test]
async fn a_completed_order_cannot_be_cancelled() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    brokerage.buy(&ada, 1).await;
    for status in ["CANCELLED", "canceled"] {
        let body = format!(r#"{{"status":"{status}"}}"#);
        let answered = brokerage.call(&ada, "PUT /orders/1", &body).await;
        assert_eq!(reason(&answered), (409, "ORDER_COMPLETED".to_owned()));
    }
    for body in [
        "{}",
        r#"{"status":null}"#,
        r#"{"status":"COMPLETED"}"#,
        r#"{"status":"PENDING"}"#,
        r#"{"status":7}"#,
        "[]",
    ] {
        let answered = brokerage.call(&ada, "PUT /orders/1", body).await;
        assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{body}");
    }
    assert_eq!(brokerage.money(&ada).await, "90.01 0 0");
}
