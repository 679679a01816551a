//! The OpenAPI 3.1 document of a mount, generated from its tables.

mod schema;

use std::collections::BTreeMap;

use contract::ErrorCode;
use serde_json::{Map, Value, json};

use self::schema::{ERROR_BODY, Schemas, reference, with_bounds};
use super::bound_mount::BoundMount;
use super::bound_route::BoundRoute;
use super::error::RestError;
use super::field::{FieldType, Presence};
use super::route::{AccessRule, InvalidParam, ParamLocation, ResponseSource, Verb};

/// Generates the document of a mount at its address.
pub(super) fn document(bound_mount: &BoundMount) -> Value {
    let mut document = OpenApiBuilder {
        bound_mount,
        paths: Map::new(),
        schemas: Schemas::default(),
        tags: Vec::new(),
    };
    for bound_route in &bound_mount.routes {
        document.add(bound_route);
    }
    document.schemas.add_error_body(&bound_mount.mount.envelope);
    let access = if bound_mount.anonymous_access.is_open() {
        "Routes that require no token are open to every caller, or only to programs on the server's machine, as configured."
    } else {
        "Every route except the public ones requires a bearer token: a person's token or a service credential."
    };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": bound_mount.mount.title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("{} {access}", bound_mount.mount.about),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": if bound_mount.base.is_empty() { "/" } else { bound_mount.base } }],
        "tags": document.tags,
        "paths": document.paths,
        "components": {
            "schemas": document.schemas.named,
            "headers": { "AgoraErrorCode": {
                "description": "The stable code of the error, the same for GraphQL and every mount.",
                "schema": { "type": "string", "enum": ErrorCode::ALL },
            } },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A person's token from the mutation `login`, or a service credential.",
                },
            },
        },
    })
}

struct OpenApiBuilder<'a> {
    bound_mount: &'a BoundMount,
    paths: Map<String, Value>,
    schemas: Schemas,
    tags: Vec<Value>,
}

