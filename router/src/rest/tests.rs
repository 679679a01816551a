//! Tests of the features that the first table does not use, on a mount that exists only here.

use std::sync::Arc;

use async_graphql::{EmptySubscription, Enum, ID, Json, Object, Schema};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use contract::{Clock, ErrorCode, ErrorCodeExtension, ManualClock, Money, Role, TokenKeys};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::auth::Authenticator;
use crate::limits::Limits;
use crate::subgraph::InProcess;

const NOW_US: i64 = 1_767_323_045_000_000;

/// A graph that echoes its arguments, so that a response shows the values of the route's variables.
#[derive(Default)]
struct Echo;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
enum Side {
    Buy,
    Sell,
}

#[Object]
impl Echo {
    async fn top(&self, #[graphql(default = 25)] n: i32, newest: Option<bool>) -> Json<Value> {
        Json(json!({ "text": format!("{n} {newest:?}") }))
    }

    async fn thing(&self, id: Option<ID>) -> contract::Result<Json<Value>> {
        match id.as_ref().map_or("1", |id| id.as_str()) {
            "1" => Ok(Json(json!({ "text": "one", "broker": null }))),
            "2" => Err(contract::Error::NotFound("owner")),
            "3" => Err(contract::Error::invalid("input.title", "must not be blank")),
            _ => Err(contract::Error::NotFound("thing")),
        }
    }

    /// Five of them, two to a page.
    async fn numbers(&self, after: Option<String>) -> Json<Value> {
        let from: i64 = after.map_or(0, |after| after.parse::<i64>().unwrap_or(0) + 1);
        let nodes: Vec<Value> = (from..5)
            .take(2)
            .map(|number| json!({ "number": number, "text": "t" }))
            .collect();
        let last = from + nodes.len() as i64 - 1;
        Json(json!({ "nodes": nodes, "pageInfo": { "hasNextPage": last < 4, "endCursor": last.to_string() } }))
    }

    async fn trade(&self, name: String, quantity: i32, side: Side, limit: Option<Money>) -> Json<Value> {
        let side = if side == Side::Buy { "BUY" } else { "SELL" };
        let text = format!(
            "{name} {quantity} {}",
            limit.map_or_else(String::new, |limit| limit.amount())
        );
        Json(json!({ "id": "9", "text": text, "side": side, "isNew": quantity > 1 }))
    }
}

const TEXT: Field = Field::new("text", FieldType::Text);
const SIDES: FieldType = FieldType::Enum(&[("buy", "BUY"), ("sell", "SELL")]);

static SHOWN: ObjectModel = ObjectModel {
    name: "Shown",
    about: "",
    fields: &[TEXT],
    example: "",
};

static WITH_BROKER: ObjectModel = ObjectModel {
    name: "WithBroker",
    about: "",
    fields: &[
        TEXT,
        Field::new("brokerId", FieldType::Id { min: 1 })
            .pointer("/broker")
            .nullable(),
    ],
    example: "",
};

static TRADED: ObjectModel = ObjectModel {
    name: "Traded",
    about: "",
    fields: &[
        Field::new("transaction-number", FieldType::Id { min: 0 }).pointer("/id"),
        TEXT,
        Field::new("type", SIDES).pointer("/side"),
    ],
    example: "",
};

static TRADE: ObjectModel = ObjectModel {
    name: "Trade",
    about: "",
    fields: &[
        Field::new("name", FieldType::Text),
        Field::new("quantity", QUANTITY),
        Field::new("type", SIDES).pointer("/side"),
        Field::new("limitPrice", FieldType::Money { min_minor: 1 })
            .pointer("/limit")
            .nullable(),
    ],
    example: "",
};

static PUSH: ObjectModel = ObjectModel {
    name: "Push",
    about: "",
    fields: &[
        Field::new("nextID", FieldType::Id { min: 0 }).pointer("/id").nullable(),
        Field::new("entry", FieldType::Object(&TRADE)).pointer(""),
    ],
    example: "",
};

static NUMBERED: ObjectModel = ObjectModel {
    name: "Numbered",
    about: "",
    fields: &[
        Field::new("leader", FieldType::Text).pointer("/top/text"),
        Field::new(
            "numbers",
            FieldType::KeyedList {
                key_pointer: "/number",
                item_type: &FieldType::Object(&SHOWN),
            },
        ),
    ],
    example: "",
};

