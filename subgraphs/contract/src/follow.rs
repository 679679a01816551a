//! Subscriptions: a stream of the items that a domain's follower reads after each event.

use std::future::Future;

use futures_util::stream::{self, Stream};

use crate::{EventStream, Result};

/// Follows the events on behalf of one subscription. An event is only a hint: the database has the current state.
pub trait Follower: Send {
    /// The type of the delivered items.
    type Item;

    /// Returns the next item to deliver; `None` when there are no more events.
    fn next(&mut self, events: &mut EventStream) -> impl Future<Output = Option<Result<Self::Item>>> + Send;
}

/// Returns the items of `follower`, until the events end. A failed read ends the stream: continuing would hide a
/// missed item.
pub fn follow<F: Follower>(follower: F, events: EventStream) -> impl Stream<Item = Result<F::Item>> {
    // Boxed, because the state of the stream and its future each have a place for them.
    stream::unfold(Some(Box::new((follower, events))), async |state| {
        let mut state = state?;
        let (follower, events) = &mut *state;
        let next = follower.next(events).await?;
        let rest = next.is_ok().then_some(state);
        Some((next, rest))
    })
}
