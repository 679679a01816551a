//! `GET /schema.graphql`: the public schema as SDL, for code generators and editors.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::http::{HttpState, error};

/// Browsers show it instead of downloading it; no media type is registered for SDL.
const MEDIA_TYPE: &str = "text/plain; charset=utf-8";

/// Answers with the schema, or with 304 to a client that has it. With introspection switched off there is nothing at the
/// address.
pub(super) async fn sdl(State(state): State<HttpState>, headers: HeaderMap) -> Response {
    match &state.schema {
        Some(schema) => schema.response(&headers, MEDIA_TYPE, HeaderValue::from_static("no-cache")),
        None => error::nothing_here().into_response(),
    }
}
