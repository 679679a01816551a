//! The format of an error that occurs before any route: a GraphQL response, or the envelope of a REST mount.

use axum::extract::Request;
use axum::response::Response;

use crate::http::accept::{AcceptedMediaTypes, ResponseMediaType};
use crate::http::error::{ErrorEnvelope, HttpError};

/// Finds the error format of a path; `None` where errors have GraphQL's format.
pub type EnvelopeAt = fn(path: &str) -> Option<&'static dyn ErrorEnvelope>;

/// The error format of a listener before the route is known.
#[derive(Clone, Copy)]
pub enum ListenerErrorFormat {
    /// The format that the function finds for the path.
    ByPath(EnvelopeAt),
    /// One format for all paths: the listener belongs to a REST mount.
    Mount(&'static dyn ErrorEnvelope),
}

/// The error format of one request.
#[derive(Clone, Copy)]
pub(super) enum ErrorFormat {
    Graphql(ResponseMediaType),
    Envelope(&'static dyn ErrorEnvelope),
}

impl ListenerErrorFormat {
    pub(super) fn for_request(self, request: &Request) -> ErrorFormat {
        let envelope = match self {
            Self::ByPath(envelope_at) => envelope_at(request.uri().path()),
            Self::Mount(envelope) => Some(envelope),
        };
        match envelope {
            Some(envelope) => ErrorFormat::Envelope(envelope),
            None => {
                let accepted = AcceptedMediaTypes::from_headers(request.headers());
                ErrorFormat::Graphql(
                    accepted
                        .as_ref()
                        .map_or(ResponseMediaType::Json, AcceptedMediaTypes::error_media_type),
                )
            }
        }
    }
}

impl ErrorFormat {
    pub(super) fn respond(self, error: &HttpError) -> Response {
        match self {
            Self::Graphql(media) => error.to_response(media),
            Self::Envelope(envelope) => error.to_response_in(envelope),
        }
    }
}
