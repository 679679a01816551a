//! Operations that move to the threads for long operations: a client sees no difference.

use agora::config::Settings;
use contract::Tx;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::TestApp;

use crate::slow_reads::{LIST, STOCKS};

const DOCUMENTS: &[&str] = &[
    "{ me { username inbox(first: 5) { nodes { contents from { username } } } wallet { balance } } }",
    "{ recentPosts(first: 20) { nodes { title score author { username karma } community { name } } } topics }",
    "{ books(first: 3) { totalCount nodes { title price quantity } } stocks(first: 3) { nodes { name price } } }",
    "mutation { createPost(input: { title: \"Long\", text: \"A text.\", community: \"Books\" }) { title author { username } } }",
    "mutation { login(login: \"cleo\", password: \"wrong password\") { token } }",
    "{ recentPosts(first: 1) { nodes { title score } } book(id: 999) { title } }",
];
const ROUTES: &[&str] = &[
    "/bookstore/info/1",
    "/community/posts",
    "/community/votes/top?n=3",
    "/bazaar/stocks/GameStart",
];

/// Returns the answers to all requests, of a server whose operations move after this time.
async fn answers(operation_inline_us_max: u64) -> Vec<Value> {
    let mut settings = Settings::default();
    settings.limits.operation_inline_us_max = operation_inline_us_max;
    let app = TestApp::with_settings(settings).await;
    let ada = app.signed_in("ada").await;
    let mut answers = Vec::new();
    for document in DOCUMENTS {
        answers.push((*ada.query(document, json!({})).await).clone());
    }
    for route in ROUTES {
        let answer = ada.get(route).await;
        answers.push(json!([answer.status, answer.body]));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_the_same_on_all_threads() {
    let (moved, stayed) = (answers(0).await, answers(600_000_000).await);

    for ((moved, stayed), request) in moved.iter().zip(&stayed).zip(DOCUMENTS.iter().chain(ROUTES)) {
        assert_eq!(moved, stayed, "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_refused_beyond_long_operations_max_but_not_writes() {
    let mut settings = Settings::default();
    settings.limits.operation_inline_us_max = 0;
    settings.limits.long_operations_max = 0;
    // A list of a hundred stocks waits for a read that moves aside, however fast the machine is.
    settings.database.read_inline_us_max = 0;
    let app = TestApp::with_settings(settings).await;
    let ada = app.signed_in("ada").await;
    let add = async |tx: &Tx| Ok(tx.execute_unprepared(STOCKS).await?);
    app.services().db.write(add).await.expect("stocks");

    let query = ada.query(LIST, json!({})).await;
    let list = ada.get("/brokerage/stocks").await;
    let mutation = ada.query(DOCUMENTS[3], json!({})).await;

    assert_eq!(query.code(), "UNAVAILABLE");
    assert_eq!(list.status, 503, "{}", list.body);
    assert_eq!(*mutation.at("createPost.title"), "Long");
}
