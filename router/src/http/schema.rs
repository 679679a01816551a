//! `GET /schema.graphql`: the public schema as SDL, for code generators and editors.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::http::tagged_bytes::TaggedBytes;
use crate::http::{HttpState, error};

/// Browsers show it instead of downloading it; no media type is registered for SDL.
const MEDIA_TYPE: &str = "text/plain; charset=utf-8";

/// The public schema as SDL, which another one can replace. Cheap to clone.
#[derive(Clone)]
pub struct ServedSchema(Arc<RwLock<Arc<TaggedBytes>>>);

impl std::fmt::Debug for ServedSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServedSchema").finish_non_exhaustive()
    }
}

impl ServedSchema {
    /// Serves that schema first.
    pub fn new(sdl: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(RwLock::new(tagged(sdl.into()))))
    }

    /// Serves another schema from now on.
    pub fn replace(&self, sdl: String) {
        let schema = tagged(sdl.into());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = schema;
    }

    fn current(&self) -> Arc<TaggedBytes> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn tagged(sdl: Cow<'static, str>) -> Arc<TaggedBytes> {
    Arc::new(TaggedBytes::new(sdl.into_owned()))
}

/// Answers with the schema, or with 304 to a client that has it. With introspection switched off there is nothing at the
/// address.
pub(super) async fn sdl(State(state): State<HttpState>, headers: HeaderMap) -> Response {
    match &state.config.schema {
        Some(schema) => schema
            .current()
            .response(&headers, MEDIA_TYPE, HeaderValue::from_static("no-cache")),
        None => error::nothing_here().into_response(),
    }
}
