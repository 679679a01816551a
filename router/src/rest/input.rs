//! Reads a request's media type, body and parameters into the variables of the operation.

use std::fmt;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use contract::ErrorCode;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::bound_route::BoundRoute;
use super::error::RestError;
use super::field::{Field, FieldType, ParseError, Presence, RawInput};
use super::percent_encoding::{NOT_ENCODED, parse_pairs};
use super::route::{InvalidParam, ParamLocation};
use super::route_table::RouteMatch;
use crate::http::is_encoded;
use crate::limits::Limits;
use crate::server::BodyError;

/// The members of the body.
pub(super) enum BodyFields {
    /// The route takes no body.
    None,
    /// A JSON object.
    Json(JsonObject),
    /// An HTML form.
    Form(Vec<(String, String)>),
}

/// The members of a JSON object as the client sent them, possibly with duplicate names.
pub(super) struct JsonObject(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = JsonObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(JsonObject(members))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(PartialEq, Eq)]
enum BodyFormat {
    Json,
    Form,
}

/// Reads the body of a request to this route: its media type, then its size, then its syntax.
///
/// # Errors
/// 415, 413 or 400, as the route rejects the media type, the size or the syntax; 408 or 503 when the body does not arrive.
pub(super) async fn read_body(
    bound_route: &BoundRoute,
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<BodyFields, RestError> {
    let Some(expected) = bound_route.route.body else {
        return Ok(BodyFields::None);
    };
    let body_format = body_format(headers, expected.form)?;
    if is_encoded(headers) {
        return Err(RestError::encoded_body());
    }
    let bytes = body_bytes(body, limits).await?;
    if body_format == BodyFormat::Form {
        let form = std::str::from_utf8(&bytes).map_err(|_| None).and_then(parse_pairs);
        return form
            .map(BodyFields::Form)
            .map_err(|name| not_encoded(expected.fields(), name, "body"));
    }
    match serde_json::from_slice(&bytes) {
        Ok(members) => Ok(BodyFields::Json(members)),
        Err(_) => Err(RestError::new(
            ErrorCode::InvalidInput,
            "the body must be a JSON object",
        )),
    }
}

fn body_format(headers: &HeaderMap, form: bool) -> Result<BodyFormat, RestError> {
    let wrong = || RestError::wrong_media_type(form);
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(BodyFormat::Json),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(wrong()),
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(BodyFormat::Json),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(BodyFormat::Json),
        "application/x-www-form-urlencoded" if form => Ok(BodyFormat::Form),
        _ => Err(wrong()),
    }
}

async fn body_bytes(body: Body, limits: &Limits) -> Result<axum::body::Bytes, RestError> {
    // The middleware around all listeners has received the body already, or knows why it could not.
    let read = axum::body::to_bytes(body, limits.body_bytes_max).await;
    read.map_err(|error| match BodyError::find_in(&error) {
        None | Some(BodyError::TooLarge) => too_large(limits),
        Some(BodyError::TooSlow) => RestError::new(ErrorCode::RequestTimeout, "the body took too long to arrive"),
        Some(BodyError::Displaced) => {
            RestError::new(ErrorCode::Unavailable, "too many bodies are being received, try again")
        }
        Some(BodyError::TooManyValues) => {
            let most = limits.request_values_max;
            RestError::new(
                ErrorCode::InvalidInput,
                format!("a body holds at most {most} JSON values"),
            )
        }
        Some(BodyError::Incomplete) => RestError::new(ErrorCode::InvalidInput, "the body did not arrive whole"),
    })
}

/// Returns 413.
pub(super) fn too_large(limits: &Limits) -> RestError {
    let max = limits.body_bytes_max;
    RestError::new(ErrorCode::PayloadTooLarge, format!("a body has at most {max} bytes"))
}

/// Returns the error of a form or a query with something that is no percent-encoded UTF-8. It names the value if its name is one
/// of these fields.
fn not_encoded<'a>(fields: impl Iterator<Item = &'a Field>, name: Option<String>, place: &str) -> RestError {
    let known = |name: &String| name == "after" || fields.map(|field| field.name).any(|known| known == name);
    match name.filter(known) {
        Some(name) => invalid_member(&name, NOT_ENCODED),
        None => RestError::new(ErrorCode::InvalidInput, format!("the {place} {NOT_ENCODED}")),
    }
}