static MOUNT: Mount = Mount {
    name: "elsewhere",
    prefix: "/elsewhere",
    title: "Elsewhere",
    about: "",
    envelope: Envelope {
        body: envelope,
        schema: || json!({ "type": "object" }),
    },
    services: &[
        Service {
            name: "main",
            about: "",
            prefixes: &["", "/api/v1.0"],
            routes: &[
                Route {
                    path: "/things/top",
                    operation: "query ($n: Int = 25, $newest: Boolean) { top(n: $n, newest: $newest) }",
                    source: ResponseSource::One("/top"),
                    params: &[
                        query("n", FieldType::Integer { min: 1, max: 100 }),
                        query("newest", FieldType::Boolean),
                    ],
                    response: FieldType::Object(&SHOWN),
                    ..Route::BASE
                },
                Route {
                    path: "/things/{thingId}",
                    operation: "query ($thingId: ID!) { thing(id: $thingId) }",
                    source: ResponseSource::One("/thing"),
                    params: &[Param {
                        location: ParamLocation::Path,
                        field: Field::new("thingId", FieldType::Id { min: 0 }),
                        on_invalid: InvalidParam::NotFound,
                        example: "1",
                    }],
                    response: FieldType::Object(&WITH_BROKER),
                    errors: &[
                        ErrorRow::new(ErrorCode::NotFound, "could not find thing {thingId}", ""),
                        ErrorRow {
                            message_prefix: "owner",
                            ..ErrorRow::new(ErrorCode::NotFound, "Owner not found.", "")
                        },
                    ],
                    access: AccessRule::Anyone,
                    ..Route::BASE
                },
                Route {
                    verb: Verb::Post,
                    path: "/trades",
                    operation: "query ($name: String!, $quantity: Int!, $side: Side!, $limit: Money) {
                        trade(name: $name, quantity: $quantity, side: $side, limit: $limit)
                    }",
                    source: ResponseSource::One("/trade"),
                    location: Some("/trades/{id}"),
                    body: Some(route::RequestBody::json_or_form(&TRADE)),
                    response: FieldType::Object(&TRADED),
                    reshape: Some(|reply, _| {
                        if reply.node["isNew"] == true {
                            reply.status = 201;
                        }
                    }),
                    ..Route::BASE
                },
                Route {
                    verb: Verb::Post,
                    path: "/pushes",
                    operation: "query ($id: ID, $name: String!, $quantity: Int!, $side: Side!, $limit: Money) {
                        trade(name: $name, quantity: $quantity, side: $side, limit: $limit) thing(id: $id)
                    }",
                    source: ResponseSource::One("/trade"),
                    body: Some(route::RequestBody::json(&PUSH)),
                    response: FieldType::Object(&TRADED),
                    ..Route::BASE
                },
                Route {
                    path: "/numbers",
                    operation: "query ($after: String) { numbers(after: $after) top }",
                    source: ResponseSource::AllInPlace("/numbers"),
                    response: FieldType::Object(&NUMBERED),
                    ..Route::BASE
                },
            ],
        },
        Service {
            name: "inside",
            about: "",
            prefixes: &["/replica/{replica}"],
            routes: &[
                Route {
                    path: "/peek",
                    access: AccessRule::Service,
                    ..PEEK
                },
                Route {
                    path: "/look",
                    access: AccessRule::Internal,
                    ..PEEK
                },
                Route {
                    path: "/mine",
                    access: AccessRule::Bearer,
                    ..PEEK
                },
                Route {
                    path: "/me",
                    access: AccessRule::Person,
                    ..PEEK
                },
            ],
        },
    ],
    extra_openapi_paths: &["/swagger.json"],
};

const PEEK: Route = Route {
    operation: "{ top }",
    source: ResponseSource::One("/top"),
    response: FieldType::Object(&SHOWN),
    ..Route::BASE
};

const fn query(name: &'static str, field_type: FieldType) -> Param {
    Param {
        location: ParamLocation::Query,
        field: Field::new(name, field_type).optional(),
        on_invalid: InvalidParam::Named,
        example: "",
    }
}

fn envelope(error: &RestError) -> Value {
    if error.members.is_empty() {
        json!({ "code": error.status().as_u16(), "message": error.message, "reason": error.code })
    } else {
        let members = error
            .members
            .iter()
            .map(|(name, why)| (name.clone(), why.clone().into()));
        let members: serde_json::Map<String, Value> = members.collect();
        json!({ "errors": members, "message": "Input payload validation failed" })
    }
}

struct TestMount {
    router: Router,
    keys: Arc<TokenKeys>,
}

impl TestMount {
    fn new(open: AnonymousAccess) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at_us(NOW_US));
        let keys = Arc::new(TokenKeys::ephemeral());
        let auth = Arc::new(Authenticator::new(Arc::clone(&keys), Arc::clone(&clock)));
        let schema = Schema::build(Echo, async_graphql::EmptyMutation, EmptySubscription).extension(ErrorCodeExtension);
        let graph = Arc::new(InProcess(schema.finish()));
        let gateway = Gateway::new(graph, auth, clock, Arc::new(Limits::default()));
        let bound_mount = BoundMount::new(
            &gateway,
            open,
            &MOUNT,
            MOUNT.services.iter().collect(),
            MountAddress::Prefix,
        );
        let router = Router::new().fallback(any(handle).with_state(Arc::new(bound_mount)));
        Self { router, keys }
    }

    async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(format!("/elsewhere{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body.to_owned())).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let location = response
            .headers()
            .get("location")
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (format!("{status} {}", String::from_utf8_lossy(&bytes)), location)
    }

    async fn call(&self, line: &str) -> String {
        self.send(line, &[], "").await.0
    }
}

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
    let service = &MOUNT.services[0];
    let route = |operation: &'static str, params: &'static [Param]| {
        let route = Route {
            operation,
            params,
            source: ResponseSource::One("/top"),
            path: "/x",
            ..Route::BASE
        };
        BoundRoute::new(service, Box::leak(Box::new(route)))
            .err()
            .unwrap_or_default()
    };
    const N: &[Param] = &[query("n", QUANTITY)];
    assert_eq!(route("query ($n: Int) { top(n: $n) }", N), "");
    assert_eq!(route("query ($m: Int) { top(n: $m) }", N), "GET /x: nothing takes n");
    assert_eq!(
        route("query ($n: String) { top(n: $n) }", N),
        "GET /x: n is no $n: String"
    );
    assert_eq!(route("query ($n: Int!) { top(n: $n) }", N), "GET /x: n is no $n: Int!");
    assert_eq!(
        route("query ($n: Int!) { top(n: $n) }", &[]),
        "GET /x: nothing gives $n"
    );
    assert!(route("{ top ", &[]).contains("expected"));
}
