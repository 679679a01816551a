//! The documented routes, body by body.

use reqwest::Method;
use serde_json::{Value, json};

use crate::cluster::{Cluster, SECRET, sent};

fn error(code: u16, message: &str) -> Value {
    json!({ "error": { "code": code, "message": message } })
}

#[tokio::test]
async fn every_replica_answers_the_documented_routes() {
    let cluster = Cluster::of_three().await;
    for (number, id) in [1, 2, 3].into_iter().enumerate() {
        let body = json!({ "name": "GameStart", "quantity": 2 });
        let traded = json!({ "order_number": number, "transaction-number": number, "transaction_number": number });
        assert_eq!(cluster.post(id, "/buy", body).await, (200, traded));
        let pong = json!({ "success": { "code": 200, "message": "pong", "server-id": id } });
        assert_eq!(cluster.get(id, "/ping").await, (200, pong));
    }
    for id in 1..=3 {
        let order = json!({ "number": 2, "name": "GameStart", "quantity": 2, "type": "buy" });
        assert_eq!(cluster.get(id, "/orders/2").await, (200, order.clone()));
        assert_eq!(cluster.get(id, "/lookup-order/2/").await, (200, order));
        for unknown in ["3", "-1", "abc", "99999999999999999999"] {
            let message = format!("could not find order with number {unknown}");
            assert_eq!(
                cluster.get(id, &format!("/orders/{unknown}")).await,
                (404, error(404, &message))
            );
        }
    }
    let sold = cluster
        .post(1, "/sell", json!({ "name": "FishCo", "quantity": 5 }))
        .await;
    assert_eq!(sold.0, 200);
    assert_eq!(
        cluster.catalog.quantity("FishCo").await.expect("a stock"),
        Some((105, 0))
    );
    assert_eq!(
        cluster.catalog.quantity("GameStart").await.expect("a stock"),
        Some((94, 0))
    );
}

#[tokio::test]
async fn an_impossible_trade_is_refused_and_uses_no_number() {
    let cluster = Cluster::of_three().await;
    let trade = |name: Value, quantity: Value| json!({ "name": name, "quantity": quantity });
    for (body, expected) in [
        (trade("NoSuchCo".into(), 1.into()), error(404, "stock not found")),
        (
            trade("GameStart".into(), 101.into()),
            error(409, "could not trade stock"),
        ),
        (
            trade("GameStart".into(), 0.into()),
            error(400, "quantity must be an integer from 1 to 2147483647"),
        ),
        (
            trade("GameStart".into(), 1.0.into()),
            error(400, "quantity must be an integer from 1 to 2147483647"),
        ),
        (
            trade("GameStart".into(), "1".into()),
            error(400, "quantity must be an integer from 1 to 2147483647"),
        ),
        (
            trade(" ".into(), 1.into()),
            error(400, "name must be text of 1 to 64 characters"),
        ),
        (
            trade(7.into(), 1.into()),
            error(400, "name must be text of 1 to 64 characters"),
        ),
        (json!([]), error(400, "the body must be a JSON object")),
    ] {
        let status = u16::try_from(expected["error"]["code"].as_u64().expect("a code")).expect("a status");
        assert_eq!(cluster.post(2, "/buy", body).await, (status, expected));
    }
    let too_many = trade("GameStart".into(), i32::MAX.into());
    assert_eq!(
        cluster.post(2, "/sell", too_many).await,
        (409, error(409, "could not trade stock"))
    );
    let first = cluster.post(3, "/buy", trade("GameStart".into(), 1.into())).await;
    assert_eq!(first.1["order_number"], 0);
}

#[tokio::test]
async fn a_key_fits_one_trade_on_any_replica() {
    let cluster = Cluster::of_three().await;
    let first = cluster.trade(1, "/buy", "once", 3).await;
    assert_eq!(first.0, 200);
    for id in 1..=3 {
        assert_eq!(cluster.trade(id, "/buy", "once", 3).await, first);
        assert_eq!(cluster.trade(id, "/buy", "once", 4).await.0, 422);
        assert_eq!(cluster.trade(id, "/sell", "once", 3).await.0, 422);
    }
    assert_eq!(cluster.trade(1, "/buy", "", 3).await.0, 400);
    assert_eq!(
        cluster.catalog.quantity("GameStart").await.expect("a stock"),
        Some((97, 0))
    );
}

#[tokio::test]
async fn a_push_confirms_a_recorded_trade_and_never_writes() {
    let cluster = Cluster::of_three().await;
    let (_, traded) = cluster
        .post(1, "/buy", json!({ "name": "GameStart", "quantity": 2 }))
        .await;
    assert_eq!(traded["order_number"], 0);
    let push = |number: i64, quantity: i64| json!({ "nextID": number, "entry": { "name": "GameStart", "quantity": quantity, "type": "buy" } });
    let pushed = json!({ "success": { "code": 200, "message": "pushed entry to database" } });
    for id in 1..=3 {
        assert_eq!(cluster.post(id, "/push", push(0, 2)).await, (200, pushed.clone()));
        assert_eq!(cluster.post(id, "/push", push(0, 3)).await.0, 409);
        assert_eq!(cluster.post(id, "/push", push(1, 2)).await.0, 409);
        assert_eq!(cluster.post(id, "/push", push(-1, 2)).await.0, 400);
        assert_eq!(cluster.post(id, "/push", json!({ "nextID": 0 })).await.0, 400);
    }
    assert!(cluster.ledgers(0).await.iter().all(|ledger| ledger.len() == 1));
}

