//! Converts the result of an operation into a response.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::failure::Failure;
use super::kind::{Field, Kind, Model, Need, shortest};
use super::operation::Compiled;
use super::paths::Found;
use super::text::{filled, percent_encoded};

/// A response before it is written; a route's `reshape` may change all of it.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The value that the body is written from.
    pub node: Value,
    /// The template of `Location`.
    pub location: Option<&'static str>,
}

/// The parts of a request that a `reshape` can read.
pub struct Call<'a> {
    found: &'a Found,
    variables: &'a Value,
}

impl<'a> Call<'a> {
    pub(super) fn new(found: &'a Found, variables: &'a Value) -> Self {
        Self { found, variables }
    }

    /// Returns a decoded parameter of the path.
    pub fn param(&self, name: &str) -> Option<&str> {
        let param = self.found.params.iter().find(|(known, _)| *known == name);
        param.map(|(_, value)| value.as_str())
    }

    /// Returns a variable of the operation.
    pub fn variable(&self, name: &str) -> &Value {
        &self.variables[name]
    }
}

/// The `reshape` for one person: a closed account is not found, even where the graph still shows it to the caller.
pub(super) fn in_use(reply: &mut Reply, _: &Call) {
    if reply.node["active"] != true {
        reply.node = Value::Null;
    }
}

/// Builds the response of a route. `base` is the mount's path as the client sees it, `next` the link to the rest of a list,
/// `bytes` an estimate of the body's size.
///
/// # Errors
/// 500 when the graph's answer does not have the shape that the table promises; 404 when `reshape` says so.
pub(super) fn reply(
    compiled: &Compiled,
    call: &Call<'_>,
    base: &str,
    node: Value,
    next: Option<String>,
    bytes: usize,
) -> Result<Response<Body>, Failure> {
    let route = compiled.route;
    let mut reply = Reply {
        status: route.status,
        node,
        location: route.location,
    };
    if let Some(reshape) = route.reshape {
        reshape(&mut reply, call);
        if reply.node.is_null() {
            return Err(compiled.not_found(call.found));
        }
    }
    let mut body = Vec::with_capacity(bytes.max(256));
    write(&route.response, &reply.node, &mut body).map_err(|why| {
        tracing::error!(route = route.name, why, "an answer does not match its response type");
        Failure::internal()
    })?;
    let location = reply
        .location
        .map(|template| location(template, call.found, base, &reply.node));
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(reply.status).map_err(|_| Failure::internal())?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let texts = [(header::LOCATION, location), (header::LINK, next)];
    for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
        headers.insert(name, HeaderValue::try_from(text).map_err(|_| Failure::internal())?);
    }
    Ok(response)
}

/// Returns the `Link` to the rest of a list.
pub(super) fn next_link(path: &str, query: Option<&str>, cursor: &str) -> String {
    let own = query.unwrap_or_default().split('&');
    let mut kept: Vec<&str> = own
        .filter(|part| !part.is_empty() && !part.starts_with("after="))
        .collect();
    let after = format!("after={}", percent_encoded(cursor));
    kept.push(&after);
    format!("<{path}?{}>; rel=\"next\"", kept.join("&"))
}

fn location(template: &str, found: &Found, base: &str, node: &Value) -> String {
    let value = |name: &str| match node.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => found
            .params
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone()),
    };
    format!(
        "{base}{}{}",
        filled(found.prefix, true, value),
        filled(template, true, value)
    )
}

/// Writes `value`, as the graph gave it, as the JSON of `kind`.
fn write(kind: &Kind, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let unfit = || Err(format!("{value} is no {}", name(kind)));
    match (kind, value) {
        (Kind::Const(json), _) => out.extend_from_slice(json.as_bytes()),
        (Kind::Text | Kind::Date | Kind::DateTime | Kind::Until, Value::String(_))
        | (Kind::Boolean, Value::Bool(_)) => plain(value, out),
        (Kind::Integer { .. } | Kind::Quantity { .. }, Value::Number(number)) if number.is_i64() => plain(value, out),
        (Kind::Id { .. }, Value::String(id)) if id.parse::<i64>().is_ok() => out.extend_from_slice(id.as_bytes()),
        (Kind::Money { .. }, money) => match money.get("amount").and_then(Value::as_str) {
            // The decimal's own text, because a float could change the amount.
            Some(amount) => out.extend_from_slice(shortest(amount).as_bytes()),
            None => return unfit(),
        },
        (Kind::Words(words) | Kind::WordsInAnyCase(words), Value::String(graph)) => {
            match words.iter().find(|(_, known)| known == graph) {
                Some((word, _)) => plain(&Value::from(*word), out),
                None => return unfit(),
            }
        }
        (Kind::Number, Value::Number(number)) => out.extend_from_slice(shortest(&number.to_string()).as_bytes()),
        (Kind::FirstOf(places), node) => {
            let there =
                |(pointer, kind): &(&str, Kind)| Some((node.pointer(pointer).filter(|it| !it.is_null())?, *kind));
            match places.iter().find_map(there) {
                Some((value, kind)) => write(&kind, value, out)?,
                None => return unfit(),
            }
        }
        (Kind::Object(model), value) => object(model, value, out)?,
        (Kind::List(kind), Value::Array(items)) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(kind, item, out)?;
            }
            out.push(b']');
        }
        (Kind::Keyed { by, of }, Value::Array(items)) => keyed(by, of, items, out)?,
        _ => return unfit(),
    }
    Ok(())
}

fn keyed(by: &str, of: &Kind, items: &[Value], out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match item.pointer(by) {
            Some(Value::String(key)) => plain(&Value::from(key.as_str()), out),
            Some(Value::Number(key)) => plain(&Value::from(key.to_string()), out),
            _ => return Err(format!("nothing at {by} of {item}")),
        }
        out.push(b':');
        write(of, item, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn object(model: &Model, node: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'{');
    for (index, field) in model.fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        plain(&Value::from(field.name), out);
        out.push(b':');
        member(field, node, out).map_err(|why| format!("{}.{}: {why}", model.name, field.name))?;
    }
    out.push(b'}');
    Ok(())
}

fn member(field: &Field, node: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let value = node.pointer(&field.pointer()).unwrap_or(&Value::Null);
    match (value, field.need, field.kind) {
        (Value::Null, Need::Nullable, _) => out.extend_from_slice(b"null"),
        (value, _, kind) => write(&kind, value, out)?,
    }
    Ok(())
}

fn plain(value: &Value, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a JSON value is written into memory");
}

fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Integer { .. } | Kind::Quantity { .. } => "integer",
        Kind::Id { .. } => "id",
        Kind::Money { .. } => "money",
        Kind::Boolean => "boolean",
        Kind::Number => "number",
        Kind::Date => "date",
        Kind::DateTime | Kind::Until | Kind::InUtc(_) => "moment",
        Kind::Words(_) | Kind::WordsInAnyCase(_) => "known word",
        Kind::Const(_) => "constant",
        Kind::Object(model) => model.name,
        Kind::FirstOf(_) => "one of several",
        Kind::List(_) | Kind::Keyed { .. } => "list",
    }
}
