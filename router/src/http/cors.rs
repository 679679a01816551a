//! The CORS policy of the graph: pages of other sites may call it only if a setting allows their origin.

use axum::http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::request_id;

/// Answers CORS requests of browsers. Without allowed origins there is no layer, and browsers block cross-origin calls
/// themselves.
pub(super) fn layer(origins: &[String]) -> Option<CorsLayer> {
    let allowed = match origins {
        [] => return None,
        // Harmless because there are no cookies: a caller with the token could call from any program.
        origins if origins.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        origins => AllowOrigin::list(origins.iter().filter_map(|origin| {
            let value = HeaderValue::from_str(origin.trim_end_matches('/'));
            value.inspect_err(|_| tracing::warn!(origin, "invalid origin")).ok()
        })),
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            request_id::HEADER,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([request_id::HEADER, header::RETRY_AFTER])
        .max_age(Duration::from_secs(600));
    Some(layer)
}
