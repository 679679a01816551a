//! The stock service: stocks and holdings.

use super::app::{BrokerageApp, reason, refused};
use super::authorization::changed;

#[tokio::test]
async fn stocks_are_public() {
    let brokerage = BrokerageApp::new().await;
    let anonymous = brokerage.anonymous();
    let menhir = r#"{"id":4,"name":"MenhirCo","price":9.99,"quantity":100,"open":9.99,"high":9.99,"low":9.99,"close":9.99,"volume":0}"#;
    assert_eq!(
        brokerage.get(&anonymous, "/stocks/4").await.line(),
        format!("200 {menhir}")
    );
    let all = brokerage.done(&anonymous, "GET /stocks", "").await;
    let names: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|stock| stock["name"].as_str().unwrap())
        .collect();
    assert_eq!((names.len(), names[0], names[9]), (10, "GameStart", "MercuryExpress"));
    assert_eq!(
        all[3].to_string(),
        serde_json::from_str::<serde_json::Value>(menhir).unwrap().to_string()
    );
    for id in ["11", "0", "-1", "abc", "MenhirCo", "4.0", "9223372036854775808"] {
        let answered = brokerage.get(&anonymous, &format!("/stocks/{id}")).await;
        assert_eq!(answered.line(), refused(404, "NOT_FOUND", "stock not found"), "{id}");
    }
    brokerage.deposit(&brokerage.ada(), "100").await;
    brokerage.buy(&brokerage.ada(), 3).await;
    let after = brokerage.done(&anonymous, "GET /stocks/4", "").await;
    assert_eq!((&after["quantity"], &after["volume"]), (&97.into(), &3.into()));
}

#[tokio::test]
async fn shares_are_visible_to_their_owner_only() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    assert_eq!(brokerage.get(&ada, "/stockholdings").await.line(), "200 []");
    brokerage.deposit(&ada, "100").await;
    brokerage.buy(&ada, 10).await;
    let shown = r#"{"id":1,"userId":1,"stockId":4,"amount":10,"committedAmount":0,"commitedAmount":0}"#;
    assert_eq!(
        brokerage.get(&ada, "/stockholdings").await.line(),
        format!("200 [{shown}]")
    );
    assert_eq!(
        brokerage.get(&ada, "/stockholdings/1").await.line(),
        format!("200 {shown}")
    );
    assert_eq!(
        brokerage.get(&brokerage.service(), "/stockholdings/1").await.line(),
        format!("200 {shown}")
    );
    assert_eq!(brokerage.get(&brokerage.ben(), "/stockholdings").await.line(), "200 []");
    let not_found = refused(404, "NOT_FOUND", "stockholding not found");
    for caller in [brokerage.ben(), brokerage.cleo()] {
        assert_eq!(brokerage.get(&caller, "/stockholdings/1").await.line(), not_found);
        let committed = brokerage
            .call(&caller, "PUT /stockholdings/1", r#"{"committedAmount":1}"#)
            .await;
        assert_eq!(committed.line(), not_found);
    }
    for id in ["2", "abc", "0", "9223372036854775808"] {
        assert_eq!(
            brokerage.get(&ada, &format!("/stockholdings/{id}")).await.line(),
            not_found,
            "{id}"
        );
        let committed = brokerage
            .call(&ada, &format!("PUT /stockholdings/{id}"), r#"{"committedAmount":1}"#)
            .await;
        assert_eq!(committed.line(), not_found, "{id}");
    }
    assert_eq!(brokerage.shares(&ada).await, "10 0");
}

#[tokio::test]
async fn shares_move_between_free_and_committed_in_either_spelling() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    brokerage.buy(&ada, 10).await;
    let shown = |free: i64, committed: i64| {
        format!(
            r#"200 {{"id":1,"userId":1,"stockId":4,"amount":{free},"committedAmount":{committed},"commitedAmount":{committed}}}"#
        )
    };
    let commit = async |body: &str| brokerage.call(&ada, "PUT /stockholdings/1", body).await;
    assert_eq!(commit(r#"{"committedAmount":7}"#).await.line(), shown(3, 7));
    assert_eq!(commit(r#"{"commitedAmount":10}"#).await.line(), shown(0, 10));
    assert_eq!(
        commit(r#"{"committedAmount":6,"commitedAmount":6,"amount":99}"#)
            .await
            .line(),
        shown(4, 6)
    );
    // An authorization takes committed shares first.
    brokerage.lend_shares(5).await;
    assert_eq!(brokerage.shares(&ada).await, "4 6");
    for body in [r#"{"committedAmount":4}"#, r#"{"committedAmount":11}"#] {
        assert_eq!(reason(&commit(body).await), (400, "INVALID_INPUT".to_owned()), "{body}");
    }
    for value in ["", "null", "-1", "1.0", "\"1\"", "true", "2147483648"] {
        for name in ["committedAmount", "commitedAmount"] {
            let body = changed("{}", name, value);
            assert_eq!(
                reason(&commit(&body).await),
                (400, "INVALID_INPUT".to_owned()),
                "{body}"
            );
        }
    }
    let two = commit(r#"{"committedAmount":6,"commitedAmount":7}"#).await;
    let message = "committedAmount and commitedAmount must be the same";
    assert_eq!(two.line(), refused(400, "INVALID_INPUT", message));
    assert_eq!(brokerage.shares(&ada).await, "4 6");
    let by_program = brokerage
        .call(&brokerage.service(), "PUT /stockholdings/1", r#"{"committedAmount":5}"#)
        .await;
    assert_eq!(by_program.line(), shown(5, 5));
}
