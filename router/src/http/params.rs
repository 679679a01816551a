//! The parameters of a GraphQL request, from a body or from a URL.

use async_graphql::Variables;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use bytes::Bytes;
use contract::ErrorCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;

use crate::http::accept::{is_utf8, split_quoted};
use crate::http::content_encoding::{ENCODED_BODY_MESSAGE, is_encoded};
use crate::http::error::HttpError;
use crate::http::json::Unique;
use crate::limits::Limits;
use crate::server::{BodyError, count_json_values, request_memory_bytes};

/// The parameters of a GraphQL request.
#[derive(Debug)]
pub(super) struct Params {
    pub(super) query: String,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Variables,
    pub(super) memory: ParamsMemory,
}

/// The approximate memory of parameters. Only a subscription needs the estimate, so it is made when the kind is known.
#[derive(Debug)]
pub(super) enum ParamsMemory {
    /// In bytes.
    Estimated(usize),
    /// Of parameters with this text.
    Of(Bytes),
}

impl ParamsMemory {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Estimated(bytes) => *bytes,
            Self::Of(text) => request_memory_bytes(text),
        }
    }
}

/// The parameters as the client sends them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawParams {
    query: Option<String>,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Unique<Variables>>,
    #[serde(default)]
    extensions: Option<HashMap<String, Option<IgnoredAny>>>,
}

/// The reason that a request has no query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryError {
    /// The client sent none.
    Missing,
    /// The client sent its hash instead (a persisted query).
    PersistedOnly,
}

impl From<QueryError> for HttpError {
    fn from(why: QueryError) -> Self {
        match why {
            QueryError::Missing => Self::invalid("query must be given"),
            // This message makes clients send the query.
            QueryError::PersistedOnly => Self::new(ErrorCode::PersistedQueryNotSupported, "PersistedQueryNotSupported"),
        }
    }
}

impl RawParams {
    /// Returns the parameters with their approximate memory.
    ///
    /// # Errors
    /// When there is no query.
    pub(super) fn into_params(self, memory: ParamsMemory) -> Result<Params, QueryError> {
        let is_hashed =
            |extensions: &HashMap<_, Option<IgnoredAny>>| matches!(extensions.get("persistedQuery"), Some(Some(_)));
        let why = if self.extensions.as_ref().is_some_and(is_hashed) {
            QueryError::PersistedOnly
        } else {
            QueryError::Missing
        };
        Ok(Params {
            query: self.query.ok_or(why)?,
            operation_name: self.operation_name,
            variables: self.variables.map(|Unique(variables)| variables).unwrap_or_default(),
            memory,
        })
    }
}

impl Params {
    /// Reads the body of a POST.
    ///
    /// # Errors
    /// 415 for another media type than JSON, 413 for a body that is too large, 408 for one that is too slow, 400 for an invalid
    /// request.
    pub(super) async fn from_body(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Self, HttpError> {
        let bytes = receive_json(headers, body, limits).await?;
        Self::from_json(bytes)
    }

    fn from_json(bytes: Bytes) -> Result<Self, HttpError> {
        let json = without_byte_order_mark(&bytes);
        let sent: RawParams = match json.trim_ascii_start().first() {
            Some(b'[') => {
                return Err(HttpError::invalid(
                    "batches are not answered: send one request at a time",
                ));
            }
            Some(b'{') => serde_json::from_slice(json)
                .map_err(|error| HttpError::invalid(format!("the request body is no GraphQL request: {error}")))?,
            _ => return Err(HttpError::invalid("the request body has to be a JSON object")),
        };
        Ok(sent.into_params(ParamsMemory::Of(bytes))?)
    }

    /// Reads the URL of a GET.
    ///
    /// # Errors
    /// `INVALID_INPUT` when it is not a valid request.
    pub(super) fn from_uri(uri: &Uri, limits: &Limits) -> Result<Self, HttpError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| HttpError::invalid("the address cannot be read"))?;
        let mut found: HashMap<String, String> = HashMap::new();
        for (name, value) in pairs {
            if let Some(_earlier) = found.insert(name.clone(), value) {
                return Err(HttpError::invalid(format!("{name} is given twice")));
            }
        }
        if found
            .values()
            .any(|value| count_json_values(value.as_bytes()) > limits.request_values_max)
        {
            return Err(HttpError::too_many_values(limits));
        }
        // An empty parameter counts as missing.
        let mut take = |name: &str| found.remove(name).filter(|value| !value.is_empty());
        let sent = RawParams {
            query: take("query"),
            operation_name: take("operationName"),
            variables: json_parameter("variables", take("variables"))?,
            extensions: json_parameter("extensions", take("extensions"))?,
        };
        let memory_bytes = request_memory_bytes(uri.query().unwrap_or_default().as_bytes());
        Ok(sent.into_params(ParamsMemory::Estimated(memory_bytes))?)
    }
}

/// Receives a body of JSON.
///
/// # Errors
/// As [`Params::from_body`], except for an invalid request.
pub(super) async fn receive_json(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Bytes, HttpError> {
    if !is_json(headers) {
        return Err(HttpError::new(
            ErrorCode::UnsupportedMediaType,
            "a request body has to be content-type: application/json",
        )
        .with_headers(&[("accept", "application/json"), ("accept-post", "application/json")]));
    }
    if is_encoded(headers) {
        let error = HttpError::new(ErrorCode::UnsupportedMediaType, ENCODED_BODY_MESSAGE);
        return Err(error.with_headers(&[("accept-encoding", "identity")]));
    }
    // The middleware has received the body, or replaced it with the error.
    let bytes = axum::body::to_bytes(body, limits.body_bytes_max).await;
    bytes.map_err(|error| HttpError::from_body_error(BodyError::find_in(&error).unwrap_or(BodyError::TooLarge), limits))
}

/// Removes a byte order mark, which some editors and libraries write before JSON (RFC 8259, section 8.1, lets readers ignore
/// it).
fn without_byte_order_mark(json: &[u8]) -> &[u8] {
    json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json)
}

fn json_parameter<T: for<'de> Deserialize<'de>>(name: &str, value: Option<String>) -> Result<Option<T>, HttpError> {
    let parsed = value.map(|text| serde_json::from_str::<Option<T>>(&text)).transpose();
    let parsed =
        parsed.map_err(|error| HttpError::invalid(format!("the parameter {name} has to be a JSON object: {error}")))?;
    Ok(parsed.flatten())
}

/// Whether there is one `Content-Type`, JSON in UTF-8. This also excludes forms of other sites: a browser sends a preflight
/// request for this type.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    if value == "application/json" {
        return true;
    }
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