#[tokio::test]
async fn sync_returns_the_missing_orders_and_the_leader() {
    let cluster = Cluster::of_three().await;
    for quantity in 1..=3 {
        cluster
            .post(1, "/buy", json!({ "name": "GameStart", "quantity": quantity }))
            .await;
    }
    cluster.ledgers(2).await;
    let leader = cluster.leader().await;
    for id in 1..=3 {
        let missed = json!({
            "leader-id": leader,
            "transactions": {
                "1": { "name": "GameStart", "quantity": 2, "type": "buy" },
                "2": { "name": "GameStart", "quantity": 3, "type": "buy" },
            },
        });
        assert_eq!(cluster.post(id, "/sync", json!({ "lastID": 0 })).await, (200, missed));
        let (_, all) = cluster.post(id, "/sync", json!({ "lastID": -1 })).await;
        assert_eq!(all["transactions"].as_object().map(serde_json::Map::len), Some(3));
        assert_eq!(cluster.post(id, "/sync", json!({ "lastID": -2 })).await.0, 400);
        assert_eq!(cluster.post(id, "/sync", json!({})).await.0, 400);
    }
}

#[tokio::test]
async fn a_broadcast_does_not_displace_a_working_leader() {
    let cluster = Cluster::of_three().await;
    let leader = cluster.leader().await;
    // The answer has the documented members, and the actual leader.
    let acknowledged = json!({ "success": { "code": 200, "message": "acknowledge new leader", "leader-id": leader } });
    for id in 1..=3 {
        let answer = cluster.post(id, "/leader-broadcast", json!({ "leader-id": 3 })).await;
        assert_eq!(answer, (200, acknowledged.clone()));
        assert_eq!(
            cluster.post(id, "/leader-broadcast", json!({ "leader-id": 4 })).await.0,
            400
        );
        assert_eq!(
            cluster
                .post(id, "/leader-broadcast", json!({ "leader-id": "3" }))
                .await
                .0,
            400
        );
    }
    assert_eq!(cluster.leader().await, leader);
}

#[tokio::test]
async fn other_paths_methods_and_types_are_refused_in_the_envelope() {
    let cluster = Cluster::of_three().await;
    assert_eq!(cluster.get(1, "/nothing").await, (404, error(404, "not found")));
    let response = cluster.request(Method::GET, 1, "/buy").send().await.expect("an answer");
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
    assert_eq!(
        sent(cluster.request(Method::GET, 1, "/buy")).await.1,
        error(405, "method not allowed")
    );
    let text = cluster
        .request(Method::POST, 1, "/buy")
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(sent(text).await.0, 415);
    let large = cluster.request(Method::POST, 1, "/buy").body("x".repeat(1 << 20));
    assert_eq!(sent(large).await.0, 413);
    let untyped = cluster
        .request(Method::POST, 1, "/buy")
        .body(r#"{"name":"GameStart","quantity":1}"#);
    assert_eq!(sent(untyped).await.0, 200);
    assert_eq!(sent(cluster.request(Method::HEAD, 1, "/ping")).await.0, 200);
    assert_eq!(cluster.get(1, "/ping/").await.0, 200);
}

#[tokio::test]
async fn replicas_refuse_callers_without_the_credential() {
    let cluster = Cluster::of_three().await;
    for path in [
        "/raft/append",
        "/raft/vote",
        "/raft/snapshot",
        "/raft/commit",
        "/raft/read",
        "/raft/members",
        "/raft/admit",
        "/raft/join",
    ] {
        for token in [None, Some(""), Some("wrong"), Some(&SECRET[1..])] {
            let mut request = cluster.request(Method::POST, 1, path).body("{}");
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status(), 401, "{path}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
        let known = cluster
            .request(Method::POST, 1, path)
            .bearer_auth(SECRET)
            .body("nonsense");
        assert_eq!(sent(known).await.0, 400, "{path}");
    }
    for path in ["/raft/status", "/raft/orders/0", "/raft/orders-after/0"] {
        assert_eq!(sent(cluster.request(Method::GET, 1, path)).await.0, 401, "{path}");
        let known = cluster.request(Method::GET, 1, path).bearer_auth(SECRET);
        assert_eq!(sent(known).await.0, 200, "{path}");
    }
    // A vote that would depose any leader.
    let vote = json!({
        "vote": { "leader_id": { "term": 1_000_000, "node_id": 9 }, "committed": false },
        "last_log_id": null,
    });
    let vote = || cluster.request(Method::POST, 1, "/raft/vote").json(&vote);
    assert_eq!(sent(vote()).await.0, 401);
    assert!(cluster.replica(1).status().await.expect("a status").term < 1_000_000);
    assert_eq!(sent(vote().bearer_auth(SECRET)).await.0, 200);
}
