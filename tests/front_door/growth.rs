//! Stored data does not grow without bound: expired rows are deleted, and anonymous callers may write only a limited
//! number of bytes.

use std::time::Duration;

use agora::config::Settings;
use contract::Retention;
use serde_json::json;
use tests::{Audit, TestApp};

const HOUR: Duration = Duration::from_secs(3_600);

fn retention() -> Retention {
    let workers = Settings::default().workers;
    Retention {
        key_hours: workers.idempotency_key_hours,
        session_hours: workers.ended_session_hours,
        rows_max: 3,
    }
}

#[tokio::test]
async fn idempotency_keys_are_kept_for_a_day_and_then_deleted() {
    let app = TestApp::new().await;
    let stranger = app.anonymous();
    let buy = async |key: String| {
        let request = stranger.request("POST", "/bookstore/purchase/4");
        stranger.send(request.header("idempotency-key", key)).await
    };
    let first = buy("key 0".to_owned()).await;
    for n in 1..8 {
        assert_eq!(buy(format!("key {n}")).await.status, 200);
    }
    app.advance(24 * HOUR);
    assert_eq!(app.services().sweep(retention()).await.unwrap(), 0);
    assert_eq!(buy("key 0".to_owned()).await.body, first.body, "a replay");
    app.advance(25 * HOUR);
    assert_eq!(app.services().sweep(retention()).await.unwrap(), 8);
    assert_ne!(buy("key 0".to_owned()).await.body["orderId"], first.body["orderId"]);
    assert_eq!(
        app.services().sweep(retention()).await.unwrap(),
        0,
        "the new one is young"
    );
}

/// Tables whose rows are deleted when they expire.
const ENDING: [&str; 3] = ["idempotency_key", "reservation", "session"];
/// Tables with a bounded number of rows for each account.
const BOUNDED: [&str; 1] = ["sign_in_address"];
/// Tables whose rows are people's actions or possessions. They stay until a request deletes them.
const STAYING: [&str; 21] = [
    "account",
    "book",
    "book_purchase",
    "broker_authorization",
    "brokerage_order",
    "community",
    "exchange_order",
    "hold",
    "holding",
    "ledger_entry",
    "ledger_movement",
    "message",
    "post",
    "post_votes",
    "product",
    "seaql_migrations",
    "shop_order",
    "stock",
    "username_skeleton",
    "vote",
    "wallet",
];

/// One numbered trade, which an order of the brokerage refers to, and one cancelled trade.
const RESERVED: &str = "
    INSERT INTO exchange_order SELECT max(number) + 1, 1, 'BUY', 1, 100, 'USD', NULL, {at} FROM exchange_order;
    INSERT INTO reservation (attempt, log_key, binding, stock_id, side, quantity, price_minor, currency, at_us, state, number)
        SELECT 'a', 'a', true, 1, 'BUY', 1, 100, 'USD', {at}, 'CONFIRMED', max(number) FROM exchange_order;
    UPDATE brokerage_order SET reservation_id = last_insert_rowid()
        WHERE id = (SELECT min(id) FROM brokerage_order WHERE exchange_number IS NOT NULL);
    INSERT INTO reservation (attempt, log_key, binding, stock_id, side, quantity, price_minor, currency, at_us, state)
        VALUES ('b', 'b', false, 1, 'BUY', 1, 100, 'USD', {at}, 'CANCELLED');";

