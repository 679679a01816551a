//! The parameters of a GraphQL request, from a body or from an address.

use async_graphql::Variables;
use axum::body::{Body, HttpBody};
use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use http_body_util::LengthLimitError;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::HashMap;

use crate::http::accept::{is_utf8, split_quoted};
use crate::http::refusal::Refusal;
use crate::limits::Limits;

/// The parameters of a GraphQL request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Params {
    pub(super) query: String,
    #[serde(default)]
    pub(super) operation_name: Option<String>,
    #[serde(default)]
    pub(super) variables: Variables,
    /// Nothing here is ours to read, but it has to be a map.
    #[serde(default, rename = "extensions", deserialize_with = "map_or_null")]
    _extensions: (),
}

fn map_or_null<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    Option::<HashMap<String, IgnoredAny>>::deserialize(from).map(drop)
}

impl Params {
    /// Reads the body of a POST.
    ///
    /// # Errors
    /// 415 for another media type than JSON, 413 for too much, 408 for too slow, 400 for what is no request.
    pub(super) async fn from_body(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Self, Refusal> {
        if !is_json(headers) {
            return Err(Refusal::new(
                "UNSUPPORTED_MEDIA_TYPE",
                "a request body has to be content-type: application/json",
            ));
        }
        let most = limits.body_bytes_max;
        let too_large = || Refusal::new("PAYLOAD_TOO_LARGE", format!("a request body has at most {most} bytes"));
        if body.size_hint().lower() > most as u64 {
            return Err(too_large());
        }
        let read = axum::body::to_bytes(body, most);
        let bytes = match tokio::time::timeout(limits.request_time_max(), read).await {
            Err(_) => return Err(Refusal::too_slow_to_send()),
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) if is_length_limit(&error) => return Err(too_large()),
            Ok(Err(_)) => return Err(Refusal::invalid("the request body could not be read")),
        };
        Self::from_json(&bytes)
    }

    fn from_json(bytes: &[u8]) -> Result<Self, Refusal> {
        match bytes.trim_ascii_start().first() {
            Some(b'[') => Err(Refusal::invalid("batches are not answered: send one request at a time")),
            Some(b'{') => serde_json::from_slice(bytes)
                .map_err(|error| Refusal::invalid(format!("the request body is no GraphQL request: {error}"))),
            _ => Err(Refusal::invalid("the request body has to be a JSON object")),
        }
    }

    /// Reads the address of a GET.
    ///
    /// # Errors
    /// `INVALID_INPUT` for what is no request.
    pub(super) fn from_uri(uri: &Uri) -> Result<Self, Refusal> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Refusal::invalid("the address cannot be read"))?;
        let mut found: HashMap<String, String> = HashMap::new();
        for (name, value) in pairs {
            if let Some(_earlier) = found.insert(name.clone(), value) {
                return Err(Refusal::invalid(format!("{name} is given twice")));
            }
        }
        // An empty parameter is one that is left out.
        let mut take = |name: &str| found.remove(name).filter(|value| !value.is_empty());
        Ok(Self {
            query: take("query").ok_or_else(|| Refusal::invalid("the parameter query is missing"))?,
            operation_name: take("operationName"),
            variables: json_parameter("variables", take("variables"))?.unwrap_or_default(),
            _extensions: json_parameter::<HashMap<String, IgnoredAny>>("extensions", take("extensions")).map(drop)?,
        })
    }
}

fn json_parameter<T: for<'de> Deserialize<'de>>(name: &str, value: Option<String>) -> Result<Option<T>, Refusal> {
    let parsed = value.map(|text| serde_json::from_str::<Option<T>>(&text)).transpose();
    let parsed =
        parsed.map_err(|error| Refusal::invalid(format!("the parameter {name} has to be a JSON object: {error}")))?;
    Ok(parsed.flatten())
}

/// Whether the one `Content-Type` is JSON in UTF-8. Also what keeps other sites' forms out: a browser asks before it sends this.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = split_quoted(value, ';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = |part: &str| match part.split_once('=') {
        Some((name, charset)) if name.eq_ignore_ascii_case("charset") => is_utf8(charset.trim_matches('"')),
        _ => true,
    };
    is_json && parts.all(utf8)
}

fn is_length_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.is::<LengthLimitError>())
}
