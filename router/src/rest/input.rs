//! Reads a request's media type, body and parameters into the variables of the operation.

use std::fmt;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::failure::Failure;
use super::kind::{Field, Kind, Need, Source, Unreadable};
use super::operation::Compiled;
use super::paths::Found;
use super::route::{Invalid, Place};
use super::text::{NOT_ENCODED, pairs};
use crate::limits::Limits;
use crate::server::Unread;

/// The members of the body.
pub(super) enum Members {
    /// The route takes no body.
    None,
    /// A JSON object.
    Json(Object),
    /// An HTML form.
    Form(Vec<(String, String)>),
}

/// The members of a JSON object as the client sent them, possibly with duplicate names.
pub(super) struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(PartialEq, Eq)]
enum Media {
    Json,
    Form,
}

/// Reads the body of a request to this route: its media type, then its size, then its syntax.
///
/// # Errors
/// 415, 413 or 400, as the route rejects the media type, the size or the syntax; 408 or 503 when the body does not arrive.
pub(super) async fn members(
    compiled: &Compiled,
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<Members, Failure> {
    let Some(expected) = compiled.route.body else {
        return Ok(Members::None);
    };
    let media = media(headers, expected.form)?;
    if is_encoded(headers) {
        return Err(Failure::encoded());
    }
    let bytes = read(body, limits).await?;
    if media == Media::Form {
        let form = std::str::from_utf8(&bytes).map_err(|_| None).and_then(pairs);
        return form
            .map(Members::Form)
            .map_err(|name| not_encoded(expected.fields(), name, "body"));
    }
    match serde_json::from_slice(&bytes) {
        Ok(members) => Ok(Members::Json(members)),
        Err(_) => Err(Failure::new("INVALID_INPUT", "the body must be a JSON object")),
    }
}

fn media(headers: &HeaderMap, form: bool) -> Result<Media, Failure> {
    let wrong = || Failure::wrong_media_type(form);
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(Media::Json),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(wrong()),
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Media::Json),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(Media::Json),
        "application/x-www-form-urlencoded" if form => Ok(Media::Form),
        _ => Err(wrong()),
    }
}

async fn read(body: Body, limits: &Limits) -> Result<axum::body::Bytes, Failure> {
    // The middleware around all listeners has received the body already, or knows why it could not.
    let read = axum::body::to_bytes(body, limits.body_bytes_max).await;
    read.map_err(|error| match Unread::of(&error) {
        None | Some(Unread::TooLarge) => too_large(limits),
        Some(Unread::TooSlow) => Failure::new("REQUEST_TIMEOUT", "the body took too long to arrive"),
        Some(Unread::Displaced) => Failure::new("UNAVAILABLE", "too many bodies are being received, try again"),
        Some(Unread::TooManyValues) => {
            let most = limits.request_values_max;
            Failure::new("INVALID_INPUT", format!("a body holds at most {most} JSON values"))
        }
        Some(Unread::Broken) => Failure::new("INVALID_INPUT", "the body did not arrive whole"),
    })
}

/// Whether a body is compressed, or encoded in another way.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.any(|coding| !matches!(coding.trim_ascii().to_ascii_lowercase().as_slice(), b"" | b"identity"))
}

/// Returns 413.
pub(super) fn too_large(limits: &Limits) -> Failure {
    let max = limits.body_bytes_max;
    Failure::new("PAYLOAD_TOO_LARGE", format!("a body has at most {max} bytes"))
}

/// Returns the error of a form or a query with something that is no percent-encoded UTF-8. It names the value if its name is one
/// of these fields.
fn not_encoded<'a>(fields: impl Iterator<Item = &'a Field>, name: Option<String>, place: &str) -> Failure {
    let known = |name: &String| name == "after" || fields.map(|field| field.name).any(|known| known == name);
    match name.filter(known) {
        Some(name) => wrong(&name, NOT_ENCODED),
        None => Failure::new("INVALID_INPUT", format!("the {place} {NOT_ENCODED}")),
    }
}

