//! The community with the demo's sample data: ada 1, ben 2, cleo 3, dan 4; posts 1 to 6 with votes on five of them; messages
//! 1 to 8.

use std::ops::Deref;

use serde_json::{Value, json};

use crate::app::{MountApp, TestResponse};

/// Objects of the sample data, as the routes show them unchanged.
pub const POST_3: &str = r#"{"id":3,"title":"Which trail for a first spring walk?","text":"The map shows five of them. Which one is dry in April?","community":"Outdoors","url":"https://example.com/pioneer-valley/trails","username":"cleo","date":"2025-12-30T03:24:05+00:00"}"#;
pub const DAN: &str = r#"{"username":"dan","email":"dan@example.com","karma":3}"#;
pub const MESSAGE_4: &str = r#"{"id":4,"userFrom":"ada","userTo":"ben","timestamp":"2026-01-01T03:04:05+00:00","contents":"What do you think of MenhirCo at this price?","flag":"question","favorite":false}"#;

/// A valid post, user, email and message.
pub const NEW_POST: &str = r#"{"title":"Tea","text":"or coffee?","community":"Books","username":"dan"}"#;
pub const NEW_USER: &str = r#"{"username":"eve","email":"eve@example.com"}"#;
pub const NEW_EMAIL: &str = r#"{"email":"dan@example.org"}"#;
pub const NEW_MESSAGE: &str = r#"{"userFrom":"dan","userTo":"cleo","contents":"Found it."}"#;

/// Every route with a valid body and the status of its success; reads come first, deletions last.
pub const ROUTES: [(&str, &str, u16); 22] = [
    ("GET /posts", "", 200),
    ("GET /posts/3", "", 200),
    ("GET /communities/Books/posts", "", 200),
    ("GET /votes?ids=3,1", "", 200),
    ("GET /votes/top", "", 200),
    ("GET /votes/3", "", 200),
    ("GET /users/dan", "", 200),
    ("GET /messages?userTo=dan", "", 200),
    ("GET /messages/1", "", 200),
    ("POST /posts", NEW_POST, 201),
    ("POST /votes/3/upvotes", "", 201),
    ("POST /votes/3/downvotes", "", 201),
    ("POST /users", NEW_USER, 201),
    ("POST /messages", NEW_MESSAGE, 201),
    ("PUT /users/dan/email", NEW_EMAIL, 200),
    ("PUT /users/dan/karma/increment", "", 200),
    ("PUT /users/dan/karma/decrement", "", 200),
    ("PUT /messages/1/favorite", "", 200),
    ("DELETE /posts/6", "", 200),
    ("DELETE /messages/1", "", 200),
    ("DELETE /users/dan", "", 200),
    ("GET /openapi.json", "", 200),
];

/// The community.
pub struct CommunityApp(MountApp);

impl Deref for CommunityApp {
    type Target = MountApp;

    fn deref(&self) -> &MountApp {
        &self.0
    }
}

impl CommunityApp {
    /// See [`MountApp::open`].
    pub async fn open() -> Self {
        Self(MountApp::open("/community").await)
    }

    /// See [`MountApp::closed`].
    pub async fn closed() -> Self {
        Self(MountApp::closed("/community").await)
    }

    /// Sends a GET to this path.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.call(&format!("GET {path}"), "").await
    }

    /// Returns the members called `name` of the list at this path.
    pub async fn list(&self, path: &str, name: &str) -> Vec<Value> {
        let answered = self.get(path).await;
        assert_eq!(answered.status, 200, "{path}: {}", answered.text);
        let list = answered.json();
        let items = list.as_array().unwrap_or_else(|| panic!("{path}: {}", answered.text));
        items.iter().map(|item| item[name].clone()).collect()
    }

    /// Returns all data that the routes show, to compare states.
    pub async fn everything(&self) -> Vec<String> {
        let mut shown = Vec::new();
        for path in [
            "/posts?n=100",
            "/votes/top?n=100",
            "/messages?favorite=false",
            "/messages?favorite=true",
        ] {
            shown.push(self.get(path).await.line());
        }
        for user in ["ada", "ben", "cleo", "dan", "eve"] {
            shown.push(self.get(&format!("/users/{user}")).await.line());
        }
        shown
    }
}

/// Returns the line of an error.
pub fn said(status: u16, message: &str) -> String {
    let phrase = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        503 => "Service Unavailable",
        other => panic!("what is {other} called?"),
    };
    format!(
        "{status} {}",
        json!({ "status": status, "error": phrase, "message": message })
    )
}

/// Asserts a 400 in the mount's format whose message begins with the name of the wrong member.
pub fn assert_names(answered: &TestResponse, name: &str, sent: &str) {
    let body = answered.json();
    assert_eq!(
        (answered.status, &body["status"]),
        (400, &json!(400)),
        "{sent}: {}",
        answered.text
    );
    assert_eq!(body["error"], "Bad Request", "{sent}");
    let message = body["message"].as_str().unwrap();
    assert!(message.starts_with(name), "{sent}: {message}");
}
