//! The user service.

use serde_json::json;

use super::app::{ShopApp, invalid, named, order, said};

const NEW: &str = r#"{"name":"newUser","password":"newPassword","address":"new address"}"#;

fn login(name: &str, password: &str) -> String {
    json!({ "name": name, "password": password }).to_string()
}

#[tokio::test]
async fn an_added_user_can_log_in_and_order() {
    let shop = ShopApp::open().await;
    let added = shop.call("POST /api/users", NEW).await;
    assert_eq!(added.line(), said(200, "User added to the system."));
    assert_eq!(added.header("location"), "/shop/api/user/6");
    let read = shop.call("GET /api/user/6", "").await;
    assert_eq!(
        read.line(),
        r#"200 {"id":6,"name":"newUser","password":"********","address":"new address"}"#
    );
    for name in ["newUser", "NEWUSER", " newuser "] {
        let answered = shop.call("POST /api/login", &login(name, "newPassword")).await;
        assert_eq!(
            answered.line(),
            r#"200 {"response":"Login successful.","user_id":6}"#,
            "{name}"
        );
    }
    assert_eq!(shop.ordered(6, 1, 1).await, "/api/order/4");
}

#[tokio::test]
async fn accounts_of_the_other_systems_are_users_of_the_shop() {
    let shop = ShopApp::open().await;
    let answered = shop.call("POST /api/login", &login("ada", "agora-demo-2026")).await;
    assert_eq!(answered.line(), r#"200 {"response":"Login successful.","user_id":1}"#);
    for (user, shown) in [
        (
            1,
            r#"{"id":1,"name":"ada","password":"********","address":"Harbour Lane 7, 10115"}"#,
        ),
        (3, r#"{"id":3,"name":"cleo","password":"********","address":null}"#),
    ] {
        let read = shop.call(&format!("GET /api/user/{user}"), "").await;
        assert_eq!(read.line(), format!("200 {shown}"));
    }
}

#[tokio::test]
async fn a_wrong_login_does_not_reveal_the_wrong_part() {
    let shop = ShopApp::open().await;
    for (name, password) in [("ada", "another password"), ("unknown", "agora-demo-2026"), ("ada", "")] {
        let answered = shop.call("POST /api/login", &login(name, password)).await;
        assert_eq!(answered.line(), said(401, "Wrong username or password."), "{name}");
        assert_eq!(answered.header("www-authenticate"), "Bearer");
    }
    for (body, members) in [
        ("{}", vec!["name", "password"]),
        (r#"{"name":"ada"}"#, vec!["password"]),
        (r#"{"name":7,"password":null}"#, vec!["name", "password"]),
        (r#"{"name":" ","password":"x"}"#, vec!["name"]),
    ] {
        let answered = shop.call("POST /api/login", body).await;
        assert_eq!(named(&answered), members, "{body}");
    }
    let mut status = 401;
    for _ in 0..11 {
        let answered = shop.call("POST /api/login", &login("ben", "wrong")).await;
        status = answered.status;
        assert_eq!(status == 429, !answered.header("retry-after").is_empty());
    }
    assert_eq!(status, 429, "ten wrong passwords are enough");
}

#[tokio::test]
async fn an_invalid_user_is_not_added() {
    let shop = ShopApp::open().await;
    let whole = |member: &str, value: serde_json::Value| {
        let mut body: serde_json::Value = serde_json::from_str(NEW).unwrap();
        body[member] = value;
        body.to_string()
    };
    for (body, members) in [
        ("{}".to_owned(), vec!["address", "name", "password"]),
        (r#"{"name":"x","address":"y"}"#.to_owned(), vec!["password"]),
        (whole("name", json!(7)), vec!["name"]),
        (whole("name", json!(null)), vec!["name"]),
        (whole("name", json!(" ")), vec!["name"]),
        (whole("name", json!("x".repeat(65))), vec!["name"]),
        (whole("name", json!("a\nb")), vec!["name"]),
        (whole("password", json!("short")), vec!["password"]),
        (whole("password", json!(12345678)), vec!["password"]),
        (whole("address", json!("")), vec!["address"]),
        (whole("address", json!(["a"])), vec!["address"]),
        (whole("address", json!({ "street": "S" })), vec!["address"]),
        (whole("address", json!("x".repeat(1_001))), vec!["address"]),
    ] {
        let answered = shop.call("POST /api/users", &body).await;
        assert_eq!(named(&answered), members, "{body}");
    }
    let none = shop.call("POST /api/users", r#"{"name":"x"}"#).await;
    assert_eq!(
        none.line(),
        invalid(&[("password", "is required"), ("address", "is required")])
    );
    for name in ["ada", "ADA", "ada@example.com"] {
        let answered = shop.call("POST /api/users", &whole("name", json!(name))).await;
        assert_eq!(answered.line(), said(409, "User already exists."), "{name}");
    }
    assert_eq!(shop.call("GET /api/user/6", "").await.status, 404);
}

#[tokio::test]
async fn the_password_and_address_can_be_changed_and_the_name_cannot() {
    let shop = ShopApp::open().await;
    assert_eq!(shop.call("POST /api/users", NEW).await.status, 200);
    let shown = async || shop.call("GET /api/user/6", "").await.json()["address"].clone();
    for (body, address, password) in [
        (
            r#"{"address":"1 New Street","name":"other"}"#,
            "1 New Street",
            "newPassword",
        ),
        (r#"{"password":"another password"}"#, "1 New Street", "another password"),
        (
            r#"{"password":"a third one","address":"2 New Street"}"#,
            "2 New Street",
            "a third one",
        ),
    ] {
        let changed = shop.call("PUT /api/user/6", body).await;
        assert_eq!(changed.line(), said(200, "User updated."), "{body}");
        assert_eq!(shown().await, address);
        let answered = shop.call("POST /api/login", &login("newUser", password)).await;
        assert_eq!(answered.status, 200, "{body}");
    }
    // A free-text address replaces an address in parts.
    let ada = shop.app.person(1);
    let moved = shop
        .with_token(&ada, "PUT /api/user/1", r#"{"address":"Quay 1"}"#)
        .await;
    assert_eq!(moved.line(), said(200, "User updated."));
    assert_eq!(shop.call("GET /api/user/1", "").await.json()["address"], "Quay 1");
}

#[tokio::test]
async fn an_invalid_change_changes_nothing() {
    let shop = ShopApp::open().await;
    for (body, members) in [
        ("{}", vec!["request"]),
        (r#"{"name":"other"}"#, vec!["request"]),
        (r#"{"password":"short","address":"Quay 1"}"#, vec!["password"]),
        (r#"{"password":null,"address":"Quay 1"}"#, vec!["password"]),
        (r#"{"password":"long enough","address":null}"#, vec!["address"]),
        (r#"{"password":"long enough","address":7}"#, vec!["address"]),
        (r#"{"password":"long enough","address":" "}"#, vec!["address"]),
    ] {
        let answered = shop.call("PUT /api/user/1", body).await;
        assert_eq!(named(&answered), members, "{body}");
    }
    let ada = shop.call("GET /api/user/1", "").await;
    assert_eq!(ada.json()["address"], "Harbour Lane 7, 10115");
    let signed_in = shop.call("POST /api/login", &login("ada", "agora-demo-2026")).await;
    assert_eq!(signed_in.status, 200);
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let shop = ShopApp::open().await;
    for id in ["77", "0", "-1", "x", "1.0", "01", "9223372036854775808", "%20"] {
        for (line, body) in [
            ("GET /api/user/", ""),
            ("PUT /api/user/", r#"{"address":"Quay 1"}"#),
            ("DELETE /api/user/", ""),
            ("GET /api/userorders/", ""),
        ] {
            let answered = shop.call(&format!("{line}{id}"), body).await;
            assert_eq!(answered.line(), said(404, "User not found."), "{line}{id}");
        }
    }
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_their_orders_stay_readable() {
    let shop = ShopApp::open().await;
    let dan = shop.app.person(4);
    let deleted = shop.with_token(&dan, "DELETE /api/user/4", "").await;
    assert_eq!(deleted.line(), said(200, "User deleted."));
    for (line, body) in [
        ("DELETE /api/user/4", ""),
        ("GET /api/user/4", ""),
        ("PUT /api/user/4", r#"{"address":"Quay 1"}"#),
        ("PUT /api/user/4", r#"{"password":"another password"}"#),
        ("GET /api/userorders/4", ""),
        ("POST /api/orders", &order(4, 1, 2)),
    ] {
        let answered = shop.call(line, body).await;
        assert_eq!(answered.line(), said(404, "User not found."), "{line} {body}");
    }
    let signed_in = shop.call("POST /api/login", &login("dan", "agora-demo-2026")).await;
    assert_eq!(signed_in.line(), said(401, "Wrong username or password."));
    let read = shop.call("GET /api/order/2", "").await;
    assert_eq!(
        read.line(),
        r#"200 {"id":2,"user_id":4,"product_id":2,"quantity":1,"date":"2023-11-28"}"#
    );
    // The name of a closed account stays taken.
    let again = r#"{"name":"Dan","password":"newPassword","address":"new address"}"#;
    let again = shop.call("POST /api/users", again).await;
    assert_eq!(again.line(), said(409, "User already exists."));
}
