//! Converts the result of an operation into a response.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use contract::unprefixed_id;
use serde_json::Value;

use super::bound_route::BoundRoute;
use super::error::RestError;
use super::field::{Field, FieldType, ObjectModel, Presence, without_trailing_zeros};
use super::percent_encoding::{fill_template, percent_encode};
use super::reshape::{RequestView, ResponseDraft};
use super::route_table::RouteMatch;

/// Builds the response of a route. `base` is the mount's path as the client sees it, `next` the link to the rest of a list,
/// `bytes` an estimate of the body's size.
///
/// # Errors
/// 500 when the graph's answer does not have the shape that the table promises; 404 when `reshape` says so.
pub(super) fn reply(
    bound_route: &BoundRoute,
    route_match: &RouteMatch,
    variables: &Value,
    base: &str,
    node: Value,
    next: Option<String>,
    bytes: usize,
) -> Result<Response<Body>, RestError> {
    let route = bound_route.route;
    let mut reply = ResponseDraft {
        status: route.status,
        node,
        location: route.location,
    };
    if let Some(reshape) = route.reshape {
        reshape(&mut reply, &RequestView::new(&route_match.params, variables));
        if reply.node.is_null() {
            return Err(bound_route.not_found(route_match));
        }
    }
    let mut body = Vec::with_capacity(bytes.max(256));
    write_value(&route.response, &reply.node, &mut body).map_err(|why| {
        tracing::error!(route = route.name, why, "an answer does not match its response type");
        RestError::internal()
    })?;
    let location = reply
        .location
        .map(|template| location(template, route_match, base, &reply.node));
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(reply.status).map_err(|_| RestError::internal())?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let texts = [(header::LOCATION, location), (header::LINK, next)];
    for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
        headers.insert(name, HeaderValue::try_from(text).map_err(|_| RestError::internal())?);
    }
    Ok(response)
}

/// Returns the `Link` to the rest of a list.
pub(super) fn next_link(path: &str, query: Option<&str>, cursor: &str) -> String {
    let own = query.unwrap_or_default().split('&');
    let mut kept: Vec<&str> = own
        .filter(|part| !part.is_empty() && !part.starts_with("after="))
        .collect();
    let after = format!("after={}", percent_encode(cursor));
    kept.push(&after);
    format!("<{path}?{}>; rel=\"next\"", kept.join("&"))
}

fn location(template: &str, route_match: &RouteMatch, base: &str, node: &Value) -> String {
    let value = |name: &str| match node.get(name) {
        Some(Value::String(id)) if name == "id" => unprefixed_id(id).map(str::to_owned),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => route_match
            .params
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone()),
    };
    format!("{base}{}{}", route_match.prefix, fill_template(template, true, value))
}

/// Writes `value`, as the graph gave it, as the JSON of `field_type`.
fn write_value(field_type: &FieldType, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let unfit = || Err(format!("{value} is no {}", type_name(field_type)));
    match (field_type, value) {
        (FieldType::Const(json), _) => out.extend_from_slice(json.as_bytes()),
        (FieldType::Text | FieldType::Date | FieldType::DateTime | FieldType::EndOfValidity, Value::String(_))
        | (FieldType::Boolean, Value::Bool(_)) => write_json(value, out),
        (FieldType::Integer { .. } | FieldType::Quantity { .. }, Value::Number(number)) if number.is_i64() => {
            write_json(value, out)
        }
        (FieldType::Id { .. }, Value::String(id)) => match unprefixed_id(id) {
            Some(number) => out.extend_from_slice(number.as_bytes()),
            None => return unfit(),
        },
        (FieldType::Money { .. }, money) => match money.get("amount").and_then(Value::as_str) {
            // The decimal's own text, because a float could change the amount.
            Some(amount) => out.extend_from_slice(without_trailing_zeros(amount).as_bytes()),
            None => return unfit(),
        },
        (FieldType::Enum(words) | FieldType::EnumIgnoringCase(words), Value::String(graph)) => {
            match words.iter().find(|(_, known)| known == graph) {
                Some((word, _)) => write_json(&Value::from(*word), out),
                None => return unfit(),
            }
        }
        (FieldType::Number, Value::Number(number)) => {
            out.extend_from_slice(without_trailing_zeros(&number.to_string()).as_bytes())
        }
        (FieldType::FirstNonNull(places), node) => {
            let there = |(pointer, field_type): &(&str, FieldType)| {
                Some((node.pointer(pointer).filter(|it| !it.is_null())?, *field_type))
            };
            match places.iter().find_map(there) {
                Some((value, field_type)) => write_value(&field_type, value, out)?,
                None => return unfit(),
            }
        }
        (FieldType::Object(model), value) => write_object(model, value, out)?,
        (FieldType::List(field_type), Value::Array(items)) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(field_type, item, out)?;
            }
            out.push(b']');
        }
        (FieldType::KeyedList { key_pointer, item_type }, Value::Array(items)) => {
            write_keyed_list(key_pointer, item_type, items, out)?
        }
        _ => return unfit(),
    }
    Ok(())
}

fn write_keyed_list(
    key_pointer: &str,
    item_type: &FieldType,
    items: &[Value],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    out.push(b'{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match item.pointer(key_pointer) {
            Some(Value::String(key)) => write_json(&Value::from(key.as_str()), out),
            Some(Value::Number(key)) => write_json(&Value::from(key.to_string()), out),
            _ => return Err(format!("nothing at {key_pointer} of {item}")),
        }
        out.push(b':');
        write_value(item_type, item, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_object(model: &ObjectModel, node: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let spellings = |field: &'static Field| {
        std::iter::once(field.name)
            .chain(field.alias)
            .map(move |name| (name, field))
    };
    out.push(b'{');
    for (index, (name, field)) in model.fields.iter().flat_map(spellings).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_json(&Value::from(name), out);
        out.push(b':');
        write_member(field, node, out).map_err(|why| format!("{}.{name}: {why}", model.name))?;
    }
    out.push(b'}');
    Ok(())
}

fn write_member(field: &Field, node: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let value = node.pointer(&field.json_pointer()).unwrap_or(&Value::Null);
    match (value, field.presence, field.field_type) {
        (Value::Null, Presence::Nullable, _) => out.extend_from_slice(b"null"),
        (value, _, field_type) => write_value(&field_type, value, out)?,
    }
    Ok(())
}

fn write_json(value: &Value, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a JSON value is written into memory");
}

fn type_name(field_type: &FieldType) -> &'static str {
    match field_type {
        FieldType::Text => "text",
        FieldType::Integer { .. } | FieldType::Quantity { .. } => "integer",
        FieldType::Id { .. } => "id",
        FieldType::Money { .. } => "money",
        FieldType::Boolean => "boolean",
        FieldType::Number => "number",
        FieldType::Date => "date",
        FieldType::DateTime | FieldType::EndOfValidity | FieldType::UtcByDefault(_) => "moment",
        FieldType::Enum(_) | FieldType::EnumIgnoringCase(_) => "known word",
        FieldType::Const(_) => "constant",
        FieldType::Object(model) => model.name,
        FieldType::FirstNonNull(_) => "one of several",
        FieldType::List(_) | FieldType::KeyedList { .. } => "list",
    }
}
