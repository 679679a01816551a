//! Access to the bazaar's routes under both policies.

use axum::body::Body;
use contract::Viewer;
use serde_json::json;

use super::nothing_happened;
use crate::app::{RestApp, TestResponse};

const BUY: &str = r#"{"name":"GameStart","quantity":1,"type":"buy"}"#;
const PUSH: &str = r#"{"nextID":0,"entry":{"name":"GameStart","quantity":1,"type":"buy"}}"#;

/// Routes that accept every token.
const PUBLIC: [(&str, &str, u16); 3] = [
    ("POST /bazaar/orders", BUY, 200),
    ("GET /bazaar/stocks/GameStart", "", 200),
    ("GET /bazaar/orders/0", "", 200),
];

/// Routes that the services of the bazaar call.
const INTERNAL: [(&str, &str, u16); 11] = [
    ("POST /bazaar/invalidate/GameStart", "", 200),
    ("GET /bazaar/catalog/lookup/GameStart", "", 200),
    ("POST /bazaar/catalog/update", BUY, 200),
    ("POST /bazaar/order/1/buy", BUY, 200),
    ("POST /bazaar/order/1/sell", BUY, 200),
    ("GET /bazaar/order/1/orders/0", "", 200),
    ("GET /bazaar/order/1/lookup-order/0", "", 200),
    ("POST /bazaar/order/1/push", PUSH, 200),
    ("POST /bazaar/order/1/sync", r#"{"lastID":0}"#, 200),
    ("GET /bazaar/order/1/ping", "", 200),
    ("POST /bazaar/order/1/leader-broadcast", r#"{"leader-id":1}"#, 200),
];

#[tokio::test]
async fn a_closed_mount_answers_nothing_without_a_token() {
    let app = RestApp::closed().await;
    for (line, _, _) in PUBLIC.iter().chain(&INTERNAL) {
        let answered = app.send(line, &[("content-type", "text/plain")], "{").await;
        assert_eq!(
            (answered.status, answered.header("www-authenticate")),
            (401, "Bearer"),
            "{line}"
        );
    }
    assert_eq!(app.call("GET /bazaar/nowhere").await.status, 404);
    assert_eq!(app.call("PUT /bazaar/orders").await.status, 405);
}

#[tokio::test]
async fn a_closed_mount_lets_users_trade_and_services_operate() {
    let app = RestApp::closed().await;
    for (line, body, status) in PUBLIC {
        assert_eq!(by_person(&app, 7, line, body).await.status, status, "{line}");
    }
    for (line, body, _) in INTERNAL {
        let refused = by_person(&app, 7, line, body).await;
        assert_eq!(refused.status, 403, "{line}: {}", refused.text);
        if line.starts_with("POST") && !body.is_empty() {
            let answered = by_person(&app, 7, line, "[").await;
            assert_eq!(answered.status, 400, "{line}: the body comes first");
        }
    }
    assert_eq!(traders(&app).await, r#"[{"trader":{"id":"user_7"}}]"#);
    for (line, body, status) in PUBLIC.iter().chain(&INTERNAL) {
        let token = format!("Bearer {}", app.service());
        let answered = app.send(line, &[("authorization", &token)], *body).await;
        assert_eq!(answered.status, *status, "{line}: {}", answered.text);
    }
}

#[tokio::test]
async fn an_open_mount_answers_every_caller_but_invalid_tokens() {
    let app = RestApp::open().await;
    for (line, body, _) in PUBLIC.iter().chain(&INTERNAL) {
        let answered = app.send(line, &[("authorization", "Bearer nonsense")], *body).await;
        assert_eq!(answered.status, 401, "{line}");
    }
    nothing_happened(&app).await;
    for (line, body, status) in PUBLIC.iter().chain(&INTERNAL) {
        let answered = app.json(line, body).await;
        assert_eq!(answered.status, *status, "{line}: {}", answered.text);
    }
}

#[tokio::test]
async fn a_trade_on_an_open_mount_belongs_to_the_tokens_user() {
    let app = RestApp::open().await;
    assert_eq!(by_person(&app, 7, "POST /bazaar/orders", BUY).await.status, 200);
    assert_eq!(app.json("POST /bazaar/orders", BUY).await.status, 200);
    // The order service does not act as a user: a token changes nothing.
    assert_eq!(by_person(&app, 7, "POST /bazaar/order/1/buy", BUY).await.status, 200);
    assert_eq!(
        traders(&app).await,
        r#"[{"trader":{"id":"user_7"}},{"trader":null},{"trader":null}]"#
    );
}

#[tokio::test]
async fn an_open_mount_lets_other_origins_read_and_not_trade() {
    let app = RestApp::open().await;
    let cross = [("sec-fetch-site", "cross-site")];
    for (line, body, _) in PUBLIC
        .iter()
        .chain(&INTERNAL)
        .filter(|(line, ..)| line.starts_with("POST"))
    {
        assert_eq!(app.send(line, &cross, *body).await.status, 403, "{line}");
    }
    let looked = app.send("GET /bazaar/stocks/GameStart", &cross, Body::empty()).await;
    assert_eq!(looked.status, 200);
    nothing_happened(&app).await;
}

async fn by_person(app: &RestApp, person: i64, line: &str, body: &str) -> TestResponse {
    let token = format!("Bearer {}", app.person(person));
    app.send(line, &[("authorization", &token)], body.to_owned()).await
}

/// Returns the traders, as the graph shows them to a service.
async fn traders(app: &RestApp) -> String {
    let service = app.graph(Viewer::service("test"));
    let orders = "{ exchangeOrders { nodes { trader { id } } } }";
    service
        .query(orders, json!({}))
        .await
        .at("exchangeOrders.nodes")
        .to_string()
}
