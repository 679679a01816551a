//! The format of an error that occurs before any route: a GraphQL response, or the envelope of a REST mount.

use axum::extract::Request;
use axum::response::Response;

use crate::http::accept::{AcceptedMediaTypes, ResponseMediaType};
use crate::http::error::HttpError;
use crate::rest::{self, Envelope};

/// The error format of a listener before the route is known.
#[derive(Clone, Copy)]
pub enum ListenerErrorFormat {
    /// The format of a REST mount below its prefix, GraphQL's elsewhere.
    ByPath,
    /// The format of the REST mount to which the listener belongs.
    Mount(Envelope),
}

/// The error format of one request.
#[derive(Clone, Copy)]
pub(super) enum ErrorFormat {
    Graphql(ResponseMediaType),
    Rest(Envelope),
}

impl ListenerErrorFormat {
    pub(super) fn for_request(self, request: &Request) -> ErrorFormat {
        let envelope = match self {
            Self::ByPath => rest::envelope_at(request.uri().path()),
            Self::Mount(envelope) => Some(envelope),
        };
        match envelope {
            Some(envelope) => ErrorFormat::Rest(envelope),
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
            Self::Rest(envelope) => error.to_rest_response(&envelope),
        }
    }
}
