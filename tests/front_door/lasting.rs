//! Acknowledged writes survive a restart, and only one process may use a data folder.

use std::sync::Arc;
use std::time::Duration;

use agora::app::App;
use agora::config::Settings;
use contract::SystemClock;
use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn a_restart_loses_nothing_and_keeps_people_signed_in() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let purchase = r#"mutation { purchaseBook(id: "4", idempotencyKey: "once") { id } }"#;
    let bought = cleo.query(purchase, json!({})).await;
    let id = bought.at("purchaseBook.id").clone();

    let app = app.restart().await;
    let again = app.anonymous().with_token(cleo.token().expect("a token"));

    let replayed = again.query(purchase, json!({})).await;
    assert_eq!(*replayed.at("purchaseBook.id"), id);
    assert_eq!(again.get("/bookstore/info/4").await.body["quantity"], 9);
}

#[tokio::test]
async fn a_second_process_is_kept_out_of_a_folder_in_use() {
    let app = TestApp::new().await;
    let mut settings = Settings::default();
    settings.server.data = app.data_folder();
    let refused = App::open(&settings, Arc::new(SystemClock))
        .await
        .err()
        .expect("the folder is in use");
    assert!(
        refused.to_string().contains("another agora is using this folder"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_expired_token_is_refused_and_a_refreshed_one_is_valid() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    let dan = anonymous.graph().sign_in("dan", agora::demo::PASSWORD).await;
    assert_eq!(
        dan.query("{ me { username } }", json!({})).await.at("me.username"),
        "dan"
    );

    app.advance(Duration::from_secs(3600));
    let late = dan.query("{ me { username } }", json!({})).await;
    assert_eq!((late.status, late.code()), (Some(401), "UNAUTHENTICATED"));

    let refresh = "mutation($token: String!) { refresh(token: $token) { token } }";
    let refreshed = anonymous.query(refresh, json!({ "token": dan.refresh_token })).await;
    let dan = anonymous.with_token(refreshed.text("refresh.token"));
    assert_eq!(
        dan.query("{ me { username } }", json!({})).await.at("me.username"),
        "dan"
    );
}

#[tokio::test]
async fn the_data_folder_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let app = TestApp::new().await;
    for path in [".", "agora.db", "agora.db-wal", "keys.json"] {
        let mode = std::fs::metadata(app.data_folder().join(path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{path} {mode:o}");
    }
}
