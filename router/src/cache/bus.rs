//! The bus that invalidates before it passes an event on.

use std::sync::Arc;

use contract::{Bus, Event, EventStream};

use super::AnswerCache;

/// A bus behind which nothing stale is remembered: by the time `publish` returns, and before any subscriber hears of it.
///
/// Domains publish after the commit and before they answer, so whoever asks after a writer was answered is served what
/// the writer left.
pub struct CachingBus {
    bus: Arc<dyn Bus>,
    cache: Arc<AnswerCache>,
}

impl CachingBus {
    /// Passes on to that bus what invalidates that cache.
    pub fn new(bus: Arc<dyn Bus>, cache: Arc<AnswerCache>) -> Self {
        Self { bus, cache }
    }
}

impl Bus for CachingBus {
    fn publish(&self, event: Event) {
        if let Event::Invalidated { typename, key, .. } = &event {
            self.cache.invalidate(typename, key);
        }
        self.bus.publish(event);
    }

    fn subscribe(&self) -> EventStream {
        self.bus.subscribe()
    }
}
