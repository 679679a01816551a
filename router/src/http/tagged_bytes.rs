//! The content of a file or document with its entity tag, for pages and for the documents of REST mounts.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::http::preconditions::is_not_modified;

/// The content of a file or document, and its entity tag.
#[derive(Clone)]
pub(crate) struct TaggedBytes {
    bytes: Bytes,
    tag: String,
}

impl TaggedBytes {
    /// Computes the digest of the content, which is slow: once for each content.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Sha256::digest(&bytes);
        Self::with_digest(bytes, &digest)
    }

    /// The content with a digest that is known.
    pub fn with_digest(bytes: Bytes, digest: &[u8]) -> Self {
        // A weak tag, because the compressed and the plain form are the same content.
        let tag = format!("W/\"{}\"", hex(&digest[..digest.len().min(16)]));
        Self { bytes, tag }
    }

    /// Returns the entity tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Returns the response to a request with these headers: 304 if the client has this content. Ignores `Range`: the content
    /// is sent whole.
    pub fn response(
        &self,
        request_headers: &HeaderMap,
        media_type: &'static str,
        cache_control: HeaderValue,
    ) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        if is_not_modified(request_headers, &self.tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            *response.body_mut() = Body::from(self.bytes.clone());
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, cache_control);
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

/// Writes bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