/// Reads the variables of the route's operation out of the request.
///
/// # Errors
/// 400 that names every wrong member, or the route's own not-found.
pub(super) fn variables(
    compiled: &Compiled,
    found: &mut Found,
    query: Option<&str>,
    members: &Members,
) -> Result<Value, Failure> {
    let mut variables = json!({});
    found.spelled = body_variables(compiled, members, &mut variables)?;
    let query = query.map_or(Ok(Vec::new()), pairs).map_err(|name| {
        let params = compiled.route.params.iter().map(|param| &param.field);
        not_encoded(params, name, "query")
    })?;
    for param in compiled.route.params {
        let name = param.field.name;
        let sent = match param.place {
            Place::Path => found
                .params
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.as_str()),
            Place::Query => one(&query, name)?,
        };
        let Some(sent) = sent else {
            match param.field.need {
                Need::Required => return Err(wrong(name, "is required")),
                Need::Optional | Need::Nullable => continue,
            }
        };
        match param.field.kind.read(Source::Text(sent)) {
            Ok(value) => put(&mut variables, &param.field.pointer(), value),
            Err(unreadable) => return Err(refused(compiled, found, name, param.invalid, unreadable)),
        }
    }
    Ok(variables)
}

fn refused(compiled: &Compiled, found: &Found, name: &str, invalid: Invalid, unreadable: Unreadable) -> Failure {
    match invalid {
        // An id beyond 64 bits does not exist: 404 where the route has a not-found.
        _ if unreadable.beyond_ids && compiled.may_be_missing() => compiled.not_found(found),
        Invalid::NotFound => compiled.not_found(found),
        Invalid::Saying(message) => Failure {
            members: vec![(name.to_owned(), unreadable.why)],
            ..Failure::new("INVALID_INPUT", message)
        },
        Invalid::Named => wrong(name, &unreadable.why),
    }
}

fn body_variables(
    compiled: &Compiled,
    members: &Members,
    variables: &mut Value,
) -> Result<Option<(&'static str, &'static str)>, Failure> {
    let Some(body) = compiled.route.body else {
        return Ok(None);
    };
    let mut taken = Taken {
        variables,
        wrong: Vec::new(),
        changes: 0,
        spelled: None,
    };
    taken.take(body.model.fields, members, "", "");
    if let Some(more) = body.more(taken.variables) {
        taken.take(more.fields, members, "", "");
    }
    if !taken.wrong.is_empty() {
        return Err(Failure::invalid(taken.wrong));
    }
    if body.some && taken.changes == 0 {
        let changing = body.model.fields.iter().filter(|field| !field.fixed);
        let names: Vec<&str> = changing.map(|field| field.name).collect();
        let message = format!("the body must have at least one of {}", names.join(", "));
        return Err(Failure::new("INVALID_INPUT", message));
    }
    Ok(taken.spelled)
}

/// The variables and errors that a body yields.
struct Taken<'a> {
    variables: &'a mut Value,
    /// The wrong members, each with the reason.
    wrong: Vec<(String, String)>,
    /// The number of members that change something.
    changes: usize,
    /// The member that came under its other name, and that name.
    spelled: Option<(&'static str, &'static str)>,
}

