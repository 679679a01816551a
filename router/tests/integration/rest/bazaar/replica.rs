//! The routes between the replicas of the order service.

use agora::limits::Limits;
use agora::rest_access::AnonymousAccess;
use serde_json::{Value, json};

use super::{done, nothing_happened, refused, trades};
use crate::app::RestApp;

async fn with_trades(app: &RestApp, numbers: usize) {
    for number in 0..numbers {
        let body = json!({ "name": "BoarCo", "quantity": number + 1, "type": "sell" }).to_string();
        assert_eq!(app.json("POST /bazaar/orders", &body).await.status, 200);
    }
}

async fn sync(app: &RestApp, last: i64) -> Value {
    let answered = app
        .json("POST /bazaar/order/1/sync", &format!(r#"{{"lastID":{last}}}"#))
        .await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    answered.json()
}

#[tokio::test]
async fn sync_returns_every_trade_after_a_number_and_the_leader() {
    let app = RestApp::open().await;
    assert_eq!(sync(&app, -1).await, json!({ "leader-id": 1, "transactions": {} }));
    with_trades(&app, 3).await;
    let trade = |quantity: i64| json!({ "name": "BoarCo", "quantity": quantity, "type": "sell" });
    let all = json!({ "leader-id": 1, "transactions": { "0": trade(1), "1": trade(2), "2": trade(3) } });
    assert_eq!(sync(&app, -1).await, all);
    assert_eq!(
        sync(&app, 0).await["transactions"],
        json!({ "1": trade(2), "2": trade(3) })
    );
    assert_eq!(sync(&app, 2).await["transactions"], json!({}));
    assert_eq!(sync(&app, i64::from(i32::MAX)).await["transactions"], json!({}));
    for last in ["-2", "1.5", "1e10", "\"1\"", "true", "null", "2147483648"] {
        let body = format!(r#"{{"lastID":{last}}}"#);
        let answered = app.json("POST /bazaar/order/1/sync", &body).await;
        let message = answered.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(
            answered.status == 400 && message.starts_with("lastID must "),
            "{last}: {message}"
        );
    }
    let missing = app.json("POST /bazaar/order/1/sync", "{}").await;
    assert_eq!(missing.line(), refused(400, "lastID is required"));
}

#[tokio::test]
async fn sync_reads_all_pages_of_the_graph() {
    let app = RestApp::open().await;
    with_trades(&app, 130).await;
    let all = sync(&app, -1).await;
    let transactions = all["transactions"].as_object().unwrap();
    assert_eq!(transactions.len(), 130);
    assert_eq!(transactions["129"]["quantity"], 130);
}

#[tokio::test]
async fn a_long_sync_continues_from_its_last_number() {
    let limits = Limits {
        rest_rows_max: 4,
        ..Limits::default()
    };
    let app = RestApp::with(AnonymousAccess::Anyone, limits).await;
    with_trades(&app, 10).await;
    let (mut last, mut parts) = (-1, Vec::new());
    loop {
        let part = sync(&app, last).await;
        let mut numbers: Vec<i64> = part["transactions"]
            .as_object()
            .unwrap()
            .keys()
            .map(|number| number.parse().unwrap())
            .collect();
        numbers.sort_unstable();
        assert_eq!(part["leader-id"], 1);
        match numbers.last() {
            Some(number) => last = *number,
            None => break,
        }
        parts.push(numbers);
    }
    assert_eq!(parts, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
    let cut = app.json("POST /bazaar/order/1/sync", r#"{"lastID":1}"#).await;
    let next = cut.header("link").strip_suffix(">; rel=\"next\"").unwrap();
    let rest = app.json(&format!("POST {}", &next[1..]), r#"{"lastID":1}"#).await;
    assert_eq!(rest.header("link"), "");
    let transactions = rest.json()["transactions"].as_object().unwrap().len();
    assert_eq!(transactions, 4, "6 to 9");
}

#[tokio::test]
async fn push_confirms_a_recorded_trade_and_writes_nothing() {
    let app = RestApp::open().await;
    let push = async |id: i64, name: &str, quantity: i64, side: &str| {
        let entry = json!({ "name": name, "quantity": quantity, "type": side });
        let body = json!({ "nextID": id, "entry": entry, "term": 3 }).to_string();
        app.json("POST /bazaar/order/1/push", &body).await
    };
    assert_eq!(push(0, "BoarCo", 1, "sell").await.status, 409, "not recorded yet");
    with_trades(&app, 2).await;
    for _ in 0..2 {
        assert_eq!(
            push(1, "BoarCo", 2, "sell").await.line(),
            done("pushed entry to database")
        );
    }
    for (id, name, quantity, side) in [
        (1, "FishCo", 2, "sell"),
        (1, "BoarCo", 3, "sell"),
        (1, "BoarCo", 2, "buy"),
        (0, "BoarCo", 2, "sell"),
        (2, "BoarCo", 2, "sell"),
        (9, "BoarCo", 2, "sell"),
        (1, "Unlisted", 2, "sell"),
        (2_147_483_647, "BoarCo", 2, "sell"),
    ] {
        let refused = push(id, name, quantity, side).await;
        assert_eq!(refused.status, 409, "{id} {name} {quantity} {side}: {}", refused.text);
        assert_eq!(refused.json()["error"]["code"], 409);
    }
    assert_eq!(trades(&app).await, 2);
    assert_eq!(super::left(&app, "BoarCo").await, 103);
}

#[tokio::test]
async fn an_invalid_push_is_refused_by_the_name_of_its_member() {
    let app = RestApp::open().await;
    let entry = r#"{"name":"BoarCo","quantity":1,"type":"sell"}"#;
    for (body, message) in [
        ("{}".to_owned(), "nextID is required; entry is required"),
        (
            format!(r#"{{"nextID":-1,"entry":{entry}}}"#),
            "nextID must be from 0 to 2147483647",
        ),
        (
            format!(r#"{{"nextID":"0","entry":{entry}}}"#),
            "nextID must be an integer",
        ),
        (r#"{"nextID":0,"entry":null}"#.to_owned(), "entry must not be null"),
        (r#"{"nextID":0,"entry":[]}"#.to_owned(), "entry must be an object"),
        (
            r#"{"nextID":0,"entry":{"quantity":1.0,"type":"hold"}}"#.to_owned(),
            "entry.name is required; entry.quantity must be an integer; entry.type must be one of buy, sell",
        ),
        (
            r#"{"nextID":0,"entry":{"name":" ","quantity":1,"type":"buy"}}"#.to_owned(),
            "entry.name must not be blank",
        ),
    ] {
        let answered = app.json("POST /bazaar/order/1/push", &body).await;
        assert_eq!(answered.line(), refused(400, message), "{body}");
    }
    nothing_happened(&app).await;
}

#[tokio::test]
async fn only_an_existing_replica_can_be_proposed_as_leader() {
    let app = RestApp::open().await;
    let line = "POST /bazaar/order/1/leader-broadcast";
    for _ in 0..2 {
        let answered = app.json(line, r#"{"leader-id":1,"port":5002}"#).await;
        let leader = r#"200 {"success":{"code":200,"message":"acknowledge new leader","leader-id":1}}"#;
        assert_eq!(answered.line(), leader, "and says who leads, as replicas do");
    }
    for (id, message) in [
        ("2", "leader-id must be the id of a replica"),
        ("9223372036854775807", "leader-id must be the id of a replica"),
        ("0", "leader-id must be from 1 to 9223372036854775807"),
        ("-1", "leader-id must be from 1 to 9223372036854775807"),
        ("9223372036854775808", "leader-id must be from 1 to 9223372036854775807"),
        ("\"1\"", "leader-id must be an integer"),
        ("1.5", "leader-id must be an integer"),
        ("1e999999999", "leader-id must be from 1 to 9223372036854775807"),
        ("null", "leader-id must not be null"),
    ] {
        let answered = app.json(line, &format!(r#"{{"leader-id":{id}}}"#)).await;
        assert_eq!(answered.line(), refused(400, message), "{id}");
    }
    assert_eq!(sync(&app, -1).await["leader-id"], 1);
}

#[tokio::test]
async fn an_unconfigured_replica_is_not_found() {
    let app = RestApp::open().await;
    for line in [
        "GET /bazaar/order/2/ping",
        "POST /bazaar/order/2/buy",
        "POST /bazaar/order/0/sync",
        "GET /bazaar/order/one/ping",
        "GET /bazaar/order/ping",
        "GET /bazaar/order/2",
        "GET /bazaar/order/1",
    ] {
        let answered = app.json(line, "{}").await;
        assert_eq!(answered.line(), refused(404, "there is no such path"), "{line}");
    }
}
