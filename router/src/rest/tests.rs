//! Tests of the engine on a mount that exists only here.

mod echo_mount;

use std::sync::Arc;

use contract::Role;

use self::echo_mount::{MOUNT, NOW_US, TestMount, query};
use super::bound_route::BoundRoute;
use super::bound_service::BoundService;
use super::field::QUANTITY;
use super::route::{Param, ResponseSource, Route};
use crate::rest_access::AnonymousAccess;

#[tokio::test]
async fn query_parameters_are_coerced_by_their_kind() {
    let test_mount = TestMount::new(AnonymousAccess::Anyone);
    for (line, expected) in [
        ("GET /things/top", r#"200 {"text":"25 None"}"#),
        ("GET /things/top?n=3&newest=true&x=1", r#"200 {"text":"3 Some(true)"}"#),
        ("GET /api/v1.0/things/top/?n=100", r#"200 {"text":"100 None"}"#),
        (
            "GET /things/top?n=101",
            r#"400 {"errors":{"n":"must be from 1 to 100"},"message":"Input payload validation failed"}"#,
        ),
        (
            "GET /things/top?n=x",
            r#"400 {"errors":{"n":"must be an integer"},"message":"Input payload validation failed"}"#,
        ),
        (
            "GET /things/top?n=1&n=2",
            r#"400 {"errors":{"n":"must be given once"},"message":"Input payload validation failed"}"#,
        ),
        (
            "GET /things/top?newest=yes",
            r#"400 {"errors":{"newest":"must be true or false"},"message":"Input payload validation failed"}"#,
        ),
        (
            "GET /things/top?n=%ff",
            r#"400 {"errors":{"n":"must be percent-encoded UTF-8"},"message":"Input payload validation failed"}"#,
        ),
    ] {
        assert_eq!(test_mount.call(line).await, expected, "{line}");
    }
}

#[tokio::test]
async fn a_fixed_path_wins_over_a_parameter() {
    let test_mount = TestMount::new(AnonymousAccess::Anyone);
    let expected = r#"405 {"code":405,"message":"this path answers GET, HEAD","reason":"METHOD_NOT_ALLOWED"}"#;
    assert_eq!(test_mount.call("PUT /things/top").await, expected);
    assert_eq!(
        test_mount.call("GET /things/1").await,
        r#"200 {"text":"one","brokerId":null}"#
    );
}

#[tokio::test]
async fn one_code_has_a_message_for_each_missing_object() {
    let test_mount = TestMount::new(AnonymousAccess::Anyone);
    let not_found = |message: &str| format!(r#"404 {{"code":404,"message":"{message}","reason":"NOT_FOUND"}}"#);
    assert_eq!(
        test_mount.call("GET /things/7").await,
        not_found("could not find thing 7")
    );
    assert_eq!(
        test_mount.call("GET /things/x%20y").await,
        not_found("could not find thing x y")
    );
    assert_eq!(test_mount.call("GET /things/2").await, not_found("Owner not found."));
    let named = r#"400 {"errors":{"title":"must not be blank"},"message":"Input payload validation failed"}"#;
    assert_eq!(test_mount.call("GET /things/3").await, named);
}

#[tokio::test]
async fn a_json_or_form_body_reports_the_error_of_each_member() {
    let test_mount = TestMount::new(AnonymousAccess::Anyone);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let json = [("content-type", "application/json")];
    let sent = test_mount
        .send("POST /trades", &form, "name=Fish+Co&quantity=2&type=sell")
        .await;
    let traded = r#"201 {"transaction-number":9,"text":"Fish Co 2 ","type":"sell"}"#;
    assert_eq!(sent, (traded.to_owned(), "/elsewhere/trades/9".to_owned()));
    let body = r#"{"name":"FishCo","quantity":1,"type":"buy","limitPrice":15.5}"#;
    let sent = test_mount.send("POST /api/v1.0/trades", &json, body).await;
    let traded = r#"200 {"transaction-number":9,"text":"FishCo 1 15.50","type":"buy"}"#;
    assert_eq!(sent, (traded.to_owned(), "/elsewhere/api/v1.0/trades/9".to_owned()));
    let null = r#"{"name":"FishCo","quantity":1,"type":"buy","limitPrice":null}"#;
    assert!(test_mount.send("POST /trades", &json, null).await.0.starts_with("200 "));
    let wrong = [
        (form, "name=FishCo&quantity=1.0&type=hold"),
        (json, r#"{"name":"FishCo","quantity":1.0,"type":"hold"}"#),
    ];
    for (media, body) in wrong {
        let expected = r#"400 {"errors":{"quantity":"must be an integer","type":"must be one of buy, sell"},"message":"Input payload validation failed"}"#;
        assert_eq!(test_mount.send("POST /trades", &media, body).await.0, expected);
    }
}

#[tokio::test]
async fn a_nested_object_reports_the_error_of_each_member() {
    let test_mount = TestMount::new(AnonymousAccess::Anyone);
    let send = async |body: &str| test_mount.send("POST /pushes", &[], body).await.0;
    let entry = r#"{"name":"FishCo","quantity":2,"type":"sell","more":[]}"#;
    let pushed = r#"200 {"transaction-number":9,"text":"FishCo 2 ","type":"sell"}"#;
    assert_eq!(send(&format!(r#"{{"nextID":1,"entry":{entry}}}"#)).await, pushed);
    assert_eq!(send(&format!(r#"{{"nextID":null,"entry":{entry}}}"#)).await, pushed);
    for (body, wrong) in [
        ("{}", r#"{"entry":"is required"}"#),
        (
            r#"{"nextID":"1","entry":null}"#,
            r#"{"entry":"must not be null","nextID":"must be an integer"}"#,
        ),
        (r#"{"entry":[1]}"#, r#"{"entry":"must be an object"}"#),
        (r#"{"entry":"FishCo"}"#, r#"{"entry":"must be an object"}"#),
        (
            r#"{"entry":{"name":7,"quantity":1.0}}"#,
            r#"{"entry.name":"must be a string","entry.quantity":"must be an integer","entry.type":"is required"}"#,
        ),
    ] {
        let expected = format!(r#"400 {{"errors":{wrong},"message":"Input payload validation failed"}}"#);
        assert_eq!(send(body).await, expected, "{body}");
    }
    let named = r#"400 {"errors":{"title":"must not be blank"},"message":"Input payload validation failed"}"#;
    assert_eq!(send(&format!(r#"{{"nextID":3,"entry":{entry}}}"#)).await, named);
}

#[tokio::test]
async fn a_list_can_be_an_object_keyed_by_a_member() {
    let test_mount = TestMount::new(AnonymousAccess::Anyone);
    let numbers = r#"{"0":{"text":"t"},"1":{"text":"t"},"2":{"text":"t"},"3":{"text":"t"},"4":{"text":"t"}}"#;
    let whole = format!(r#"200 {{"leader":"25 None","numbers":{numbers}}}"#);
    assert_eq!(test_mount.call("GET /numbers").await, whole);
    let rest = r#"200 {"leader":"25 None","numbers":{"4":{"text":"t"}}}"#;
    assert_eq!(test_mount.call("GET /numbers?after=3").await, rest);
}

#[tokio::test]
async fn service_routes_refuse_users_and_user_routes_refuse_services() {
    let (open, closed) = (
        TestMount::new(AnonymousAccess::Anyone),
        TestMount::new(AnonymousAccess::Closed),
    );
    for (test_mount, route, anonymous, person, service) in [
        (&open, "/replica/1/peek", 401, 403, 200),
        (&open, "/replica/1/look", 200, 200, 200),
        (&open, "/replica/1/mine", 401, 200, 200),
        (&open, "/replica/1/me", 401, 200, 403),
        (&closed, "/replica/1/peek", 401, 403, 200),
        (&closed, "/replica/1/look", 401, 403, 200),
        (&closed, "/replica/1/mine", 401, 200, 200),
    ] {
        let line = format!("GET {route}");
        let user = format!(
            "Bearer {}",
            test_mount.keys.sign_user(7, Role::Member, true, 1, NOW_US, 60).0
        );
        let program = format!("Bearer {}", test_mount.keys.sign_service("front", NOW_US, 60).0);
        let by_user = test_mount.send(&line, &[("authorization", &user)], "").await.0;
        let by_program = test_mount.send(&line, &[("authorization", &program)], "").await.0;
        let statuses =
            [test_mount.call(&line).await, by_user, by_program].map(|answer| answer[..3].parse::<u16>().unwrap());
        assert_eq!(statuses, [anonymous, person, service], "{line}");
    }
}

#[tokio::test]
async fn the_openapi_document_may_have_a_second_address() {
    let test_mount = TestMount::new(AnonymousAccess::Anyone);
    let document = test_mount.call("GET /openapi.json").await;
    assert!(document.starts_with("200 {"));
    assert_eq!(test_mount.call("GET /swagger.json").await, document);
    assert!(document.contains("application/x-www-form-urlencoded"));
}

#[test]
fn a_route_that_does_not_fit_its_operation_fails_at_start() {
    let service = Arc::new(BoundService::over_graph(&MOUNT.services[0]));
    let route = |operation: &'static str, params: &'static [Param]| {
        let route = Route {
            operation,
            params,
            source: ResponseSource::One("/top"),
            path: "/x",
            ..Route::BASE
        };
        BoundRoute::new(&service, Box::leak(Box::new(route)))
            .err()
            .unwrap_or_default()
    };
    const N: &[Param] = &[query("n", QUANTITY)];
    assert_eq!(route("query ($n: Int) { top(n: $n) }", N), "");
    assert_eq!(
        route("query ($m: Int) { top(n: $m) }", N),
        "GET /x: `n` goes into no variable of the operation"
    );
    assert_eq!(
        route("query ($n: String) { top(n: $n) }", N),
        "GET /x: `n` does not fit the variable `$n: String`"
    );
    assert_eq!(
        route("query ($n: Int!) { top(n: $n) }", N),
        "GET /x: `n` does not fit the variable `$n: Int!`"
    );
    assert_eq!(
        route("query ($n: Int!) { top(n: $n) }", &[]),
        "GET /x: no parameter or member goes into the required variable `$n`"
    );
    assert!(route("{ top ", &[]).contains("expected"));
}
