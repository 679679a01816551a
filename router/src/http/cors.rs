//! The CORS policy: which pages of other sites may call this server, for the graph and the REST mounts alike.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::allowed_origin::AllowedOrigin;
use crate::http::NO_STORE;
use crate::request_id;
use crate::rest_access::AllowedSiteMarker;
use crate::status::ERROR_CODE_HEADER;

/// Lets pages of these origins call `router`. Without origins the router stays as it is, and browsers block such calls
/// themselves: every layer costs each request several allocations.
pub fn with_cors(origins: &[AllowedOrigin], router: Router) -> Router {
    if origins.is_empty() {
        return router;
    }
    let no_store = SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, NO_STORE);
    router
        .layer(from_fn_with_state(Arc::from(origins), mark_allowed_site))
        .layer(layer(origins))
        .layer(no_store)
}

fn layer(origins: &[AllowedOrigin]) -> CorsLayer {
    let allowed = if origins.iter().any(AllowedOrigin::is_any) {
        // Harmless because there are no cookies: a caller with the token could call from any program.
        AllowOrigin::any()
    } else {
        let origins: Vec<_> = origins.to_vec();
        AllowOrigin::predicate(move |origin, _| origins.iter().any(|allowed| allowed.allows(origin)))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            request_id::HEADER,
            HeaderName::from_static("idempotency-key"),
            // Apollo Client sends these two when it names itself, and tracing clients the last two (W3C Trace Context).
            HeaderName::from_static("apollographql-client-name"),
            HeaderName::from_static("apollographql-client-version"),
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
        ])
        .expose_headers([
            request_id::HEADER,
            ERROR_CODE_HEADER,
            header::ETAG,
            header::LINK,
            header::LOCATION,
            header::RETRY_AFTER,
        ])
        .max_age(Duration::from_secs(600))
}

/// Marks a request for a page of an origin that the settings name. `*` names no origin: with it alone, every page in a
/// browser on this machine could use the routes that are open to this machine.
async fn mark_allowed_site(State(origins): State<Arc<[AllowedOrigin]>>, mut request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN);
    if origin.is_some_and(|origin| origins.iter().any(|allowed| allowed.names(origin))) {
        request.extensions_mut().insert(AllowedSiteMarker);
    }
    next.run(request).await
}
