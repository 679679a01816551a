//! How a refusal is worded that comes before any route: GraphQL's response, or the envelope of a REST mount.

use axum::extract::Request;
use axum::response::Response;

use crate::http::accept::{Accepted, Media};
use crate::http::refusal::Refusal;
use crate::rest::{self, Envelope};

/// Whose words a listener uses for what it refuses before a route is known.
#[derive(Clone, Copy)]
pub enum Wording {
    /// A REST mount's below its prefix, GraphQL's elsewhere.
    ByPath,
    /// A REST mount's, which has the listener for itself.
    Mount(Envelope),
}

/// The words for one request.
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
