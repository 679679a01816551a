//! Wrong passwords through GraphQL and REST, and the addresses of the clients that send them.

use std::fmt::Write;

use agora::config::Settings;
use agora::demo::PASSWORD;
use serde_json::json;
use testing::{Answer, LOGIN, Request};
use tests::{HttpClient, TestApp};

/// Starts a server behind a proxy on this machine.
async fn behind_a_proxy() -> TestApp {
    let mut settings = Settings::default();
    settings.server.trusted_proxies = "127.0.0.1".parse().expect("an address");
    settings.accounts.argon2_memory_kib = 8;
    TestApp::with_settings(settings).await
}

/// Sends a log-in that the proxy forwards for a client at that address.
async fn log_in(caller: &HttpClient, for_client: &str, login: &str, password: &str) -> Answer {
    let request = Request::new(LOGIN, json!({ "login": login, "password": password }));
    caller.execute(request.header("x-forwarded-for", for_client)).await
}

#[tokio::test]
async fn fifty_guesses_in_one_request_do_not_lock_out_the_owner() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    app.signed_in("ada").await;
    let mut document = String::new();
    for guess in 0..50 {
        write!(
            document,
            r#"g{guess}: login(login: "ada", password: "wrong {guess}") {{ token }} "#
        )
        .unwrap();
    }
    for _ in 0..2 {
        let answer = anonymous.query(&format!("mutation {{ {document} }}"), json!({})).await;
        assert!(answer["data"].is_null(), "{answer}");
    }
    app.signed_in("ada").await;
}

#[tokio::test]
async fn every_login_route_counts_the_same_wrong_passwords() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    for _ in 0..5 {
        let shop = json!({ "name": "Dan", "password": "wrong" });
        assert_eq!(anonymous.post("/shop/api/login", shop).await.status, 401);
        let graph = json!({ "login": "DAN", "password": "wrong" });
        assert_eq!(anonymous.query(LOGIN, graph).await.code(), "UNAUTHENTICATED");
    }
    let shop = json!({ "name": "dan", "password": PASSWORD });
    let refused = anonymous
        .request("POST", "/shop/api/login")
        .json(&shop)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "15");
    // A log-in by email at the brokerage is answered like one with an unknown email, although the password is right.
    for email in ["dan@example.com", "unknown@example.com"] {
        let login = json!({ "email": email, "password": PASSWORD });
        assert_eq!(
            anonymous.post("/brokerage/users/login", login).await.status,
            401,
            "{email}"
        );
    }
    app.advance(std::time::Duration::from_secs(15));
    app.signed_in("dan").await;
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_have_counts_of_their_own() {
    let app = behind_a_proxy().await;
    let proxy = app.anonymous();
    assert_eq!(log_in(&proxy, "203.0.113.9", "ada", PASSWORD).await.code(), "OK");
    for _ in 0..10 {
        let guess = log_in(&proxy, "8.8.8.8, 198.51.100.7", "ada", "wrong").await;
        assert_eq!(guess.code(), "UNAUTHENTICATED");
    }
    // The client itself wrote the addresses to the left of its own address.
    let guess = log_in(&proxy, "203.0.113.9, 198.51.100.7", "ada", PASSWORD).await;
    assert_eq!(guess.code(), "RATE_LIMITED");
    assert_eq!(log_in(&proxy, "203.0.113.9", "ada", PASSWORD).await.code(), "OK");
    assert_eq!(log_in(&proxy, "203.0.113.10", "ada", PASSWORD).await.code(), "OK");
}

#[tokio::test]
async fn forwarding_headers_are_ignored_without_a_trusted_proxy() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    for guess in 0..10 {
        let guess = log_in(&anonymous, &format!("203.0.113.{guess}"), "ada", "wrong").await;
        assert_eq!(guess.code(), "UNAUTHENTICATED");
    }
    let guess = log_in(&anonymous, "203.0.113.77", "ada", PASSWORD).await;
    assert_eq!(guess.code(), "RATE_LIMITED");
}

#[tokio::test]
async fn a_request_through_a_trusted_proxy_is_never_loopback() {
    let app = behind_a_proxy().await;
    let proxy = app.anonymous();
    for header in [None, Some("127.0.0.1"), Some("203.0.113.9")] {
        let request = proxy.request("GET", "/bookstore/info/1");
        let request = match header {
            Some(client) => request.header("x-forwarded-for", client),
            None => request,
        };
        assert_eq!(proxy.send(request).await.status, 401, "{header:?}");
    }
}
