//! The events on the bus, and its subscribers.

use std::sync::Arc;

use contract::{Bus, Delivery, Event, EventStream, InProcessBus, Topic};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;
use tokio::task::unconstrained;

/// Returns the events that have arrived so far, also when the task has used up its budget of work.
///
/// # Panics
/// When events were lost.
pub fn received_events(events: &mut EventStream) -> Vec<Event> {
    let mut received = Vec::new();
    while let Some(Some(delivery)) = unconstrained(events.next()).now_or_never() {
        match delivery {
            Delivery::Event(event) => received.push((*event).clone()),
            Delivery::Lagged(lost) => panic!("{lost} events were lost"),
        }
    }
    received
}

/// A bus that reports when a subscriber asks for its first event: by then it has finished its initial reads.
pub(crate) struct ObservedBus {
    pub(crate) bus: InProcessBus,
    pub(crate) listening: Arc<Semaphore>,
}

impl Bus for ObservedBus {
    fn publish(&self, event: Event) {
        self.bus.publish(event);
    }

    fn subscribe_to(&self, topic: Topic) -> EventStream {
        let listening = self.listening.clone();
        let report = stream::once(async move { listening.add_permits(1) }).filter_map(|()| std::future::ready(None));
        report.chain(self.bus.subscribe_to(topic)).boxed()
    }
}
