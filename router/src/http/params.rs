//! The parameters of a GraphQL request, from a body or from a URL.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Variables;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use bytes::Bytes;
use contract::ErrorCode;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::documents::{DocumentError, DocumentReference};
use crate::gateway::Gateway;
use crate::http::accept::{is_utf8, split_quoted};
use crate::http::content_encoding::{ENCODED_BODY_MESSAGE, is_encoded};
use crate::http::error::HttpError;
use crate::http::json::{self, Unique};
use crate::limits::Limits;
use crate::server::{BodyError, count_json_values, request_memory_bytes};

/// The parameters of a GraphQL request.
#[derive(Debug)]
pub(super) struct Params {
    pub(super) query: Arc<str>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Variables,
    pub(super) memory: ParamsMemory,
}

/// The content of a request.
#[derive(Debug)]
pub(super) enum RequestContent {
    /// One operation.
    One(Params),
    /// Several operations, or the reasons to refuse them.
    Batch(Vec<Result<Params, DocumentError>>),
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
    extensions: Option<Extensions>,
    #[serde(default)]
    document_id: Option<String>,
}

/// The members of `extensions` that are read.
#[derive(Debug, Default)]
struct Extensions {
    persisted_query: Option<Value>,
}

impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Members {
            #[serde(default)]
            persisted_query: Option<Value>,
        }
        let Members { persisted_query } = json::object(json)?;
        Ok(Self { persisted_query })
    }
}

impl From<DocumentError> for HttpError {
    fn from(why: DocumentError) -> Self {
        Self::new(why.code(), why.to_string())
    }
}

impl RawParams {
    /// Returns the parameters with their approximate memory.
    ///
    /// # Errors
    /// When the request has no document, or one that it may not have.
    pub(super) fn into_params(self, memory: ParamsMemory, gateway: &Gateway) -> Result<Params, DocumentError> {
        let reference = DocumentReference {
            text: self.query,
            id: self.document_id,
            persisted_query: self.extensions.and_then(|extensions| extensions.persisted_query),
        };
        let cacheable_bytes_max = gateway.limits.cached_document_bytes_max;
        Ok(Params {
            query: gateway.documents.text(reference, cacheable_bytes_max)?,
            operation_name: self.operation_name,
            variables: self.variables.map(|Unique(variables)| variables).unwrap_or_default(),
            memory,
        })
    }
}

impl RequestContent {
    /// Reads the body of a POST.
    ///
    /// # Errors
    /// 415 for another media type than JSON, 413 for a body that is too large, 408 for one that is too slow, 400 for an invalid
    /// request.
    pub(super) async fn from_body(headers: &HeaderMap, body: Body, gateway: &Gateway) -> Result<Self, HttpError> {
        let bytes = receive_json(headers, body, &gateway.limits).await?;
        Self::from_json(bytes, gateway)
    }

    fn from_json(bytes: Bytes, gateway: &Gateway) -> Result<Self, HttpError> {
        let json = without_byte_order_mark(&bytes);
        let unreadable = |error| HttpError::invalid(format!("the request body is no GraphQL request: {error}"));
        match json.trim_ascii_start().first() {
            Some(b'[') => {
                let most = gateway.batch_operations_max;
                if most == 0 {
                    return Err(HttpError::invalid(
                        "batches are not answered: send one request at a time",
                    ));
                }
                let sent: Vec<RawParams> = serde_json::from_slice(json).map_err(unreadable)?;
                if sent.is_empty() || sent.len() > most {
                    return Err(HttpError::invalid(format!("a batch has 1 to {most} operations")));
                }
                // Only subscriptions need the memory of their parameters, and a batch has none.
                let params = |sent: RawParams| sent.into_params(ParamsMemory::Estimated(0), gateway);
                Ok(Self::Batch(sent.into_iter().map(params).collect()))
            }
            Some(b'{') => {
                let sent: RawParams = serde_json::from_slice(json).map_err(unreadable)?;
                Ok(Self::One(sent.into_params(ParamsMemory::Of(bytes), gateway)?))
            }
            _ => Err(HttpError::invalid("the request body has to be a JSON object")),
        }
    }

    /// Reads the URL of a GET.
    ///
    /// # Errors
    /// `INVALID_INPUT` when it is not a valid request.
    pub(super) fn from_uri(uri: &Uri, gateway: &Gateway) -> Result<Self, HttpError> {
        let limits = &*gateway.limits;
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
            document_id: take("documentId"),
        };
        let memory_bytes = request_memory_bytes(uri.query().unwrap_or_default().as_bytes());
        let params = sent.into_params(ParamsMemory::Estimated(memory_bytes), gateway)?;
        Ok(Self::One(params))
    }
}

/// Receives a body of JSON.
///
/// # Errors
/// As [`RequestContent::from_body`], except for an invalid request.
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
