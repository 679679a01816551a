//! The interactive page of a mount, from files inside the binary.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::failure::Failure;

/// What `npm run swagger` in `router/web` puts there: Swagger UI as its makers built it.
#[derive(RustEmbed)]
#[folder = "assets/swagger-ui"]
struct Assets;

const PAGE: &str = include_str!("docs/page.html");
const START: &str = include_str!("docs/start.js");

/// Everything from here. Swagger UI writes styles as it goes and has pictures inside its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page of the mount that is at `base` for the client.
pub(super) fn page(title: &str, base: &str) -> String {
    PAGE.replace("{title}", title).replace("{base}", base)
}

/// One of the page's files.
///
/// # Errors
/// 404.
pub(super) fn file(name: &str, asked: &HeaderMap) -> Result<Response<Body>, Failure> {
    let bytes = match name {
        "start.js" => START.as_bytes().into(),
        name => Assets::get(name).ok_or_else(Failure::no_route)?.data,
    };
    let kind = match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    Ok(kept(kind, bytes, asked))
}

/// A response that a browser keeps, and asks each time whether it is still the one.
pub(super) fn kept(kind: &'static str, bytes: impl Into<Body> + AsRef<[u8]>, asked: &HeaderMap) -> Response<Body> {
    let digest = Sha256::digest(bytes.as_ref());
    let tag: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = match known.is_some_and(|known| known.contains(&tag)) {
        true => Response::new(Body::empty()),
        false => Response::new(bytes.into()),
    };
    if known.is_some_and(|known| known.contains(&tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        headers.insert(header::ETAG, tag);
    }
    response
}
