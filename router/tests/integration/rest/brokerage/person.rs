//! The user service: people.

use contract::Role;

use super::app::{ADA, ADMIN, BEN, BrokerageApp, PASSWORD, reason, refused};

const ADA_HERSELF: &str = r#"{"id":1,"name":"Ada","surname":"Winter","email":"ada@example.com","phoneNo":"+49 30 5550107","type":"investor","address":{"street":"Harbour Lane","number":"7","zipCode":"10115"},"brokerageFee":null}"#;
const ADA_TO_OTHERS: &str = r#"{"id":1,"name":"Ada","surname":"Winter","email":null,"phoneNo":null,"type":"investor","address":null,"brokerageFee":null}"#;
const BEN_TO_OTHERS: &str = r#"{"id":2,"name":"Ben","surname":"Okafor","email":null,"phoneNo":null,"type":"broker","address":null,"brokerageFee":1}"#;

#[tokio::test]
async fn a_registered_user_is_found_and_can_log_in() {
    let brokerage = BrokerageApp::new().await;
    let eve = r#"{"name":" Eve ","surname":"Lindt","email":"Eve@example.com","password":"correct horse","type":"broker",
        "brokerageFee":1.25,"phoneNo":"7","address":{"street":"S","number":"1a","zipCode":"10115","x":1},"id":77,"role":"ADMIN"}"#;
    let registered = brokerage
        .call(&brokerage.anonymous(), "POST /users/register", eve)
        .await;
    let shown = r#"{"id":6,"name":"Eve","surname":"Lindt","email":"Eve@example.com","phoneNo":"7","type":"broker","address":{"street":"S","number":"1a","zipCode":"10115"},"brokerageFee":1.25}"#;
    assert_eq!(registered.line(), format!("201 {shown}"));
    assert_eq!(registered.header("location"), "/brokerage/users/6");
    assert!(!registered.text.contains("horse"));

    let body = format!(r#"{{"email":"EVE@example.com","password":"{PASSWORD}"}}"#);
    let signed_in = brokerage.done(&brokerage.anonymous(), "POST /users/login", &body).await;
    assert_eq!(
        (&signed_in["userId"], &signed_in["type"]),
        (&6.into(), &"broker".into())
    );
    let members: Vec<&String> = signed_in.as_object().unwrap().keys().collect();
    assert_eq!(members, ["token", "type", "userId"]);
    let eve = brokerage.token(signed_in["token"].as_str().unwrap());
    assert_eq!(brokerage.get(&eve, "/users/6").await.line(), format!("200 {shown}"));
}

#[tokio::test]
async fn an_investor_needs_neither_fee_nor_telephone_nor_address() {
    let brokerage = BrokerageApp::new().await;
    let fay = r#"{"name":"Fay","surname":"L","email":"fay@example.com","password":"correct horse","type":"investor","phoneNo":null,"address":null,"brokerageFee":null,"username":"fay"}"#;
    let registered = brokerage
        .call(&brokerage.anonymous(), "POST /users/register", fay)
        .await;
    let shown = r#"201 {"id":6,"name":"Fay","surname":"L","email":"fay@example.com","phoneNo":null,"type":"investor","address":null,"brokerageFee":null}"#;
    assert_eq!(registered.line(), shown);
}

