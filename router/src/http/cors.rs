//! Which other sites' pages may call the graph: none, unless a setting names them.

use axum::http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower::util::{Either, option_layer};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::http::request_id;

/// Answers browsers that ask for a page of another site. Without origins it is not there, and browsers refuse by themselves.
pub(super) fn layer(origins: &[String]) -> Either<CorsLayer, tower::layer::util::Identity> {
    let allowed = match origins {
        [] => None,
        // Harmless without cookies: whoever has the token could call us from anywhere.
        origins if origins.iter().any(|origin| origin == "*") => Some(AllowOrigin::any()),
        origins => Some(AllowOrigin::list(origins.iter().filter_map(|origin| {
            let value = HeaderValue::from_str(origin.trim_end_matches('/'));
            value.inspect_err(|_| tracing::warn!(origin, "not an origin")).ok()
        }))),
    };
    option_layer(allowed.map(|allowed| {
        CorsLayer::new()
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
            .max_age(Duration::from_secs(600))
    }))
}
