//! The user account service.

use serde_json::Value;

use super::app::{CommunityApp, DAN, NEW_EMAIL, NEW_USER, assert_names, said};

#[tokio::test]
async fn a_user_is_created_and_read_by_name_in_any_case() {
    let community = CommunityApp::open().await;
    for (body, shown, location) in [
        (
            r#"{"username":" Zoë B ","email":"zoe@example.com","karma":-7,"admin":true}"#,
            r#"{"username":"Zoë B","email":"zoe@example.com","karma":-7}"#,
            "/community/users/Zo%C3%AB%20B",
        ),
        (
            NEW_USER,
            r#"{"username":"eve","email":"eve@example.com","karma":0}"#,
            "/community/users/eve",
        ),
    ] {
        let made = community.call("POST /users", body).await;
        assert_eq!(made.line(), format!("201 {shown}"));
        assert_eq!(made.header("location"), location);
        assert_eq!(
            community.app.call(&format!("GET {location}")).await.line(),
            format!("200 {shown}")
        );
    }
    assert_eq!(community.get("/users/EVE").await.status, 200);
}

#[tokio::test]
async fn karma_stops_at_its_bound_and_the_user_is_still_readable() {
    let community = CommunityApp::open().await;
    for (name, bound, beyond) in [("maxi", i32::MAX, "increment"), ("mini", i32::MIN, "decrement")] {
        let user = format!(r#"{{"username":"{name}","email":"{name}@example.com","karma":{bound}}}"#);
        assert_eq!(community.call("POST /users", &user).await.status, 201);
        let refused = community.call(&format!("PUT /users/{name}/karma/{beyond}"), "").await;
        assert_eq!(refused.status, 409, "{}", refused.text);
        let read = community.get(&format!("/users/{name}")).await;
        assert_eq!((read.status, &read.json()["karma"]), (200, &Value::from(bound)));
    }
}

#[tokio::test]
async fn an_invalid_user_is_refused_by_the_name_of_its_member() {
    let community = CommunityApp::open().await;
    let before = community.everything().await;
    let long = format!("\"{}\"", "x".repeat(65));
    for (member, values) in [
        ("username", vec!["", "null", "7", "\"\"", "\" \"", r#""a\nb""#, &long]),
        (
            "email",
            vec!["", "null", "7", "\"\"", "\"eve\"", "\"eve@\"", "\"a b@example.com\""],
        ),
        (
            "karma",
            vec!["null", "\"1\"", "1.5", "1e10", "true", "2147483648", "-2147483649"],
        ),
    ] {
        for value in values {
            let mut body: Value = serde_json::from_str(NEW_USER).unwrap();
            let mut text = match value {
                "" => {
                    body.as_object_mut().unwrap().remove(member);
                    body.to_string()
                }
                _ => {
                    body[member] = "HERE".into();
                    body.to_string()
                }
            };
            // The text is replaced, because a parsed number would lose its spelling.
            text = text.replace("\"HERE\"", value);
            assert_names(&community.call("POST /users", &text).await, member, &text);
        }
    }
    assert_eq!(community.everything().await, before);
}

#[tokio::test]
async fn a_taken_name_or_email_is_a_conflict_after_deactivation_too() {
    let community = CommunityApp::open().await;
    let ben = community.app.person(2);
    assert_eq!(community.with_token(&ben, "DELETE /users/ben", "").await.status, 200);
    let before = community.everything().await;
    for body in [
        r#"{"username":"DAN","email":"new@example.com"}"#,
        r#"{"username":"new","email":"Dan@Example.com"}"#,
        r#"{"username":"ben","email":"new@example.com"}"#,
        r#"{"username":"new","email":"ben@example.com"}"#,
    ] {
        let refused = community.call("POST /users", body).await;
        assert_eq!((refused.status, refused.header("location")), (409, ""), "{body}");
        assert_eq!(refused.json()["error"], "Conflict", "{body}");
    }
    let dan = community.app.person(4);
    let refused = community
        .with_token(&dan, "PUT /users/dan/email", r#"{"email":"CLEO@example.com"}"#)
        .await;
    assert_eq!(refused.status, 409);
    assert_eq!(community.everything().await, before);
}

#[tokio::test]
async fn an_email_is_changed() {
    let community = CommunityApp::open().await;
    assert_eq!(community.call("POST /users", NEW_USER).await.status, 201);
    let shown = r#"200 {"username":"eve","email":"dan@example.org","karma":0}"#;
    for path in ["/users/eve/email", "/users/EVE/email"] {
        // Setting the same email again changes nothing, and does not conflict with the user's own.
        assert_eq!(community.call(&format!("PUT {path}"), NEW_EMAIL).await.line(), shown);
    }
    assert_eq!(community.get("/users/eve").await.line(), shown);
    for body in [
        "{}",
        r#"{"email":null}"#,
        r#"{"email":7}"#,
        r#"{"email":""}"#,
        r#"{"email":"dan"}"#,
    ] {
        assert_names(&community.call("PUT /users/eve/email", body).await, "email", body);
    }
    assert_eq!(community.get("/users/eve").await.line(), shown);
}

#[tokio::test]
async fn karma_goes_up_and_down_and_below_zero() {
    let community = CommunityApp::open().await;
    let eve = r#"{"username":"eve","email":"eve@example.com","karma":3}"#;
    assert_eq!(community.call("POST /users", eve).await.status, 201);
    let karma = async |way: &str| {
        let answered = community.call(&format!("PUT /users/Eve/karma/{way}"), "").await;
        assert_eq!(answered.status, 200, "{}", answered.text);
        let shown = community.get("/users/eve").await;
        assert_eq!(shown.line(), answered.line());
        answered.json()["karma"].as_i64().unwrap()
    };
    assert_eq!(karma("increment").await, 4);
    for expected in [3, 2, 1, 0, -1, -2] {
        assert_eq!(karma("decrement").await, expected);
    }
    assert_eq!(karma("increment").await, -1);
}

#[tokio::test]
async fn a_deactivated_user_is_gone_and_their_posts_stay() {
    let community = CommunityApp::open().await;
    assert_eq!(community.get("/users/dan").await.line(), format!("200 {DAN}"));
    let dan = community.app.person(4);
    let left = community.with_token(&dan, "DELETE /users/DAN", "").await;
    assert_eq!(left.line(), r#"200 {"message":"Account deactivated"}"#);
    gone(&community, "dan").await;
    let post = community.get("/posts/6").await;
    assert_eq!((post.status, &post.json()["username"]), (200, &Value::from("dan")));
    assert_eq!(community.list("/messages?userTo=dan", "id").await, [8, 3, 1]);
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let community = CommunityApp::open().await;
    for name in ["unknown", "%20", "4", "dan%40example.com"] {
        gone(&community, name).await;
    }
}

/// Asserts that every route of that user is 404.
async fn gone(community: &CommunityApp, name: &str) {
    for (line, body) in [
        (format!("GET /users/{name}"), ""),
        (format!("PUT /users/{name}/email"), r#"{"email":"new@example.com"}"#),
        (format!("PUT /users/{name}/karma/increment"), ""),
        (format!("PUT /users/{name}/karma/decrement"), ""),
        (format!("DELETE /users/{name}"), ""),
    ] {
        let answered = community.call(&line, body).await;
        assert_eq!(answered.line(), said(404, "user not found"), "{line}");
    }
}