#[tokio::test]
async fn an_invalid_registration_is_refused() {
    let brokerage = BrokerageApp::new().await;
    let whole = |member: &str, value: &str| {
        let mut body = serde_json::json!({
            "name": "Eve", "surname": "Lindt", "email": "eve@example.com", "password": PASSWORD, "type": "broker",
            "brokerageFee": 1.5,
        });
        match serde_json::from_str::<serde_json::Value>(value) {
            Ok(value) => body[member] = value,
            Err(_) => body.as_object_mut().unwrap().retain(|name, _| name != member),
        }
        body.to_string()
    };
    let left_out = "";
    for (member, values) in [
        ("name", vec![left_out, "null", "7", "\" \""]),
        ("surname", vec![left_out, "null", "[]"]),
        ("email", vec![left_out, "null", "7", "\"eve\"", "\"eve@\""]),
        ("password", vec![left_out, "null", "7", "\"short\""]),
        (
            "type",
            vec![
                left_out,
                "null",
                "7",
                "\"admin\"",
                "\"member\"",
                "\"\"",
                "\"Broker\"",
                "\"broker \"",
            ],
        ),
        (
            "brokerageFee",
            vec![left_out, "null", "0.99", "1.001", "\"1.5\"", "true", "-1"],
        ),
        ("phoneNo", vec!["7", "[]"]),
        (
            "address",
            vec![
                "7",
                "\"S 1\"",
                "{}",
                r#"{"street":"S","number":7,"zipCode":"1"}"#,
                r#"{"street":"S","number":"7"}"#,
            ],
        ),
        ("username", vec!["null", "7", "\" \""]),
    ] {
        for value in values {
            let answered = brokerage
                .call(&brokerage.anonymous(), "POST /users/register", &whole(member, value))
                .await;
            assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{member} {value}");
            let message = answered.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with(member), "{member} {value}: {message}");
        }
    }
    let investor = whole("type", "\"investor\"");
    let answered = brokerage
        .call(&brokerage.anonymous(), "POST /users/register", &investor)
        .await;
    assert_eq!(
        answered.line(),
        refused(400, "INVALID_INPUT", "brokerageFee is for brokers only")
    );
    for taken in [whole("email", "\"ADA@example.com\""), whole("username", "\"Ada\"")] {
        let answered = brokerage
            .call(&brokerage.anonymous(), "POST /users/register", &taken)
            .await;
        assert_eq!(reason(&answered), (409, "CONFLICT".to_owned()), "{taken}");
    }
    let users = brokerage.done(&brokerage.ada(), "GET /users", "").await;
    assert_eq!(users.as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_wrong_login_does_not_reveal_the_wrong_part() {
    let brokerage = BrokerageApp::new().await;
    let wrong = refused(401, "UNAUTHENTICATED", "wrong email or password");
    for body in [
        r#"{"email":"ada@example.com","password":"not this one"}"#,
        r#"{"email":"unknown@example.com","password":"agora-demo-2026"}"#,
    ] {
        let answered = brokerage.call(&brokerage.anonymous(), "POST /users/login", body).await;
        assert_eq!(
            (answered.line(), answered.header("www-authenticate")),
            (wrong.clone(), "Bearer")
        );
    }
    for body in [
        "{}",
        r#"{"email":"ada@example.com"}"#,
        r#"{"password":"x"}"#,
        r#"{"email":7,"password":"x"}"#,
        "[]",
    ] {
        let answered = brokerage.call(&brokerage.anonymous(), "POST /users/login", body).await;
        assert_eq!(answered.status, 400, "{body}");
    }
    for _ in 0..10 {
        brokerage
            .call(
                &brokerage.anonymous(),
                "POST /users/login",
                r#"{"email":"b@example.com","password":"no"}"#,
            )
            .await;
    }
    let answered = brokerage
        .call(
            &brokerage.anonymous(),
            "POST /users/login",
            r#"{"email":"b@example.com","password":"no"}"#,
        )
        .await;
    assert_eq!(reason(&answered), (429, "RATE_LIMITED".to_owned()));
    assert!(!answered.header("retry-after").is_empty());
}

#[tokio::test]
async fn users_are_listed_by_their_type() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    for (path, expected) in [
        ("/users?type=investor", format!("200 [{ADA_HERSELF}]")),
        ("/users?type=broker", format!("200 [{BEN_TO_OTHERS}]")),
        ("/users/2", format!("200 {BEN_TO_OTHERS}")),
        ("/users/1/", format!("200 {ADA_HERSELF}")),
    ] {
        assert_eq!(brokerage.get(&ada, path).await.line(), expected, "{path}");
    }
    assert_eq!(
        brokerage.get(&brokerage.ben(), "/users/1").await.line(),
        format!("200 {ADA_TO_OTHERS}")
    );
    assert_eq!(
        brokerage.get(&brokerage.service(), "/users/1").await.line(),
        format!("200 {ADA_HERSELF}")
    );
    let users = brokerage.done(&ada, "GET /users", "").await;
    let types: Vec<&str> = users
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["investor", "broker", "member", "member", "member"]);
    for path in [
        "/users?type=member",
        "/users?type=admin",
        "/users?type=BROKER",
        "/users?type=",
        "/users?type=investor&type=broker",
    ] {
        assert_eq!(
            reason(&brokerage.get(&ada, path).await),
            (400, "INVALID_INPUT".to_owned()),
            "{path}"
        );
    }
    for id in ["7", "0", "-1", "abc", "1.0", "9223372036854775808", "%20"] {
        let answered = brokerage.get(&ada, &format!("/users/{id}")).await;
        assert_eq!(answered.line(), refused(404, "NOT_FOUND", "user not found"), "{id}");
    }
}

