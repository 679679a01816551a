//! The reasons that a subgraph gives no response.

use std::time::Duration;

use async_graphql::ServerError;
use foundation::ErrorCode;

use super::json::JsonError;

/// The reason that a subgraph gives no response. The text continues a sentence that begins with the subgraph.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubgraphError {
    /// No connection was established.
    #[error("cannot be reached")]
    Unreachable(String),
    /// The connection ended before the answer did.
    #[error("closed the connection before its answer was complete")]
    ConnectionLost(String),
    /// The answer was not complete in time.
    #[error("did not answer within {0} ms")]
    Timeout(u64),
    /// The request waited for other ones for too long.
    #[error("has too many requests in flight")]
    Busy,
    /// The answer breaks HTTP.
    #[error("did not answer by HTTP")]
    NoHttp(String),
    /// The answer has a status of an error and no GraphQL response.
    #[error("answered with the HTTP status {0} and no GraphQL response")]
    Status(u16),
    /// The answer is not JSON by its media type.
    #[error("answered with the media type {0}, which must be JSON")]
    MediaType(String),
    /// The body is encoded in a way that the request did not accept.
    #[error("answered with a content encoding that the request does not accept")]
    ContentEncoding,
    /// The compressed body is damaged.
    #[error("answered with damaged gzip")]
    InvalidGzip,
    /// The body is empty.
    #[error("answered with an empty body")]
    EmptyBody,
    /// The body is too long.
    #[error("answered with more than {0} bytes")]
    TooLarge(usize),
    /// The body is nested too deeply.
    #[error("answered with more than {0} levels of nested values")]
    TooDeep(usize),
    /// The body has too many values.
    #[error("answered with more than {0} values")]
    TooManyValues(usize),
    /// The body is not JSON.
    #[error("answered with invalid JSON: {0}")]
    InvalidJson(JsonError),
    /// The body is JSON and no GraphQL response.
    #[error("answered with JSON that is no GraphQL response: {0}")]
    InvalidResponse(&'static str),
    /// The upgrade to a WebSocket was answered with another status.
    #[error("answered with the HTTP status {0} in place of a WebSocket")]
    NoUpgrade(u16),
    /// The subgraph breaks the protocol of subscriptions.
    #[error("did not keep to the protocol of subscriptions")]
    SubscriptionProtocol(String),
    /// The subgraph closed the socket because of the request.
    #[error("closed the subscription with the code {0}")]
    SocketClosed(u16),
    /// Nothing came over a connection for too long.
    #[error("sent nothing for {0:?}")]
    Silence(Duration),
    /// A client that shares the subscription with others did not read its events.
    #[error("sent more events than the client read in time")]
    TooSlow,
    /// It was unreachable several times in a row, and is only probed.
    #[error("is unavailable and not asked again yet")]
    CircuitOpen,
    /// The answer was not read, because the process ends.
    #[error("gave an answer that was not read")]
    Unread(String),
    /// The caller may not ask the subgraph.
    #[error("is not asked: {}", .0.message)]
    Refused(Box<ServerError>),
}

impl SubgraphError {
    /// The failure of a request that the program refuses to send.
    pub fn refused(error: ServerError) -> Self {
        Self::Refused(Box::new(error))
    }

    /// The code for clients.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Timeout(_) => ErrorCode::Timeout,
            Self::TooSlow => ErrorCode::TooSlow,
            _ => ErrorCode::Unavailable,
        }
    }

    /// Whether a subscription with the same request and caller would fail again.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Refused(_) | Self::SocketClosed(_) | Self::NoUpgrade(401 | 403)
        )
    }

    /// Whether the failure says that the subgraph or the way to it is down.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::ConnectionLost(_) | Self::Timeout(_))
    }

    /// Writes the failure to the log, with the cause that the client does not see.
    pub fn log(&self, subgraph: &str, request_id: &str) {
        let cause = match self {
            Self::Unreachable(cause)
            | Self::ConnectionLost(cause)
            | Self::NoHttp(cause)
            | Self::SubscriptionProtocol(cause)
            | Self::Unread(cause) => cause,
            // The circuit breaker has logged its change, and the caller's rights are none of the operator's concern.
            Self::CircuitOpen | Self::Refused(_) => return,
            _ => "",
        };
        tracing::warn!(%subgraph, %request_id, error = %self, cause, "a subgraph gave no response");
    }
}

impl From<JsonError> for SubgraphError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::TooDeep(max) => Self::TooDeep(max),
            JsonError::TooManyValues(max) => Self::TooManyValues(max),
            JsonError::Syntax { .. } => Self::InvalidJson(error),
        }
    }
}
