//! What is told over the bus, and who listens.

use std::sync::Arc;

use contract::{Bus, Delivery, Event, EventStream, InProcessBus};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;

/// The events that are there now.
///
/// # Panics
/// When some were lost.
pub fn heard(events: &mut EventStream) -> Vec<Event> {
    let mut heard = Vec::new();
    while let Some(Some(delivery)) = events.next().now_or_never() {
        match delivery {
            Delivery::Event(event) => heard.push((*event).clone()),
            Delivery::Lagged(lost) => panic!("{lost} events were lost"),
        }
    }
    heard
}

/// Says when a subscriber asks for its first event: then it has read all it reads before.
pub(crate) struct TellingBus {
    pub(crate) bus: InProcessBus,
    pub(crate) listening: Arc<Semaphore>,
}

impl Bus for TellingBus {
    fn publish(&self, event: Event) {
        self.bus.publish(event);
    }

    fn subscribe(&self) -> EventStream {
        let listening = self.listening.clone();
        let tell = stream::once(async move { listening.add_permits(1) }).filter_map(|()| std::future::ready(None));
        tell.chain(self.bus.subscribe()).boxed()
    }
}
