//! `GET /metrics`, on the main address or on one of its own.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::collect::Collector;
use super::exposition::MEDIA_TYPE;

/// Builds the router of an address that has nothing but the metrics, and answers every caller.
pub fn router(collector: &Collector) -> Router {
    let answer = async |State(collector): State<Collector>| respond(&collector).await;
    Router::new()
        .route("/metrics", get(answer))
        .with_state(collector.clone())
}

/// Returns the response with the metrics.
pub(crate) async fn respond(collector: &Collector) -> Response {
    let headers = [(header::CONTENT_TYPE, MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")];
    (headers, collector.text().await).into_response()
}