#[tokio::test]
async fn only_a_user_changes_their_own_profile() {
    let brokerage = BrokerageApp::new().await;
    let (ada, ben) = (brokerage.ada(), brokerage.ben());
    let change = r#"{"name":"Ada B.","email":"ada.b@example.com","phoneNo":null,"address":{"street":"Quay","number":"9","zipCode":"20457"},"id":9,"type":"broker"}"#;
    let changed = brokerage.call(&ada, "PUT /users/1", change).await;
    let shown = r#"{"id":1,"name":"Ada B.","surname":"Winter","email":"ada.b@example.com","phoneNo":null,"type":"investor","address":{"street":"Quay","number":"9","zipCode":"20457"},"brokerageFee":null}"#;
    assert_eq!(changed.line(), format!("200 {shown}"));
    let cleared = brokerage.done(&ada, "PUT /users/1", r#"{"address":null}"#).await;
    assert_eq!(
        (&cleared["address"], &cleared["name"]),
        (&serde_json::Value::Null, &"Ada B.".into())
    );
    let fee = brokerage.done(&ben, "PUT /users/2", r#"{"brokerageFee":2.75}"#).await;
    assert_eq!(fee["brokerageFee"], 2.75);
    brokerage
        .done(&ada, "PUT /users/1", r#"{"password":"a new password"}"#)
        .await;
    let login = |password: &str| format!(r#"{{"email":"ada.b@example.com","password":"{password}"}}"#);
    let old = brokerage
        .call(&brokerage.anonymous(), "POST /users/login", &login("agora-demo-2026"))
        .await;
    assert_eq!(old.status, 401);
    brokerage
        .done(&brokerage.anonymous(), "POST /users/login", &login("a new password"))
        .await;
}

#[tokio::test]
async fn an_invalid_change_changes_nothing() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    for body in [
        "{}",
        r#"{"x":1}"#,
        r#"{"name":null}"#,
        r#"{"name":" "}"#,
        r#"{"surname":7}"#,
        r#"{"email":"no"}"#,
        r#"{"email":null}"#,
        r#"{"password":"short"}"#,
        r#"{"password":null}"#,
        r#"{"address":{"street":"S"}}"#,
        r#"{"address":"S"}"#,
        r#"{"brokerageFee":2}"#,
        r#"{"brokerageFee":null}"#,
        r#"{"phoneNo":7}"#,
        // A valid member beside an invalid one has no effect either.
        r#"{"name":"Other","email":"no"}"#,
        r#"{"name":"Other","password":"short"}"#,
    ] {
        let answered = brokerage.call(&ada, "PUT /users/1", body).await;
        assert_eq!(
            reason(&answered),
            (400, "INVALID_INPUT".to_owned()),
            "{body}: {}",
            answered.text
        );
    }
    let taken = brokerage
        .call(&ada, "PUT /users/1", r#"{"name":"Other","email":"BEN@example.com"}"#)
        .await;
    assert_eq!(reason(&taken), (409, "CONFLICT".to_owned()));
    let admin = brokerage.person(ADMIN, Role::Member);
    for (path, caller) in [
        ("PUT /users/2", &ada),
        ("PUT /users/1", &brokerage.ben()),
        ("PUT /users/1", &admin),
        ("PUT /users/1", &brokerage.service()),
    ] {
        for body in [r#"{"name":"Other"}"#, r#"{"password":"another password"}"#] {
            let answered = brokerage.call(caller, path, body).await;
            assert_eq!(reason(&answered), (403, "FORBIDDEN".to_owned()), "{path}");
        }
    }
    for id in ["77", "abc", "0"] {
        let answered = brokerage
            .call(&ada, &format!("PUT /users/{id}"), r#"{"name":"Other"}"#)
            .await;
        assert_eq!(answered.line(), refused(404, "NOT_FOUND", "user not found"), "{id}");
    }
    let answered = brokerage.call(&admin, "PUT /users/77", r#"{"name":"Other"}"#).await;
    assert_eq!(answered.line(), refused(404, "NOT_FOUND", "user not found"));
    for id in [ADA, BEN] {
        let shown = brokerage.done(&admin, &format!("GET /users/{id}"), "").await;
        assert_ne!(shown["name"], "Other");
    }
}
