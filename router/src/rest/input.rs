//! Reading a request: its media type, its body, its parameters, into the variables of the operation.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::failure::Failure;
use super::kind::{Field, Kind, Need, Source, Unreadable};
use super::operation::Compiled;
use super::paths::Found;
use super::route::{Invalid, Place};
use super::text::pairs;
use crate::limits::Limits;
use crate::server::Unread;

/// What came in the body, by member.
pub(super) enum Members {
    /// Nothing that matters.
    None,
    /// A JSON object.
    Json(BTreeMap<String, Box<RawValue>>),
    /// An HTML form.
    Form(Vec<(String, String)>),
}

#[derive(PartialEq, Eq)]
enum Media {
    Json,
    Form,
}

/// Reads the body of a request to this route: its media type, then its size, then its syntax.
///
/// # Errors
/// 415, 413, 400.
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
    let bytes = read(body, limits).await?;
    if media == Media::Form {
        let form = std::str::from_utf8(&bytes).ok().and_then(pairs);
        return form
            .map(Members::Form)
            .ok_or_else(|| Failure::new("INVALID_INPUT", "the body is not a well encoded form"));
    }
    match serde_json::from_slice(&bytes) {
        Ok(members) => Ok(Members::Json(members)),
        Err(_) => Err(Failure::new("INVALID_INPUT", "the body must be a JSON object")),
    }
}

fn media(headers: &HeaderMap, form: bool) -> Result<Media, Failure> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(Media::Json);
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Media::Json),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(Media::Json),
        "application/x-www-form-urlencoded" if form => Ok(Media::Form),
        _ => Err(Failure::new(
            "UNSUPPORTED_MEDIA_TYPE",
            "the body must be application/json",
        )),
    }
}

async fn read(body: Body, limits: &Limits) -> Result<axum::body::Bytes, Failure> {
    // The guard around all doors has received it, or knows why not.
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

/// 413.
pub(super) fn too_large(limits: &Limits) -> Failure {
    let max = limits.body_bytes_max;
    Failure::new("PAYLOAD_TOO_LARGE", format!("a body has at most {max} bytes"))
}

/// The variables that this request gives the operation of its route.
///
/// # Errors
/// 400 naming every member that is wrong, or the route's own not-found.
pub(super) fn variables(
    compiled: &Compiled,
    found: &Found,
    query: Option<&str>,
    members: &Members,
) -> Result<Value, Failure> {
    let mut variables = json!({});
    body_variables(compiled, members, &mut variables)?;
    let query = query.map_or(Some(Vec::new()), pairs);
    let query = query.ok_or_else(|| Failure::new("INVALID_INPUT", "the query is not well encoded"))?;
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
        // Nothing has such an id, where what is asked for can be missing.
        _ if unreadable.beyond_ids && compiled.may_be_missing() => compiled.not_found(found),
        Invalid::NotFound => compiled.not_found(found),
        Invalid::Saying(message) => Failure {
            members: vec![(name.to_owned(), unreadable.why)],
            ..Failure::new("INVALID_INPUT", message)
        },
        Invalid::Named => wrong(name, &unreadable.why),
    }
}

fn body_variables(compiled: &Compiled, members: &Members, variables: &mut Value) -> Result<(), Failure> {
    let Some(body) = compiled.route.body else {
        return Ok(());
    };
    let mut taken = Taken {
        variables,
        wrong: Vec::new(),
        known: 0,
    };
    taken.take(body.model.fields, members, "", "");
    if let Some(more) = body.more(taken.variables) {
        taken.take(more.fields, members, "", "");
    }
    if !taken.wrong.is_empty() {
        return Err(Failure::invalid(taken.wrong));
    }
    if body.some && taken.known == 0 {
        let names: Vec<&str> = body.model.fields.iter().map(|field| field.name).collect();
        let message = format!("the body must have at least one of {}", names.join(", "));
        return Err(Failure::new("INVALID_INPUT", message));
    }
    Ok(())
}

/// What was read out of a body.
struct Taken<'a> {
    variables: &'a mut Value,
    /// Which members are wrong, and why.
    wrong: Vec<(String, String)>,
    /// How many known members there were.
    known: usize,
}

impl Taken<'_> {
    /// Takes the members of an object; `name` and `pointer` are those of the object, the first with a dot at its end.
    fn take(&mut self, fields: &[Field], members: &Members, name: &str, pointer: &str) {
        for field in fields {
            let (name, pointer) = (format!("{name}{}", field.name), format!("{pointer}{}", field.pointer()));
            match member(field, members) {
                Ok(None) => {}
                Ok(Some(sent)) => {
                    self.known += 1;
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

    /// A member without a place is only checked.
    fn keep(&mut self, pointer: &str, value: Value) {
        if !pointer.is_empty() {
            put(self.variables, pointer, value);
        }
    }
}

/// What was sent for a member.
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

fn source<'a>(name: &str, members: &'a Members) -> Result<Option<Source<'a>>, String> {
    Ok(match members {
        Members::None => None,
        Members::Json(members) => members.get(name).map(|raw| Source::Json(raw)),
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

/// Puts a value where a JSON pointer leads, making objects on the way.
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

/// The value of a query parameter that the mechanism itself reads.
pub(super) fn query_value(query: Option<&str>, name: &str) -> Result<Option<String>, Failure> {
    let pairs = query.map_or(Some(Vec::new()), pairs).unwrap_or_default();
    one(&pairs, name).map(|value| value.map(str::to_owned))
}
