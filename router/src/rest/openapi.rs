//! The OpenAPI 3.1 document of a mount, generated from its tables.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::kind::{Bounds, Field, Kind, Model, Need};
use super::open::Opened;
use super::operation::Compiled;
use super::route::{Access, Answer, Body, Invalid, Place, Variants, Verb};
use crate::status::status_of;

/// Generates the document of a mount at its address.
pub(super) fn document(opened: &Opened) -> Value {
    let mut document = Document {
        opened,
        paths: Map::new(),
        schemas: Map::new(),
        tags: Vec::new(),
    };
    for compiled in &opened.routes {
        document.add(compiled);
    }
    let mut error = (opened.mount.envelope.schema)();
    error["description"] = "The body of every error response.".into();
    document.schemas.insert("Error".to_owned(), error);
    let access = match opened.open.is_open() {
        true => {
            "Routes that require no token are open to every caller, or only to programs on the server's machine, as configured."
        }
        false => {
            "Every route except the public ones requires a bearer token: a person's token or a service credential."
        }
    };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": opened.mount.title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("{} {access}", opened.mount.about),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": if opened.base.is_empty() { "/" } else { opened.base } }],
        "tags": document.tags,
        "paths": document.paths,
        "components": {
            "schemas": document.schemas,
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

struct Document<'a> {
    opened: &'a Opened,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    tags: Vec<Value>,
}