impl Taken<'_> {
    /// Reads the members of an object; `name` and `pointer` are those of the object, the first with a dot at its end.
    fn take(&mut self, fields: &[Field], members: &Members, name: &str, pointer: &str) {
        for field in fields {
            let spelled = spelling(field, members);
            if spelled != field.name {
                self.spelled = Some((field.name, spelled));
            }
            let (name, pointer) = (format!("{name}{spelled}"), format!("{pointer}{}", field.pointer()));
            match member(field, members) {
                Ok(None) => {}
                Ok(Some(sent)) => {
                    self.changes += usize::from(!field.fixed);
                    self.put(field, sent, name, &pointer);
                }
                Err(why) => self.wrong.push((name, why)),
            }
        }
    }

    fn put(&mut self, field: &Field, sent: Sent<'_>, name: String, pointer: &str) {
        let source = match sent {
            Sent::Null => return self.keep(pointer, Value::Null),
            Sent::Value(source) => source,
        };
        match (field.kind, source) {
            (Kind::Object(model), Source::Json(raw)) => match serde_json::from_str(raw.get()) {
                Ok(members) => self.take(model.fields, &Members::Json(members), &format!("{name}."), pointer),
                Err(_) => self.wrong.push((name, "must be an object".to_owned())),
            },
            (kind, source) => match kind.read(source) {
                Ok(value) => self.keep(pointer, value),
                Err(unreadable) => self.wrong.push((name, unreadable.why)),
            },
        }
    }

    /// Stores a value at its pointer; a member with an empty pointer is only checked.
    fn keep(&mut self, pointer: &str, value: Value) {
        if !pointer.is_empty() {
            put(self.variables, pointer, value);
        }
    }
}

/// The value that the client sent for a member.
enum Sent<'a> {
    Null,
    Value(Source<'a>),
}

fn member<'a>(field: &Field, members: &'a Members) -> Result<Option<Sent<'a>>, String> {
    let source = match (source(field.name, members)?, field.also) {
        (source, None) => source,
        (source, Some(also)) => match (source, self::source(also, members)?) {
            (Some(one), Some(other)) if one.text() != other.text() => {
                return Err(format!("and {also} must be the same"));
            }
            (one, other) => one.or(other),
        },
    };
    match (source, field.need) {
        (None, Need::Required) => Err("is required".to_owned()),
        (None, _) => Ok(None),
        (Some(Source::Json(raw)), need) if raw.get() == "null" => match need {
            Need::Nullable => Ok(Some(Sent::Null)),
            Need::Required | Need::Optional => Err("must not be null".to_owned()),
        },
        (Some(source), _) => Ok(Some(Sent::Value(source))),
    }
}

/// Returns the name under which the request has a member.
fn spelling(field: &Field, members: &Members) -> &'static str {
    let is_there = |name: &str| match members {
        Members::None => false,
        Members::Json(members) => members.0.iter().any(|(known, _)| known == name),
        Members::Form(form) => form.iter().any(|(known, _)| known == name),
    };
    let other = field.also.filter(|also| is_there(also) && !is_there(field.name));
    other.unwrap_or(field.name)
}

fn source<'a>(name: &str, members: &'a Members) -> Result<Option<Source<'a>>, String> {
    Ok(match members {
        Members::None => None,
        Members::Json(members) => {
            let mut sent = members.0.iter().filter(|(known, _)| known == name);
            match (sent.next(), sent.next()) {
                (Some(_), Some(_)) => return Err("must be given once".to_owned()),
                (one, _) => one.map(|(_, raw)| Source::Json(raw)),
            }
        }
        Members::Form(form) => one(form, name)
            .map_err(|_| "must be given once".to_owned())?
            .map(Source::Text),
    })
}

fn one<'a>(pairs: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Failure> {
    let mut values = pairs
        .iter()
        .filter(|(known, _)| known == name)
        .map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(wrong(name, "must be given once")),
    }
}

fn wrong(name: &str, why: &str) -> Failure {
    Failure::invalid(vec![(name.to_owned(), why.to_owned())])
}

/// Puts a value at a JSON pointer and creates the objects on the way.
fn put(root: &mut Value, pointer: &str, value: Value) {
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
pub(super) fn query_value(query: Option<&str>, name: &str) -> Result<Option<String>, Failure> {
    let pairs = query.map_or(Ok(Vec::new()), pairs).unwrap_or_default();
    one(&pairs, name).map(|value| value.map(str::to_owned))
}
