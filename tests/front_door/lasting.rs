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
    let bought = cleo
        .graphql(r#"mutation { purchaseBook(id: "4", idempotencyKey: "once") { id } }"#)
        .await;
    let id = bought.data("/purchaseBook/id").clone();

    let app = app.restart().await;
    let mut again = app.anonymous();
    again.token = cleo.token.clone();

    let replayed = again
        .graphql(r#"mutation { purchaseBook(id: "4", idempotencyKey: "once") { id } }"#)
        .await;
    assert_eq!(*replayed.data("/purchaseBook/id"), id);
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
    let login = app
        .anonymous()
        .graphql_with(
            "mutation($password: String!) { login(login: \"dan\", password: $password) { token refreshToken } }",
            json!({ "password": agora::demo::PASSWORD }),
        )
        .await;
    let mut dan = app.anonymous();
    dan.token = login.data("/login/token").as_str().map(str::to_owned);
    assert_eq!(dan.graphql("{ me { username } }").await.data("/me/username"), "dan");

    app.advance(Duration::from_secs(3600));
    let late = dan.graphql("{ me { username } }").await;
    assert_eq!((late.status, late.code()), (401, Some("UNAUTHENTICATED")));

    let refreshed = app
        .anonymous()
        .graphql_with(
            "mutation($token: String!) { refresh(token: $token) { token } }",
            json!({ "token": login.data("/login/refreshToken") }),
        )
        .await;
    dan.token = refreshed.data("/refresh/token").as_str().map(str::to_owned);
    assert_eq!(dan.graphql("{ me { username } }").await.data("/me/username"), "dan");
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