impl Document<'_> {
    fn add(&mut self, compiled: &Compiled) {
        let (service, route) = (compiled.service, compiled.route);
        let tag = json!({ "name": service.name, "description": service.about });
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        let verb = route.verb.as_str().to_ascii_lowercase();
        let prefix = self.opened.prefix(service);
        for (index, path) in std::iter::once(&route.path).chain(route.aliases).enumerate() {
            let mut operation = self.operation(compiled);
            operation["operationId"] = match index {
                0 => format!("{}_{}", service.name, route.name).into(),
                other => format!("{}_{}_{}", service.name, route.name, other + 1).into(),
            };
            let item = self.paths.entry(format!("{prefix}{path}")).or_insert_with(|| json!({}));
            item[&verb] = operation;
        }
    }

    fn operation(&mut self, compiled: &Compiled) -> Value {
        let route = compiled.route;
        let mut operation = json!({
            "tags": [compiled.service.name],
            "summary": route.summary,
            "responses": self.responses(compiled),
            "security": security(route.access, self.opened.open.is_open()),
        });
        let parameters = self.parameters(compiled);
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(body) = route.body {
            let mut schema = self.body(body);
            if body.some {
                schema = json!({ "allOf": [schema], "minProperties": 1, "anyOf": any_of(body.model) });
            }
            if let Some(rule) = body.rule.and_then(|rule| serde_json::from_str::<Value>(rule).ok()) {
                schema = json!({ "allOf": [schema, rule] });
            }
            let mut media = json!({ "schema": schema });
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

    fn parameters(&mut self, compiled: &Compiled) -> Vec<Value> {
        let route = compiled.route;
        let mut parameters: Vec<Value> = Vec::new();
        for param in route.params {
            let mut parameter = json!({
                "name": param.field.name,
                "in": if param.place == Place::Path { "path" } else { "query" },
                "required": param.place == Place::Path || param.field.need == Need::Required,
                "schema": bounded(self.schema(&param.field.kind, true), param.field.bounds),
                "example": serde_json::from_str::<Value>(param.example).unwrap_or_else(|_| param.example.into()),
            });
            if !param.field.about.is_empty() {
                parameter["description"] = param.field.about.into();
            }
            if let (Kind::List(_), Place::Query) = (param.field.kind, param.place) {
                parameter["style"] = "form".into();
                parameter["explode"] = false.into();
            }
            parameters.push(parameter);
        }
        if route.answer.is_list() {
            let most = self.opened.gateway.limits.rest_rows_max;
            let about = format!(
                "The cursor of the next page, from the `Link` header of a response that stopped at {most} rows."
            );
            parameters.push(json!({
                "name": "after", "in": "query", "required": false, "description": about,
                "schema": { "type": "string", "pattern": cursor(route.cursor_columns) },
            }));
        }
        if compiled.idempotent {
            parameters.push(json!({
                "name": "Idempotency-Key", "in": "header", "required": false,
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY },
                "description": "Requests with the same key and the same content take effect once and return the same response.",
            }));
        }
        parameters
    }

    fn responses(&mut self, compiled: &Compiled) -> Value {
        let route = compiled.route;
        let mut success = json!({
            "description": route.summary,
            "content": { "application/json": { "schema": self.schema(&route.response, false) } },
        });
        if let Ok(example) = serde_json::from_str::<Value>(route.example) {
            success["content"]["application/json"]["example"] = example;
        }
        if route.location.is_some() {
            let about = "The path at which a `GET` returns the result.";
            success["headers"]["Location"] = json!({ "description": about, "schema": { "type": "string" } });
        }
        if route.answer.is_list() {
            let about = "The address of the next page, as `<…>; rel=\"next\"`; absent when there are no more rows.";
            success["headers"]["Link"] = json!({ "description": about, "schema": { "type": "string" } });
        }
        let mut responses = json!({ route.status.to_string(): success });
        if let Some((status, when)) = route.status_else {
            let mut other = success;
            other["description"] = when.into();
            if let Some(other) = other.as_object_mut() {
                other.remove("headers");
            }
            responses[status.to_string()] = other;
        }
        for (status, said) in self.errors(compiled) {
            let when: Vec<&str> = said.iter().map(|said| said.when.as_str()).collect();
            let example = said.first().map(|said| said.example.clone());
            let mut response = json!({
                "description": when.join(" "),
                "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/Error" },
                    "example": example,
                } },
            });
            if let Some((name, about)) = header(status) {
                response["headers"][name] = json!({ "description": about, "schema": { "type": "string" } });
            }
            responses[status.to_string()] = response;
        }
        responses
    }

    /// Returns every error that a route can return, by status.
    fn errors(&self, compiled: &Compiled) -> BTreeMap<u16, Vec<Said>> {
        let route = compiled.route;
        let mut said: BTreeMap<u16, Vec<Said>> = BTreeMap::new();
        let mut add = |code: &'static str, message: &str, when: &str| {
            let failure = Failure::new(code, message);
            let example = (self.opened.mount.envelope.body)(&failure);
            said.entry(status_of(code).as_u16()).or_default().push(Said {
                when: when.to_owned(),
                example,
            });
        };
        if let Answer::Fixed(_) = route.answer {
            return said;
        }
        for row in route.errors {
            let fixed = route.params.iter().find_map(|param| match param.invalid {
                Invalid::Saying(message) if row.code == "INVALID_INPUT" => Some(message),
                _ => None,
            });
            let message = match (row.message, fixed) {
                ("", Some(fixed)) => fixed,
                ("", None) => row.when,
                (message, _) => message,
            };
            add(row.code, message, row.when);
        }
        if route.answer.is_list() {
            let message = "after is not a cursor of this list";
            add("INVALID_INPUT", message, "`after` is not a cursor of this list.");
        }
        if route.body.is_some() {
            add(
                "INVALID_INPUT",
                "the body must be a JSON object",
                "The body is malformed or is not an object.",
            );
            add("PAYLOAD_TOO_LARGE", "the body is too large", "The body is too large.");
            add(
                "UNSUPPORTED_MEDIA_TYPE",
                "the body must be application/json",
                "The body has an unsupported media type or is compressed.",
            );
        }
        add(
            "UNAUTHENTICATED",
            "sign in first",
            "The route requires a token, or the token in the request is not valid.",
        );
        let by_kind = matches!(route.access, Access::Service | Access::Person);
        if !self.opened.open.is_open() || by_kind || route.verb != Verb::Get {
            let message = match route.access {
                Access::Service => "only a service may do this",
                Access::Person => "only a person may do this",
                _ => "only an administrator may do this",
            };
            add(
                "FORBIDDEN",
                message,
                "The token does not permit the request, or a browser sent it for a page of another site.",
            );
        }
        if compiled.idempotent {
            let message = "this idempotency key was used for another request";
            add(
                "IDEMPOTENCY_MISMATCH",
                message,
                "The idempotency key was already used for another request.",
            );
        }
        add(
            "INTERNAL",
            "something went wrong on our side",
            "The server failed to process the request.",
        );
        add(
            "UNAVAILABLE",
            "try again",
            "A component that the request needs is unavailable at the moment.",
        );
        said
    }

    fn schema(&mut self, kind: &Kind, request: bool) -> Value {
        match kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Quantity { min, max } if request => json!({
                "type": "integer", "minimum": min, "maximum": max,
                "description": "Written without a fraction or an exponent.",
            }),
            Kind::Quantity { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Id { min } if request => {
                json!({ "type": "integer", "format": "int64", "minimum": min, "maximum": i64::MAX })
            }
            Kind::Id { min: i64::MIN } => json!({ "type": "integer", "format": "int64" }),
            Kind::Id { min } => json!({ "type": "integer", "format": "int64", "minimum": min }),
            Kind::Money { min_minor } if request => json!({
                "type": "number", "minimum": *min_minor as f64 / 100.0, "maximum": MONEY_MAX, "multipleOf": CENT,
                "description": "At most two decimals.",
            }),
            Kind::Money { min_minor: 0 } => json!({ "type": "number", "minimum": 0 }),
            Kind::Money { .. } => json!({ "type": "number", "exclusiveMinimum": 0 }),
            Kind::Number => json!({ "type": "number" }),
            Kind::Boolean => json!({ "type": "boolean" }),
            Kind::Date => json!({ "type": "string", "format": "date" }),
            Kind::DateTime | Kind::Until if request => json!({
                "type": "string",
                "anyOf": [{ "format": "date-time" }, { "format": "date" }],
            }),
            Kind::DateTime | Kind::Until => json!({ "type": "string", "format": "date-time" }),
            Kind::InUtc(_) => json!({
                "type": "string",
                "anyOf": [{ "format": "date-time" }, { "format": "date" }, { "pattern": LOCAL_TIME }],
            }),
            Kind::Words(words) | Kind::WordsInAnyCase(words) => {
                let first = |index: usize| words[..index].iter().all(|(_, graph)| *graph != words[index].1);
                let shown = (0..words.len()).filter(|index| request || first(*index));
                let words: Vec<&str> = shown.map(|index| words[index].0).collect();
                json!({ "type": "string", "enum": words })
            }
            Kind::Const(text) => json!({ "const": serde_json::from_str::<Value>(text).unwrap_or_default() }),
            Kind::Object(model) => self.object(model, request),
            Kind::List(kind) => json!({ "type": "array", "items": self.schema(kind, request) }),
            Kind::FirstOf(places) => {
                let schemas: Vec<Value> = places.iter().map(|(_, kind)| self.schema(kind, request)).collect();
                match schemas.iter().all(|schema| *schema == schemas[0]) {
                    true => schemas[0].clone(),
                    false => json!({ "anyOf": schemas }),
                }
            }
            Kind::Keyed { of, .. } => json!({ "type": "object", "additionalProperties": self.schema(of, request) }),
        }
    }

    fn body(&mut self, body: Body) -> Value {
        let Some(Variants { by, more }) = body.variants else {
            return self.object(body.model, true);
        };
        let mut one_of = Vec::new();
        for (word, model) in more {
            let fields: Vec<&Field> = body.model.fields.iter().chain(model.fields).collect();
            let reference = self.described(model, &fields, true);
            // The deciding member has only the words that select this variant.
            if let Kind::Words(words) | Kind::WordsInAnyCase(words) = by.kind {
                let own: Vec<&str> = words
                    .iter()
                    .filter(|(_, graph)| graph == word)
                    .map(|(own, _)| *own)
                    .collect();
                self.schemas[model.name]["properties"][by.name]["enum"] = json!(own);
            }
            one_of.push(reference);
        }
        json!({ "oneOf": one_of })
    }

    fn object(&mut self, model: &'static Model, request: bool) -> Value {
        let fields: Vec<&Field> = model.fields.iter().collect();
        self.described(model, &fields, request)
    }

    /// Adds the schema of an object if it is new, and returns a reference to it.
    fn described(&mut self, model: &'static Model, fields: &[&Field], request: bool) -> Value {
        let reference = json!({ "$ref": format!("#/components/schemas/{}", model.name) });
        if self.schemas.contains_key(model.name) {
            return reference;
        }
        // The name is reserved before the members are described, so that an object may contain itself.
        self.schemas.insert(model.name.to_owned(), Value::Null);
        let mut properties = Map::new();
        let (mut required, mut either) = (Vec::new(), Vec::new());
        for field in fields {
            let property = self.property(field, request);
            let needed = !request || field.need == Need::Required;
            match field.also.filter(|_| request) {
                Some(also) => {
                    properties.insert(also.to_owned(), property.clone());
                    if needed {
                        either.push(json!({ "anyOf": [{ "required": [field.name] }, { "required": [also] }] }));
                    }
                }
                None if needed => required.push(field.name),
                None => {}
            }
            properties.insert(field.name.to_owned(), property);
        }
        let mut object = json!({ "type": "object", "description": model.about, "properties": properties });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        if !either.is_empty() {
            object["allOf"] = json!(either);
        }
        self.schemas.insert(model.name.to_owned(), object);
        reference
    }

    fn property(&mut self, field: &Field, request: bool) -> Value {
        let mut schema = self.schema(&field.kind, request);
        if request {
            schema = bounded(schema, field.bounds);
        }
        if field.need == Need::Nullable {
            schema = json!({ "anyOf": [schema, { "type": "null" }] });
        }
        if !field.about.is_empty() {
            schema["description"] = field.about.into();
        }
        schema
    }
}

