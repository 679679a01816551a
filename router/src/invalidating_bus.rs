//! A bus that invalidates the cache before it delivers an event.

use std::sync::Arc;

use contract::{Bus, BusCounts, Event, EventStream, Topic};

use crate::cache::ResponseCache;

/// A bus that keeps the cache fresh: `publish` invalidates the entity before any subscriber receives the event, and
/// before it returns.
///
/// Domains publish after the commit and before they answer. So a request that is sent after a write was answered sees
/// that write.
pub struct InvalidatingBus {
    bus: Arc<dyn Bus>,
    cache: Arc<ResponseCache>,
}

impl InvalidatingBus {
    /// Delivers events through `bus`, and invalidates `cache` before.
    pub fn new(bus: Arc<dyn Bus>, cache: Arc<ResponseCache>) -> Self {
        Self { bus, cache }
    }
}

impl Bus for InvalidatingBus {
    fn publish(&self, event: Event) {
        if let Event::Invalidated { typename, key, .. } = &event {
            self.cache.invalidate(typename, key);
        }
        self.bus.publish(event);
    }

    fn subscribe_to(&self, topic: Topic) -> EventStream {
        self.bus.subscribe_to(topic)
    }

    fn counts(&self) -> BusCounts {
        self.bus.counts()
    }
}
