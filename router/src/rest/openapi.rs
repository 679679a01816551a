//! The OpenAPI 3.1 document of a mount, generated from its tables.

use std::collections::BTreeMap;

use contract::ErrorCode;
use serde_json::{Map, Value, json};

use super::bound_mount::BoundMount;
use super::bound_route::BoundRoute;
use super::error::RestError;
use super::field::{Field, FieldType, ObjectModel, Presence, ValueBounds};
use super::route::{AccessRule, BodyVariants, InvalidParam, ParamLocation, RequestBody, ResponseSource, Verb};

/// Generates the document of a mount at its address.
pub(super) fn document(bound_mount: &BoundMount) -> Value {
    let mut document = OpenApiBuilder {
        bound_mount,
        paths: Map::new(),
        schemas: Map::new(),
        tags: Vec::new(),
    };
    for bound_route in &bound_mount.routes {
        document.add(bound_route);
    }
    let mut error = (bound_mount.mount.envelope.schema)();
    error["description"] = "The body of every error response.".into();
    document.schemas.insert("Error".to_owned(), error);
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

struct OpenApiBuilder<'a> {
    bound_mount: &'a BoundMount,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    tags: Vec<Value>,
}

impl OpenApiBuilder<'_> {
    fn add(&mut self, bound_route: &BoundRoute) {
        let (service, route) = (bound_route.service, bound_route.route);
        let tag = json!({ "name": service.name, "description": service.about });
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        let verb = route.verb.as_str().to_ascii_lowercase();
        let prefix = self.bound_mount.prefix(service);
        for (index, path) in std::iter::once(&route.path).chain(route.aliases).enumerate() {
            let mut operation = self.operation(bound_route);
            operation["operationId"] = match index {
                0 => format!("{}_{}", service.name, route.name).into(),
                other => format!("{}_{}_{}", service.name, route.name, other + 1).into(),
            };
            let item = self.paths.entry(format!("{prefix}{path}")).or_insert_with(|| json!({}));
            item[&verb] = operation;
        }
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
            let mut schema = self.body(body);
            if body.requires_any {
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

    fn parameters(&mut self, bound_route: &BoundRoute) -> Vec<Value> {
        let route = bound_route.route;
        let mut parameters: Vec<Value> = Vec::new();
        for param in route.params {
            let mut parameter = json!({
                "name": param.field.name,
                "in": if param.location == ParamLocation::Path { "path" } else { "query" },
                "required": param.location == ParamLocation::Path || param.field.presence == Presence::Required,
                "schema": with_bounds(self.schema(&param.field.field_type, true), param.field.bounds),
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
            "content": { "application/json": { "schema": self.schema(&route.response, false) } },
        });
        if let Ok(example) = serde_json::from_str::<Value>(route.example) {
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
                    "schema": { "$ref": "#/components/schemas/Error" },
                    "example": example,
                } },
            });
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

    fn schema(&mut self, field_type: &FieldType, request: bool) -> Value {
        match field_type {
            FieldType::Text => json!({ "type": "string" }),
            FieldType::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            FieldType::Quantity { min, max } if request => json!({
                "type": "integer", "minimum": min, "maximum": max,
                "description": "Written without a fraction or an exponent.",
            }),
            FieldType::Quantity { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            FieldType::Id { min } if request => {
                json!({ "type": "integer", "format": "int64", "minimum": min, "maximum": i64::MAX })
            }
            FieldType::Id { min: i64::MIN } => json!({ "type": "integer", "format": "int64" }),
            FieldType::Id { min } => json!({ "type": "integer", "format": "int64", "minimum": min }),
            FieldType::Money { min_minor } if request => json!({
                "type": "number", "minimum": *min_minor as f64 / 100.0, "maximum": MONEY_MAX, "multipleOf": CENT,
                "description": "At most two decimals.",
            }),
            FieldType::Money { min_minor: 0 } => json!({ "type": "number", "minimum": 0 }),
            FieldType::Money { .. } => json!({ "type": "number", "exclusiveMinimum": 0 }),
            FieldType::Number => json!({ "type": "number" }),
            FieldType::Boolean => json!({ "type": "boolean" }),
            FieldType::Date => json!({ "type": "string", "format": "date" }),
            FieldType::DateTime | FieldType::EndOfValidity if request => json!({
                "type": "string",
                "anyOf": [{ "format": "date-time" }, { "format": "date" }],
            }),
            FieldType::DateTime | FieldType::EndOfValidity => json!({ "type": "string", "format": "date-time" }),
            FieldType::UtcByDefault(_) => json!({
                "type": "string",
                "anyOf": [{ "format": "date-time" }, { "format": "date" }, { "pattern": LOCAL_TIME }],
            }),
            FieldType::Enum(words) | FieldType::EnumIgnoringCase(words) => {
                let first = |index: usize| words[..index].iter().all(|(_, graph)| *graph != words[index].1);
                let shown = (0..words.len()).filter(|index| request || first(*index));
                let words: Vec<&str> = shown.map(|index| words[index].0).collect();
                json!({ "type": "string", "enum": words })
            }
            FieldType::Const(text) => json!({ "const": serde_json::from_str::<Value>(text).unwrap_or_default() }),
            FieldType::Object(model) => self.object(model, request),
            FieldType::List(field_type) => json!({ "type": "array", "items": self.schema(field_type, request) }),
            FieldType::FirstNonNull(places) => {
                let schemas: Vec<Value> = places
                    .iter()
                    .map(|(_, field_type)| self.schema(field_type, request))
                    .collect();
                if schemas.iter().all(|schema| *schema == schemas[0]) {
                    schemas[0].clone()
                } else {
                    json!({ "anyOf": schemas })
                }
            }
            FieldType::KeyedList { item_type, .. } => {
                json!({ "type": "object", "additionalProperties": self.schema(item_type, request) })
            }
        }
    }

    fn body(&mut self, body: RequestBody) -> Value {
        let Some(BodyVariants { discriminator, models }) = body.variants else {
            return self.object(body.model, true);
        };
        let mut one_of = Vec::new();
        for (word, model) in models {
            let fields: Vec<&Field> = body.model.fields.iter().chain(model.fields).collect();
            let reference = self.add_object_schema(model, &fields, true);
            // The deciding member has only the words that select this variant.
            if let FieldType::Enum(words) | FieldType::EnumIgnoringCase(words) = discriminator.field_type {
                let own: Vec<&str> = words
                    .iter()
                    .filter(|(_, graph)| graph == word)
                    .map(|(own, _)| *own)
                    .collect();
                self.schemas[model.name]["properties"][discriminator.name]["enum"] = json!(own);
            }
            one_of.push(reference);
        }
        json!({ "oneOf": one_of })
    }

    fn object(&mut self, model: &'static ObjectModel, request: bool) -> Value {
        let fields: Vec<&Field> = model.fields.iter().collect();
        self.add_object_schema(model, &fields, request)
    }

    /// Adds the schema of an object if it is new, and returns a reference to it.
    fn add_object_schema(&mut self, model: &'static ObjectModel, fields: &[&Field], request: bool) -> Value {
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
            let needed = !request || field.presence == Presence::Required;
            match field.alias.filter(|_| request) {
                Some(alias) => {
                    properties.insert(alias.to_owned(), property.clone());
                    if needed {
                        either.push(json!({ "anyOf": [{ "required": [field.name] }, { "required": [alias] }] }));
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
        let mut schema = self.schema(&field.field_type, request);
        if request {
            schema = with_bounds(schema, field.bounds);
        }
        if field.presence == Presence::Nullable {
            schema = json!({ "anyOf": [schema, { "type": "null" }] });
        }
        if !field.about.is_empty() {
            schema["description"] = field.about.into();
        }
        schema
    }
}

/// An error that a route can return.
struct DocumentedError {
    when: String,
    example: Value,
}

/// Returns the rule that a patch has at least one of the members that change something.
fn any_of(model: &ObjectModel) -> Value {
    let changing = model.fields.iter().filter(|field| !field.immutable);
    let names = changing.flat_map(|field| std::iter::once(field.name).chain(field.alias));
    names.map(|name| json!({ "required": [name] })).collect()
}

/// Adds the domain's bounds to a schema.
fn with_bounds(mut schema: Value, bounds: ValueBounds) -> Value {
    match bounds {
        ValueBounds::None => {}
        ValueBounds::Chars { min, max, pattern } => {
            schema["minLength"] = min.into();
            if max < u32::MAX {
                schema["maxLength"] = max.into();
            }
            if !pattern.is_empty() {
                schema["pattern"] = pattern.into();
            }
        }
        ValueBounds::Range { min, max } => {
            schema["minimum"] = min.into();
            schema["maximum"] = max.into();
        }
        ValueBounds::Cents { min, max } => {
            schema["minimum"] = min.into();
            schema["maximum"] = max.into();
            schema["multipleOf"] = CENT.into();
        }
        ValueBounds::Since1970 => schema["pattern"] = SINCE_1970.into(),
        ValueBounds::Items { min, max } => {
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