/// An error that a route can return.
struct Said {
    when: String,
    example: Value,
}

/// Returns the rule that a patch has at least one of the members that change something.
fn any_of(model: &Model) -> Value {
    let changing = model.fields.iter().filter(|field| !field.fixed);
    let names = changing.flat_map(|field| std::iter::once(field.name).chain(field.also));
    names.map(|name| json!({ "required": [name] })).collect()
}

/// Adds the domain's bounds to a schema.
fn bounded(mut schema: Value, bounds: Bounds) -> Value {
    match bounds {
        Bounds::None => {}
        Bounds::Chars { min, max, pattern } => {
            schema["minLength"] = min.into();
            if max < u32::MAX {
                schema["maxLength"] = max.into();
            }
            if !pattern.is_empty() {
                schema["pattern"] = pattern.into();
            }
        }
        Bounds::Range { min, max } => {
            schema["minimum"] = min.into();
            schema["maximum"] = max.into();
        }
        Bounds::Cents { min, max } => {
            schema["minimum"] = min.into();
            schema["maximum"] = max.into();
            schema["multipleOf"] = CENT.into();
        }
        Bounds::Since1970 => schema["pattern"] = SINCE_1970.into(),
        Bounds::Items { min, max } => {
            schema["minItems"] = min.into();
            schema["maxItems"] = max.into();
        }
    }
    schema
}

