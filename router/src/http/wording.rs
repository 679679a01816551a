//! The format of an error that occurs before any route: a GraphQL response, or the envelope of a REST mount.

use axum::extract::Request;
use axum::response::Response;

use crate::http::accept::{Accepted, Media};
use crate::http::refusal::Refusal;
use crate::rest::{self, Envelope};

/// The error format of a listener before the route is known.
#[derive(Clone, Copy)]
pub enum Wording {
    /// The format of a REST mount below its prefix, GraphQL's elsewhere.
    ByPath,
    /// The format of the REST mount to which the listener belongs.
    Mount(Envelope),
}

/// The error format of one request.
#[derive(Clone, Copy)]
pub(super) enum Words {
    Graphql(Media),
    Rest(Envelope),
}

impl Wording {
    pub(super) fn of(self, request: &Request) -> Words {
        let envelope = match self {
            Self::ByPath => rest::envelope_at(request.uri().path()),
            Self::Mount(envelope) => Some(envelope),
        };
        match envelope {
            Some(envelope) => Words::Rest(envelope),
            None => {
                let accepted = Accepted::of(request.headers());
                Words::Graphql(accepted.as_ref().map_or(Media::Json, Accepted::media_for_refusals))
            }
        }
    }
}

impl Words {
    pub(super) fn respond(self, refusal: &Refusal) -> Response {
        match self {
            Self::Graphql(media) => refusal.respond(media),
            Self::Rest(envelope) => refusal.respond_as(&envelope),
        }
    }
}
