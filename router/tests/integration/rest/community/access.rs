//! Access to the routes under both policies.

use super::app::{CommunityApp, DAN, NEW_POST, ROUTES, said};

/// Returns the routes that the policy covers: all but the documentation.
fn routes() -> impl Iterator<Item = (&'static str, &'static str, u16)> {
    ROUTES.into_iter().filter(|(line, ..)| !line.contains("openapi"))
}

#[tokio::test]
async fn a_closed_mount_answers_nothing_without_a_token() {
    let community = CommunityApp::closed().await;
    for (line, ..) in routes() {
        // The response to a caller without a token does not reveal the other errors of the request.
        let answered = community.called_by(&[("content-type", "text/plain")], line, "{").await;
        assert_eq!(answered.line(), said(401, "sign in first"), "{line}");
        assert_eq!(answered.header("www-authenticate"), "Bearer", "{line}");
    }
}

#[tokio::test]
async fn a_service_reaches_everything_on_a_closed_mount() {
    let community = CommunityApp::closed().await;
    let service = community.app.service();
    for (line, body, status) in routes() {
        let answered = community.with_token(&service, line, body).await;
        assert_eq!(answered.status, status, "{line}: {}", answered.text);
    }
    let gone = community.with_token(&service, "GET /users/dan", "").await;
    assert_eq!(gone.line(), said(404, "user not found"));
}

#[tokio::test]
async fn a_user_reaches_own_data_on_a_closed_mount() {
    let community = CommunityApp::closed().await;
    let dan = community.app.person(4);
    for (line, body, status) in routes() {
        let answered = community.with_token(&dan, line, body).await;
        // Only operators create accounts and change karma.
        let operators = line == "POST /users" || line.contains("/karma/");
        let expected = if operators { 403 } else { status };
        assert_eq!(answered.status, expected, "{line}: {}", answered.text);
    }
    // The token ends with the account.
    let late = community.with_token(&dan, "POST /posts", NEW_POST).await;
    assert_eq!(late.status, 401);
}

#[tokio::test]
async fn a_user_reaches_no_data_of_others_on_a_closed_mount() {
    let community = CommunityApp::closed().await;
    let ada = community.app.person(1);
    for (line, body, status) in routes() {
        let answered = community.with_token(&ada, line, body).await;
        let expected = match line {
            "GET /messages/1" | "PUT /messages/1/favorite" | "DELETE /messages/1" => 404,
            "GET /messages?userTo=dan" => 403,
            line if line.starts_with("GET") || line.contains("votes") => status,
            _ => 403,
        };
        assert_eq!(answered.status, expected, "{line}: {}", answered.text);
        if line == "GET /users/dan" {
            // The existence of a user is public, the email address is not.
            assert_eq!(
                answered.line(),
                format!("200 {}", DAN.replace("\"dan@example.com\"", "null"))
            );
        }
    }
    let service = community.app.service();
    for path in ["/posts/6", "/messages/1", "/users/dan"] {
        let kept = community.with_token(&service, &format!("GET {path}"), "").await;
        assert_eq!(kept.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_open_mount_refuses_an_invalid_token() {
    let community = CommunityApp::open().await;
    let before = community.everything().await;
    for (line, body, _) in routes() {
        let answered = community.with_token("nonsense", line, body).await;
        assert_eq!(
            (answered.status, answered.header("www-authenticate")),
            (401, "Bearer"),
            "{line}"
        );
    }
    assert_eq!(community.everything().await, before);
}

#[tokio::test]
async fn a_users_token_loses_no_access_on_an_open_mount() {
    let community = CommunityApp::open().await;
    let ada = community.app.person(1);
    for (line, body, status) in routes() {
        // Ada, like a caller without a token, must not change another user's account that was created elsewhere.
        let line = line
            .replace("/users/dan/", "/users/eve/")
            .replace("DELETE /users/dan", "DELETE /users/eve");
        let body = body.replace("dan@example.org", "eve@example.org");
        let answered = community.with_token(&ada, &line, &body).await;
        assert_eq!(answered.status, status, "{line}: {}", answered.text);
    }
}

#[tokio::test]
async fn an_open_mount_lets_other_origins_read_only() {
    let community = CommunityApp::open().await;
    let before = community.everything().await;
    for (line, body, status) in routes() {
        let answered = community
            .called_by(&[("sec-fetch-site", "cross-site")], line, body)
            .await;
        let wanted = if line.starts_with("GET") { status } else { 403 };
        assert_eq!(answered.status, wanted, "{line}");
    }
    assert_eq!(community.everything().await, before);
}
