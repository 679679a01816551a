//! The accounts that a caller without a token may change (docs/rest-contract/common.md#open-routes-and-accounts): those that were
//! created through the same mount, are plain members' and hold no assets. Every other change is 403 and has no effect.

use contract::Viewer;
use serde_json::{Value, json};
use testing::REGISTER;

use crate::app::{RestApp, TestResponse};

const EVE: &str = r#"{"name":"eve","password":"first password","address":"Quay 1"}"#;
const ZOE: &str = r#"{"username":"zoe","email":"zoe@example.com"}"#;
const PASSWORD: &str = r#"{"password":"taken over by a stranger"}"#;

/// Returns every request that changes or closes an account: for the shop by `id`, for the community by `name`.
fn changes(id: i64, name: &str) -> [(String, String); 8] {
    let community = |line: &str, body: &str| (line.replace("NAME", name), body.to_owned());
    [
        (format!("PUT /shop/api/user/{id}"), PASSWORD.to_owned()),
        (
            format!("PUT /shop/api/user/{id}"),
            r#"{"address":"Elsewhere 1"}"#.to_owned(),
        ),
        (format!("DELETE /shop/api/user/{id}"), String::new()),
        community("PUT /community/users/NAME/email", r#"{"email":"stranger@example.com"}"#),
        // The response does not reveal whether an email is taken, either.
        community("PUT /community/users/NAME/email", r#"{"email":"ada@example.com"}"#),
        community("PUT /community/users/NAME/karma/increment", ""),
        community("PUT /community/users/NAME/karma/decrement", ""),
        community("DELETE /community/users/NAME", ""),
    ]
}

/// Returns the account as the graph shows it to an operator.
async fn shown(app: &RestApp, id: i64) -> String {
    let account = "query($id: ID!) { user(id: $id) { username email karma active address { text } } }";
    let shown = app
        .graph(Viewer::service("test"))
        .query(account, json!({ "id": id }))
        .await;
    shown["data"].to_string()
}

async fn login(app: &RestApp, name: &str, password: &str) -> u16 {
    let body = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
    app.json("POST /shop/api/login", &body).await.status
}

/// Asserts 403 in the mount's error format.
fn assert_refused(answered: &TestResponse, line: &str) {
    assert_eq!(answered.status, 403, "{line}: {}", answered.text);
    let body = answered.json();
    if line.contains("/shop/") {
        assert!(body["response"].is_string(), "{line}: {body}")
    } else {
        assert_eq!(
            (&body["status"], &body["error"]),
            (&403.into(), &Value::from("Forbidden"))
        )
    }
}

#[tokio::test]
async fn a_refusal_of_a_token_names_the_rule_for_its_holder() {
    let app = RestApp::demo().await;
    for (token, reason) in [
        (
            app.service(),
            "a service credential cannot change an administrator's account",
        ),
        (app.person(1), "this belongs to somebody else"),
    ] {
        let before = shown(&app, 5).await;
        for (line, body) in changes(5, "admin") {
            let is_karma = line.contains("/karma/");
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
            let answered = app.send(&line, &headers, body).await;
            assert_refused(&answered, &line);
            assert!(!answered.text.contains("without a token"), "{line}: {}", answered.text);
            assert!(is_karma || answered.text.contains(reason), "{line}: {}", answered.text);
        }
        assert_eq!(shown(&app, 5).await, before);
    }
}

#[tokio::test]
async fn demo_accounts_cannot_be_changed_without_a_token() {
    let app = RestApp::demo().await;
    for (id, name) in [(1, "ada"), (2, "ben"), (3, "cleo"), (4, "dan"), (5, "admin")] {
        let before = shown(&app, id).await;
        for (line, body) in changes(id, name) {
            assert_refused(&app.json(&line, &body).await, &line);
        }
        assert_eq!(shown(&app, id).await, before, "{name}");
        assert_eq!(login(&app, name, "agora-demo-2026").await, 200, "{name}");
        assert_eq!(app.call(&format!("GET /shop/api/user/{id}")).await.status, 200);
        assert_eq!(app.call(&format!("GET /community/users/{name}")).await.status, 200);
        let order = format!(r#"{{"user_id":{id},"product_id":1,"quantity":1,"date":"2023-11-28"}}"#);
        assert_eq!(app.json("POST /shop/api/orders", &order).await.status, 200);
        let post = format!(r#"{{"title":"T","text":"t","community":"Books","username":"{name}"}}"#);
        assert_eq!(app.json("POST /community/posts", &post).await.status, 201);
    }
}

#[tokio::test]
async fn only_the_mount_that_created_an_account_changes_it() {
    let app = RestApp::demo().await;
    assert_eq!(app.json("POST /shop/api/users", EVE).await.status, 200);
    assert_eq!(app.json("POST /community/users", ZOE).await.status, 201);
    for (line, body) in changes(6, "eve")
        .iter()
        .filter(|(line, _)| line.contains("/community/"))
    {
        assert_refused(&app.json(line, body).await, line);
    }
    for (line, body) in changes(7, "zoe").iter().filter(|(line, _)| line.contains("/shop/")) {
        assert_refused(&app.json(line, body).await, line);
    }
    assert_eq!(app.json("PUT /shop/api/user/6", PASSWORD).await.status, 200);
    assert_eq!(login(&app, "eve", "taken over by a stranger").await, 200);
    assert_eq!(
        app.json("PUT /shop/api/user/6", PASSWORD).await.status,
        200,
        "and again"
    );
    assert_eq!(app.call("DELETE /shop/api/user/6").await.status, 200);
    assert_eq!(app.json("PUT /shop/api/user/6", PASSWORD).await.status, 404);
    assert_eq!(app.call("PUT /community/users/zoe/karma/increment").await.status, 200);
    assert_eq!(app.call("DELETE /community/users/zoe").await.status, 200);
}

#[tokio::test]
async fn a_mount_loses_an_account_that_gets_money_or_a_password() {
    let app = RestApp::demo().await;
    for (id, change) in [
        (
            6,
            r#"mutation { setBalance(userId: 6, balance: { amount: "0.01", currency: "USD" }) { balance } }"#,
        ),
        (7, r#"mutation { setPassword(userId: 7, new: "set elsewhere") }"#),
    ] {
        let name = format!("made{id}");
        assert_eq!(
            app.json("POST /shop/api/users", &EVE.replace("eve", &name))
                .await
                .status,
            200
        );
        let done = app.graph(Viewer::service("test")).query(change, json!({})).await;
        assert!(!done["data"].is_null(), "{change}: {done}");
        let before = shown(&app, id).await;
        for (line, body) in changes(id, &name) {
            assert_refused(&app.json(&line, &body).await, &line);
        }
        assert_eq!(shown(&app, id).await, before);
    }
}

#[tokio::test]
async fn accounts_from_closed_mounts_or_the_graph_have_no_mount() {
    let app = RestApp::demo().await;
    let closed = agora::rest::router(&app.gateway, agora::rest_access::AnonymousAccess::Closed);
    let made = crate::app::send(&closed, "POST /shop/api/users", &[], EVE).await;
    assert_eq!(made.status, 200);
    let zoe = json!({ "username": "zoe", "password": "first password" });
    app.graph(Viewer::Anonymous)
        .query(REGISTER, json!({ "input": zoe }))
        .await
        .at("register.user.id");
    for (id, name) in [(6, "eve"), (7, "zoe")] {
        for (line, body) in changes(id, name) {
            assert_refused(&app.json(&line, &body).await, &line);
        }
        assert_eq!(login(&app, name, "first password").await, 200);
    }
}

#[tokio::test]
async fn a_token_identifies_its_user_on_an_open_mount() {
    let app = RestApp::demo().await;
    let bearer = format!("Bearer {}", app.person(4));
    let as_dan = [("authorization", bearer.as_str())];
    let own = app
        .send("PUT /shop/api/user/4", &as_dan, r#"{"address":"Quay 4"}"#)
        .await;
    assert_eq!(own.status, 200, "{}", own.text);
    let others = app.send("PUT /shop/api/user/3", &as_dan, PASSWORD).await;
    assert_refused(&others, "PUT /shop/api/user/3");
    let credential = format!("Bearer {}", app.service());
    let as_service = [("authorization", credential.as_str())];
    for (line, body) in changes(5, "admin") {
        assert_refused(&app.send(&line, &as_service, body).await, &line);
    }
    let moved = app
        .send("PUT /shop/api/user/3", &as_service, r#"{"address":"Quay 3"}"#)
        .await;
    assert_eq!(moved.status, 200, "{}", moved.text);
}

#[tokio::test]
async fn an_open_mount_grants_only_the_fields_of_its_document() {
    let app = RestApp::demo().await;
    for (mount, mutation) in [
        (
            "shop",
            r#"mutation { setPassword(userId: 3, new: "another password") }"#,
        ),
        ("shop", "mutation { eraseAccount(userId: 3) }"),
        (
            "community",
            r#"mutation { updateProfile(userId: 3, input: { name: "x" }) { id } }"#,
        ),
        (
            "community",
            r#"mutation { setBalance(userId: 3, balance: { amount: "1", currency: "USD" }) { balance } }"#,
        ),
        (
            "shop",
            r#"mutation { trade(stock: "BoarCo", side: BUY, quantity: 1) { number } }"#,
        ),
        ("community", "mutation { purchaseBook(id: 1) { id } }"),
        (
            "bookstore",
            r#"mutation { createUser(input: { username: "x", email: "x@example.com" }) { id } }"#,
        ),
        (
            "bazaar",
            r#"mutation { sendMessage(from: "dan", to: "ada", contents: "x") { id } }"#,
        ),
        ("shop", "mutation { upvote(postId: 3) { id } }"),
    ] {
        let answer = app.graph(Viewer::open_mount(mount)).query(mutation, json!({})).await;
        assert!(answer["data"].is_null(), "{mount} {mutation}: {answer}");
    }
    let private = "{ user(id: 1) { email phone address { text } } users { nodes { id } } }";
    let seen = app
        .graph(Viewer::open_mount("bookstore"))
        .query(private, json!({}))
        .await;
    let user = &seen["data"]["user"];
    assert!(user.is_null() || user["email"].is_null(), "{seen}");
}
