//! Subscriptions: what a domain's follower reads after each event, as a stream.

use std::future::Future;

use futures_util::stream::{self, Stream};

use crate::{EventStream, Result};

/// Follows the events on behalf of one subscription. An event is only a hint: what there is, the database says.
pub trait Follower: Send {
    /// What is read.
    type Item;

    /// The next thing to show; `None` when there are no more events.
    ///
    /// # Errors
    /// When the database fails.
    fn next(&mut self, events: &mut EventStream) -> impl Future<Output = Option<Result<Self::Item>>> + Send;
}

/// What `follower` reads, as long as there are events. A failed read ends it: going on would hide that something was
/// missed.
pub fn follow<F: Follower>(follower: F, events: EventStream) -> impl Stream<Item = Result<F::Item>> {
    stream::unfold(Some((follower, events)), async |state| {
        let (mut follower, mut events) = state?;
        let next = follower.next(&mut events).await?;
        let goes_on = next.is_ok().then_some((follower, events));
        Some((next, goes_on))
    })
}
