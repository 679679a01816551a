//! The request id, which correlates the log lines, answers and errors of one request.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use rand::RngCore;

/// The header with the id, in requests and responses.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const CHARS_MAX: usize = 64;

/// The id of a request, which the middleware around all listeners stores in its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

impl RequestId {
    /// Returns the client's id if it is fit for a log line, else a new one.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        given
            .filter(|id| is_valid(id))
            .map_or_else(Self::random, |id| Self(id.into()))
    }

    /// Generates a new id.
    pub(crate) fn random() -> Self {
        Self(format!("{:016x}", rand::rng().next_u64()).into())
    }
}

fn is_valid(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !id.is_empty() && id.len() <= CHARS_MAX && id.bytes().all(plain)
}