impl OpenApiBuilder<'_> {
    fn add(&mut self, bound_route: &BoundRoute) {
        let (service, route) = (&*bound_route.service, bound_route.route);
        let tag = json!({ "name": service.name, "description": service.about });
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        let verb = route.verb.as_str().to_ascii_lowercase();
        for (index, path) in self.bound_mount.documented_paths(bound_route).enumerate() {
            let mut operation = self.operation(bound_route);
            operation["operationId"] = self.operation_id(bound_route, index).into();
            let item = self.paths.entry(path).or_insert_with(|| json!({}));
            item[&verb] = operation;
        }
    }

    /// Returns the name that generators give to the operation's function: that of the route. Where several services of the
    /// mount have the route, the name of each but the first adds the service; each but the first path adds its position.
    fn operation_id(&self, bound_route: &BoundRoute, path_index: usize) -> String {
        let (service, name) = (&*bound_route.service.name, bound_route.route.name);
        let first = self.bound_mount.routes.iter().find(|other| other.route.name == name);
        let mut id = name.to_owned();
        if first.is_some_and(|first| first.service.name != service) {
            id += "In";
            for word in service.split('.') {
                let (initial, rest) = word.split_at(1);
                id += &initial.to_ascii_uppercase();
                id += rest;
            }
        }
        if path_index > 0 {
            id += &(path_index + 1).to_string();
        }
        id
    }

    fn operation(&mut self, bound_route: &BoundRoute) -> Value {
        let route = bound_route.route;
        let mut operation = json!({
            "tags": [bound_route.service.name],
            "summary": route.summary,
            "responses": self.responses(bound_route),
            "security": security(route.access, self.bound_mount.anonymous_access.is_open()),
        });
        let parameters = self.parameters(bound_route);
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(body) = route.body {
            let mut media = json!({ "schema": self.schemas.body(body) });
            if let Ok(example) = serde_json::from_str::<Value>(body.model.example) {
                media["example"] = example;
            }
            let mut content = json!({ "application/json": media });
            if body.form {
                content["application/x-www-form-urlencoded"] = content["application/json"].clone();
            }
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        operation
    }

    fn parameters(&mut self, bound_route: &BoundRoute) -> Vec<Value> {
        let route = bound_route.route;
        let mut parameters: Vec<Value> = Vec::new();
        for param in route.params {
            let mut parameter = json!({
                "name": param.field.name,
                "in": if param.location == ParamLocation::Path { "path" } else { "query" },
                "required": param.location == ParamLocation::Path || param.field.presence == Presence::Required,
                "schema": with_bounds(self.schemas.value(&param.field.field_type, true), param.field.bounds),
                "example": serde_json::from_str::<Value>(param.example).unwrap_or_else(|_| param.example.into()),
            });
            if !param.field.about.is_empty() {
                parameter["description"] = param.field.about.into();
            }
            if let (FieldType::List(_), ParamLocation::Query) = (param.field.field_type, param.location) {
                parameter["style"] = "form".into();
                parameter["explode"] = false.into();
            }
            parameters.push(parameter);
        }
        if route.source.is_list() {
            let most = self.bound_mount.gateway.limits.rest_rows_max;
            let about = format!(
                "The cursor of the next page, from the `Link` header of a response that stopped at {most} rows."
            );
            parameters.push(json!({
                "name": "after", "in": "query", "required": false, "description": about,
                "schema": { "type": "string", "pattern": cursor_pattern(route.cursor_columns) },
            }));
        }
        if bound_route.idempotent {
            parameters.push(json!({
                "name": "Idempotency-Key", "in": "header", "required": false,
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY },
                "description": "Requests with the same key and the same content take effect once and return the same response.",
            }));
        }
        parameters
    }

    fn responses(&mut self, bound_route: &BoundRoute) -> Value {
        let route = bound_route.route;
        let mut success = json!({
            "description": route.summary,
            "content": { "application/json": { "schema": self.schemas.value(&route.response, false) } },
        });
        if let Ok(example) = serde_json::from_str::<Value>(bound_route.service.example(route)) {
            success["content"]["application/json"]["example"] = example;
        }
        if route.location.is_some() {
            let about = "The path at which a `GET` returns the result.";
            success["headers"]["Location"] = json!({ "description": about, "schema": { "type": "string" } });
        }
        if route.source.is_list() {
            let about = "The address of the next page, as `<…>; rel=\"next\"`; absent when there are no more rows.";
            success["headers"]["Link"] = json!({ "description": about, "schema": { "type": "string" } });
        }
        let mut responses = json!({ route.status.to_string(): success });
        if let Some((status, when)) = route.alternative_status {
            let mut other = success;
            other["description"] = when.into();
            if let Some(other) = other.as_object_mut() {
                other.remove("headers");
            }
            responses[status.to_string()] = other;
        }
        for (status, errors) in self.errors(bound_route) {
            let when: Vec<&str> = errors.iter().map(|error| error.when.as_str()).collect();
            let example = errors.first().map(|error| error.example.clone());
            let mut response = json!({
                "description": when.join(" "),
                "content": { "application/json": {
                    "schema": reference(ERROR_BODY),
                    "example": example,
                } },
            });
            response["headers"]["Agora-Error-Code"] = json!({ "$ref": "#/components/headers/AgoraErrorCode" });
            if let Some((name, about)) = required_header(status) {
                response["headers"][name] = json!({ "description": about, "schema": { "type": "string" } });
            }
            responses[status.to_string()] = response;
        }
        responses
    }

    /// Returns every error that a route can return, by status.
    fn errors(&self, bound_route: &BoundRoute) -> BTreeMap<u16, Vec<DocumentedError>> {
        let route = bound_route.route;
        let mut errors: BTreeMap<u16, Vec<DocumentedError>> = BTreeMap::new();
        let mut add = |code: ErrorCode, message: &str, when: &str| {
            let error = RestError::new(code, message);
            let example = (self.bound_mount.mount.envelope.body)(&error);
            errors.entry(code.http_status()).or_default().push(DocumentedError {
                when: when.to_owned(),
                example,
            });
        };
        if let ResponseSource::Fixed(_) = route.source {
            return errors;
        }
        for row in route.errors {
            let fixed = route.params.iter().find_map(|param| match param.on_invalid {
                InvalidParam::Message(message) if row.code == ErrorCode::InvalidInput => Some(message),
                _ => None,
            });
            let message = match (row.message, fixed) {
                ("", Some(fixed)) => fixed,
                ("", None) => row.when,
                (message, _) => message,
            };
            add(row.code, message, row.when);
        }
        if route.source.is_list() {
            let message = "after is not a cursor of this list";
            add(
                ErrorCode::InvalidInput,
                message,
                "`after` is not a cursor of this list.",
            );
        }
        if route.body.is_some() {
            add(
                ErrorCode::InvalidInput,
                "the body must be a JSON object",
                "The body is malformed or is not an object.",
            );
            add(
                ErrorCode::PayloadTooLarge,
                "the body is too large",
                "The body is too large.",
            );
            add(
                ErrorCode::UnsupportedMediaType,
                "the body must be application/json",
                "The body has an unsupported media type or is compressed.",
            );
        }
        add(
            ErrorCode::Unauthenticated,
            "sign in first",
            "The route requires a token, or the token in the request is not valid.",
        );
        let by_kind = matches!(route.access, AccessRule::Service | AccessRule::Person);
        if !self.bound_mount.anonymous_access.is_open() || by_kind || route.verb != Verb::Get {
            let message = match route.access {
                AccessRule::Service => "only a service may do this",
                AccessRule::Person => "only a person may do this",
                _ => "only an administrator may do this",
            };
            add(
                ErrorCode::Forbidden,
                message,
                "The token does not permit the request, or a browser sent it for a page of another site.",
            );
        }
        if bound_route.idempotent {
            let message = "this idempotency key was used for another request";
            add(
                ErrorCode::IdempotencyMismatch,
                message,
                "The idempotency key was already used for another request.",
            );
        }
        add(
            ErrorCode::Internal,
            "something went wrong on our side",
            "The server failed to process the request.",
        );
        add(
            ErrorCode::Unavailable,
            "try again",
            "A component that the request needs is unavailable at the moment.",
        );
        errors
    }
}

/// An error that a route can return.
struct DocumentedError {
    when: String,
    example: Value,
}

/// The pattern of an `Idempotency-Key`: ASCII with at least one visible character.
const KEY: &str = r"^[\t -~]*[!-~][\t -~]*$";

/// Returns the pattern of a list's cursors: one hexadecimal integer for each sort column of the last row before the page.
fn cursor_pattern(columns: usize) -> String {
    format!("^{}$", vec!["(0|[1-9a-f][0-9a-f]{0,15})"; columns].join("-"))
}

fn security(access: AccessRule, is_open: bool) -> Value {
    match access {
        AccessRule::Anyone | AccessRule::Registration => json!([]),
        AccessRule::Policy | AccessRule::Internal if is_open => json!([]),
        AccessRule::Attributed | AccessRule::Account | AccessRule::OnBehalf if is_open => json!([{}, { "bearer": [] }]),
        _ => json!([{ "bearer": [] }]),
    }
}

fn required_header(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        401 => Some(("WWW-Authenticate", "`Bearer`")),
        429 | 503 => Some((
            "Retry-After",
            "The time to wait before the next attempt, in whole seconds.",
        )),
        _ => None,
    }
}