/// Reads the variables of the route's operation out of the request.
///
/// # Errors
/// 400 that names every wrong member, or the route's own not-found.
pub(super) fn variables(
    bound_route: &BoundRoute,
    route_match: &mut RouteMatch,
    query: Option<&str>,
    members: &BodyFields,
) -> Result<Value, RestError> {
    let mut variables = json!({});
    route_match.alias_used = body_variables(bound_route, members, &mut variables)?;
    let query = query.map_or(Ok(Vec::new()), parse_pairs).map_err(|name| {
        let params = bound_route.route.params.iter().map(|param| &param.field);
        not_encoded(params, name, "query")
    })?;
    for param in bound_route.route.params {
        let name = param.field.name;
        let sent = match param.location {
            ParamLocation::Path => route_match
                .params
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.as_str()),
            ParamLocation::Query => single_value(&query, name)?,
        };
        let Some(sent) = sent else {
            match param.field.presence {
                Presence::Required => return Err(invalid_member(name, "is required")),
                Presence::Optional | Presence::Nullable => continue,
            }
        };
        match param.field.field_type.read(RawInput::Text(sent)) {
            Ok(value) => set_at_pointer(&mut variables, &param.field.json_pointer(), value),
            Err(error) => return Err(invalid_param(bound_route, route_match, name, param.on_invalid, error)),
        }
    }
    Ok(variables)
}

fn invalid_param(
    bound_route: &BoundRoute,
    route_match: &RouteMatch,
    name: &str,
    on_invalid: InvalidParam,
    error: ParseError,
) -> RestError {
    match on_invalid {
        // An id beyond 64 bits does not exist: 404 where the route has a not-found.
        _ if error.is_beyond_ids && bound_route.has_not_found_row() => bound_route.not_found(route_match),
        InvalidParam::NotFound => bound_route.not_found(route_match),
        InvalidParam::Message(message) => RestError {
            members: vec![(name.to_owned(), error.why)],
            ..RestError::new(ErrorCode::InvalidInput, message)
        },
        InvalidParam::Named => invalid_member(name, &error.why),
    }
}

fn body_variables(
    bound_route: &BoundRoute,
    members: &BodyFields,
    variables: &mut Value,
) -> Result<Option<(&'static str, &'static str)>, RestError> {
    let Some(body) = bound_route.route.body else {
        return Ok(None);
    };
    let mut builder = VariableBuilder {
        variables,
        errors: Vec::new(),
        change_count: 0,
        alias_used: None,
    };
    builder.add_fields(body.model.fields, members, "", "");
    if let Some(variant) = body.variant(builder.variables) {
        builder.add_fields(variant.fields, members, "", "");
    }
    if !builder.errors.is_empty() {
        return Err(RestError::invalid(builder.errors));
    }
    if body.requires_any && builder.change_count == 0 {
        let changing = body.model.fields.iter().filter(|field| !field.immutable);
        let names: Vec<&str> = changing.map(|field| field.name).collect();
        let message = format!("the body must have at least one of {}", names.join(", "));
        return Err(RestError::new(ErrorCode::InvalidInput, message));
    }
    Ok(builder.alias_used)
}

/// The variables and errors that a body yields.
struct VariableBuilder<'a> {
    variables: &'a mut Value,
    /// The wrong members, each with the reason.
    errors: Vec<(String, String)>,
    /// The number of members that change something.
    change_count: usize,
    /// The member that came under its other name, and that name.
    alias_used: Option<(&'static str, &'static str)>,
}

