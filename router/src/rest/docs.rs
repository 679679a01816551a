//! The interactive page of a mount, from files inside the binary.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use contract::ErrorCode;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::error::RestError;
use crate::http::{embedded_bytes, if_match_holds, is_not_modified};

/// The files that `npm run swagger` in `router/web` puts there: the distribution of Swagger UI.
#[derive(RustEmbed)]
#[folder = "assets/swagger-ui"]
struct Assets;

const PAGE: &str = include_str!("docs/page.html");
const START: &str = include_str!("docs/start.js");

/// Everything comes from this origin. Swagger UI sets inline styles and embeds images in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A document that a browser may cache, but revalidates before each use.
pub(super) struct StaticDocument {
    media_type: &'static str,
    bytes: Bytes,
    etag: String,
}

impl StaticDocument {
    /// Computes the document's entity tag, which is slow: once for each document.
    pub fn new(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Sha256::digest(&bytes);
        let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        // Weak: compressed or not, it is the same document.
        let etag = format!("W/\"{hex}\"");
        Self {
            media_type,
            bytes,
            etag,
        }
    }

    /// Returns the page of the mount that the client sees at `base`.
    pub fn page(title: &str, base: &str) -> Self {
        let page = PAGE.replace("{title}", title).replace("{base}", base);
        Self::new("text/html; charset=utf-8", page)
    }

    /// Returns the response to a request with these headers. Ignores `Range`: a document is sent whole.
    ///
    /// # Errors
    /// 412 when `If-Match` names an entity tag: the tags here are weak and match none.
    pub fn response(&self, request_headers: &HeaderMap) -> Result<Response<Body>, RestError> {
        if !if_match_holds(request_headers, &self.etag) {
            return Err(RestError::new(
                ErrorCode::PreconditionFailed,
                "If-Match must be *: the entity tags of documents are weak",
            ));
        }
        let mut response = Response::new(Body::empty());
        if is_not_modified(request_headers, &self.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED
        } else {
            *response.body_mut() = Body::from(self.bytes.clone())
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(header::ETAG, etag);
        }
        Ok(response)
    }
}

/// The files of the page; the entity tag of each is computed at its first request.
static FILES: LazyLock<HashMap<Cow<'static, str>, OnceLock<Option<StaticDocument>>>> = LazyLock::new(|| {
    let names = Assets::iter().chain([Cow::Borrowed(START_NAME)]);
    names.map(|name| (name, OnceLock::new())).collect()
});

const START_NAME: &str = "start.js";

/// Returns one of the page's files.
///
/// # Errors
/// 404, and as [`StaticDocument::response`].
pub(super) fn file(name: &str, request_headers: &HeaderMap) -> Result<Response<Body>, RestError> {
    let file = FILES.get(name).ok_or_else(RestError::no_route)?;
    let file = file.get_or_init(|| read_file(name)).as_ref();
    file.ok_or_else(RestError::no_route)?.response(request_headers)
}

fn read_file(name: &str) -> Option<StaticDocument> {
    let bytes = match name {
        START_NAME => Bytes::from_static(START.as_bytes()),
        name => embedded_bytes(Assets::get(name)?.data),
    };
    let media_type = match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    Some(StaticDocument::new(media_type, bytes))
}