#[tokio::test]
async fn the_rows_of_every_table_stay_for_good_or_are_deleted_in_time() {
    let app = TestApp::new().await;
    let rows = || Audit::open(&app.data_folder()).rows();
    let mut tables: Vec<_> = ENDING.iter().chain(&BOUNDED).chain(&STAYING).copied().collect();
    tables.sort_unstable();
    let found = rows();
    let unlisted: Vec<_> = found.keys().filter(|table| !tables.contains(&table.as_str())).collect();
    assert!(
        unlisted.is_empty(),
        "in none of ENDING, BOUNDED and STAYING: {unlisted:?}"
    );
    let found: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(found, tables, "a table that is listed twice, or that does not exist");

    let at = contract::Clock::now_us(&*app.clock);
    let reserved = RESERVED.replace("{at}", &at.to_string());
    let db = rusqlite::Connection::open(app.data_folder().join("agora.db")).unwrap();
    db.execute_batch(&reserved).unwrap();
    drop(db);
    let before = rows();
    let dan = app.signed_in("dan").await;
    app.signed_in("cleo").await;
    let buy = |key: &'static str| {
        let request = dan
            .request("POST", "/bookstore/purchase/4")
            .header("idempotency-key", key);
        dan.send(request)
    };
    assert_eq!(buy("one").await.status, 200);
    assert_eq!(dan.query("mutation { logout }", json!({})).await.code(), "OK");
    let after = rows();
    assert!(
        ENDING[..1].iter().all(|table| after[*table] > before[*table]),
        "{after:?}"
    );
    app.advance(24 * 60 * HOUR);
    while app.services().sweep(retention()).await.unwrap() > 0 {}
    let mut wanted = after;
    for table in ENDING {
        wanted.insert(table.to_owned(), 0);
    }
    assert_eq!(rows(), wanted);
    Audit::open(&app.data_folder()).assert_balanced();
}

#[tokio::test]
async fn anonymous_callers_write_limited_bytes_per_minute() {
    let mut settings = Settings::default();
    settings.limits.anonymous_write_bytes_per_minute_max = 100_000;
    let app = TestApp::with_settings(settings).await;
    let post = json!({"title": "t", "text": "x".repeat(30_000), "community": "Books", "username": "cleo"});
    for _ in 0..3 {
        assert_eq!(app.anonymous().post("/community/posts", post.clone()).await.status, 201);
    }
    let request = app.anonymous().request("POST", "/community/posts").json(&post);
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["status"], 429, "the mount's envelope: {body}");

    let inline = r#"mutation { register(input: { username: "eve", password: "12345678", address: { text: "TEXT" } }) { token } }"#
        .replace("TEXT", &"x".repeat(30_000));
    assert_eq!(
        app.anonymous().query(&inline, json!({})).await.code(),
        "RATE_LIMITED",
        "inline text counts too"
    );
    assert_eq!(
        app.anonymous().get("/community/posts").await.status,
        200,
        "reading goes on"
    );
    let small = app.anonymous().post("/bookstore/purchase/4", json!({})).await;
    assert_eq!(small.status, 200, "what has no text passes");
    let cleo = app.signed_in("cleo").await;
    let create = r#"mutation($t: String!) { createPost(input: { title: "t", text: $t, community: "Books" }) { id } }"#;
    let made = cleo.query(create, json!({"t": "x".repeat(30_000)})).await;
    assert!(made.at("createPost.id").is_string(), "who has signed in is not meant");
}

#[tokio::test]
async fn a_text_counts_once_in_the_document_or_in_a_variable() {
    let text = "x".repeat(30_000);
    let inline = r#"mutation { createPost(input: { title: "t", text: "TEXT", community: "Books" }) { id } }"#;
    let inline = inline.replace("TEXT", &text);
    let create = r#"mutation($t: String!) { createPost(input: { title: "t", text: $t, community: "Books" }) { id } }"#;
    for (query, variables) in [(&*inline, json!({})), (create, json!({ "t": text }))] {
        let mut settings = Settings::default();
        settings.limits.anonymous_write_bytes_per_minute_max = 100_000;
        let app = TestApp::with_settings(settings).await;
        let anonymous = app.anonymous();
        for _ in 0..3 {
            let answer = anonymous.query(query, variables.clone()).await;
            assert_eq!(answer.code(), "UNAUTHENTICATED", "{answer}");
        }
        let answer = anonymous.query(query, variables.clone()).await;
        assert_eq!(answer.code(), "RATE_LIMITED", "{answer}");
    }
}

#[tokio::test]
async fn anonymous_callers_write_a_limited_number_per_minute() {
    let mut settings = Settings::default();
    settings.limits.anonymous_writes_per_minute_max = 3;
    let app = TestApp::with_settings(settings).await;
    let upvote = async || {
        app.anonymous()
            .post("/community/votes/1/upvotes", json!({}))
            .await
            .status
    };
    let statuses = [upvote().await, upvote().await, upvote().await, upvote().await];
    assert_eq!(statuses, [201, 201, 201, 429]);
}