impl VariableBuilder<'_> {
    /// Reads the members of an object; `name` and `pointer` are those of the object, the first with a dot at its end.
    fn add_fields(&mut self, fields: &[Field], members: &BodyFields, name: &str, pointer: &str) {
        for field in fields {
            let sent_name = sent_name(field, members);
            if sent_name != field.name {
                self.alias_used = Some((field.name, sent_name));
            }
            let (name, pointer) = (
                format!("{name}{sent_name}"),
                format!("{pointer}{}", field.json_pointer()),
            );
            match sent_value(field, members) {
                Ok(None) => {}
                Ok(Some(sent)) => {
                    self.change_count += usize::from(!field.immutable);
                    self.add_value(field, sent, name, &pointer);
                }
                Err(why) => self.errors.push((name, why)),
            }
        }
    }

    fn add_value(&mut self, field: &Field, sent: SentValue<'_>, name: String, pointer: &str) {
        let raw_input = match sent {
            SentValue::Null => return self.set(pointer, Value::Null),
            SentValue::Value(raw_input) => raw_input,
        };
        match (field.field_type, raw_input) {
            (FieldType::Object(model), RawInput::Json(raw)) => match serde_json::from_str(raw.get()) {
                Ok(members) => self.add_fields(model.fields, &BodyFields::Json(members), &format!("{name}."), pointer),
                Err(_) => self.errors.push((name, "must be an object".to_owned())),
            },
            (field_type, raw_input) => match field_type.read(raw_input) {
                Ok(value) => self.set(pointer, value),
                Err(error) => self.errors.push((name, error.why)),
            },
        }
    }

    /// Stores a value at its pointer; a member with an empty pointer is only checked.
    fn set(&mut self, pointer: &str, value: Value) {
        if !pointer.is_empty() {
            set_at_pointer(self.variables, pointer, value);
        }
    }
}

/// The value that the client sent for a member.
enum SentValue<'a> {
    Null,
    Value(RawInput<'a>),
}

fn sent_value<'a>(field: &Field, members: &'a BodyFields) -> Result<Option<SentValue<'a>>, String> {
    let raw_input = match (raw_input(field.name, members)?, field.alias) {
        (raw_input, None) => raw_input,
        (raw_input, Some(alias)) => match (raw_input, self::raw_input(alias, members)?) {
            (Some(one), Some(other)) if one.text() != other.text() => {
                return Err(format!("and {alias} must be the same"));
            }
            (one, other) => one.or(other),
        },
    };
    match (raw_input, field.presence) {
        (None, Presence::Required) => Err("is required".to_owned()),
        (None, _) => Ok(None),
        (Some(RawInput::Json(raw)), presence) if raw.get() == "null" => match presence {
            Presence::Nullable => Ok(Some(SentValue::Null)),
            Presence::Required | Presence::Optional => Err("must not be null".to_owned()),
        },
        (Some(raw_input), _) => Ok(Some(SentValue::Value(raw_input))),
    }
}

/// Returns the name under which the request has a member.
fn sent_name(field: &Field, members: &BodyFields) -> &'static str {
    let is_there = |name: &str| match members {
        BodyFields::None => false,
        BodyFields::Json(members) => members.0.iter().any(|(known, _)| known == name),
        BodyFields::Form(form) => form.iter().any(|(known, _)| known == name),
    };
    let other = field.alias.filter(|alias| is_there(alias) && !is_there(field.name));
    other.unwrap_or(field.name)
}

fn raw_input<'a>(name: &str, members: &'a BodyFields) -> Result<Option<RawInput<'a>>, String> {
    Ok(match members {
        BodyFields::None => None,
        BodyFields::Json(members) => {
            let mut sent = members.0.iter().filter(|(known, _)| known == name);
            match (sent.next(), sent.next()) {
                (Some(_), Some(_)) => return Err("must be given once".to_owned()),
                (one, _) => one.map(|(_, raw)| RawInput::Json(raw)),
            }
        }
        BodyFields::Form(form) => single_value(form, name)
            .map_err(|_| "must be given once".to_owned())?
            .map(RawInput::Text),
    })
}

fn single_value<'a>(pairs: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, RestError> {
    let mut values = pairs
        .iter()
        .filter(|(known, _)| known == name)
        .map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(invalid_member(name, "must be given once")),
    }
}

fn invalid_member(name: &str, why: &str) -> RestError {
    RestError::invalid(vec![(name.to_owned(), why.to_owned())])
}

/// Puts a value at a JSON pointer and creates the objects on the way.
fn set_at_pointer(root: &mut Value, pointer: &str, value: Value) {
    let mut place = root;
    for name in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = value;
}

/// Returns the value of a query parameter that is no variable of the operation.
pub(super) fn query_value(query: Option<&str>, name: &str) -> Result<Option<String>, RestError> {
    let pairs = query.map_or(Ok(Vec::new()), parse_pairs).unwrap_or_default();
    single_value(&pairs, name).map(|value| value.map(str::to_owned))
}
