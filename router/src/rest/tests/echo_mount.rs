//! A mount that exists only in the tests, over a graph that echoes its arguments.

use std::sync::Arc;

use async_graphql::{EmptySubscription, ID, Json, Object, Schema};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::any;
use contract::{Clock, DomainSchema, ErrorCode, ManualClock, Money, Side, TokenKeys};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::auth::Authenticator;
use crate::gateway::Gateway;
use crate::in_process::InProcess;
use crate::limits::Limits;
use crate::rest::bound_mount::{BoundMount, MountAddress};
use crate::rest::bound_service::BoundService;
use crate::rest::error::{Envelope, RestError};
use crate::rest::field::{Field, FieldType, ObjectModel, QUANTITY};
use crate::rest::handle;
use crate::rest::route::{
    AccessRule, ErrorRow, InvalidParam, Mount, Param, ParamLocation, RequestBody, ResponseSource, Route, Service, Verb,
};
use crate::rest_access::AnonymousAccess;

pub(super) struct TestMount {
    router: Router,
    pub(super) keys: Arc<TokenKeys>,
}

impl TestMount {
    pub(super) fn new(open: AnonymousAccess) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at_us(NOW_US));
        let keys = Arc::new(TokenKeys::ephemeral());
        let auth = Arc::new(Authenticator::new(Arc::clone(&keys), Arc::clone(&clock), 10));
        let schema = Schema::build(Echo, async_graphql::EmptyMutation, EmptySubscription).finish();
        let graph = Arc::new(InProcess(DomainSchema::new(schema)));
        let gateway = Gateway::new(graph, auth, clock, Arc::new(Limits::default()));
        let bound_mount = BoundMount::new(
            &gateway,
            open,
            &MOUNT,
            &MOUNT
                .services
                .iter()
                .map(BoundService::over_graph)
                .map(Arc::new)
                .collect::<Vec<_>>(),
            MountAddress::Prefix,
        );
        let router = Router::new().fallback(any(handle).with_state(Arc::new(bound_mount)));
        Self { router, keys }
    }

    pub(super) async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
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

    pub(super) async fn call(&self, line: &str) -> String {
        self.send(line, &[], "").await.0
    }
}

pub(super) const NOW_US: i64 = 1_767_323_045_000_000;

/// A graph that echoes its arguments, so that a response shows the values of the route's variables.
#[derive(Default)]
struct Echo;

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

pub(super) static MOUNT: Mount = Mount {
    name: "elsewhere",
    prefix: "/elsewhere",
    title: "Elsewhere",
    about: "",
    envelope: Envelope {
        body: envelope,
        schemas: || json!({ "ErrorBody": { "type": "object" } }),
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
                    body: Some(RequestBody::json_or_form(&TRADE)),
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
                    body: Some(RequestBody::json(&PUSH)),
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
            prefixes: &["/replica/1"],
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

pub(super) const fn query(name: &'static str, field_type: FieldType) -> Param {
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
