//! The events of a subscription, whatever protocol they came by.

use async_graphql::Response;

/// An event of a subscription.
#[derive(Debug)]
pub enum SourceEvent {
    /// A response.
    Next(Response),
    /// The response that rejects the subscription or ends it with an error.
    Rejected(Response),
    /// The end.
    Complete,
}