/// The largest amount of money.
const MONEY_MAX: i64 = 1_000_000_000_000;
/// The smallest unit of amounts and percentages.
const CENT: f64 = 0.01;
/// The pattern of an `Idempotency-Key`: ASCII with at least one visible character.
const KEY: &str = r"^[\t -~]*[!-~][\t -~]*$";
/// The year of a moment from 1970 on.
const SINCE_1970: &str = "^(19[7-9][0-9]|[2-9][0-9]{3})-";
/// A time without an offset, on an existing day of the calendar.
const LOCAL_TIME: &str = concat!(
    "^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
    "|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)",
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?$"
);

/// Returns the pattern of a list's cursors: one hexadecimal integer for each sort column of the last row before the page.
fn cursor(columns: usize) -> String {
    format!("^{}$", vec!["(0|[1-9a-f][0-9a-f]{0,15})"; columns].join("-"))
}

fn security(access: Access, open: bool) -> Value {
    match access {
        Access::Anyone | Access::Newcomer => json!([]),
        Access::Policy | Access::Internal if open => json!([]),
        Access::Attributed | Access::Account | Access::OnBehalf if open => json!([{}, { "bearer": [] }]),
        _ => json!([{ "bearer": [] }]),
    }
}

fn header(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        401 => Some(("WWW-Authenticate", "`Bearer`")),
        429 | 503 => Some((
            "Retry-After",
            "The time to wait before the next attempt, in whole seconds.",
        )),
        _ => None,
    }
}
