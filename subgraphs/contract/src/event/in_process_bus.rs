//! The bus of the embedded mode.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use futures_util::stream::{self, StreamExt};
use tokio::sync::broadcast;

use super::private_queue::PrivateQueue;
use super::{Bus, BusCounts, Delivery, Event, EventStream, Topic};

/// The bus of the embedded mode.
pub struct InProcessBus {
    capacity: usize,
    topics: Arc<RwLock<Topics>>,
    counts: Arc<Counts>,
}

/// The counters of the bus.
#[derive(Default)]
struct Counts {
    published: AtomicU64,
    lags: AtomicU64,
    lost: AtomicU64,
}

impl Counts {
    /// Counts a delivery that reports lost events.
    fn count(&self, delivery: &Delivery) {
        if let Delivery::Lagged(lost) = delivery {
            self.lags.fetch_add(1, Relaxed);
            self.lost.fetch_add(*lost, Relaxed);
        }
    }
}

/// The topics that have receivers.
#[derive(Default)]
struct Topics {
    /// Their receivers share one queue, because there may be many of them for each event.
    shared: HashMap<Topic, broadcast::Sender<Arc<Event>>>,
    /// Each of their receivers has its own queue, because there may be such a topic for each user.
    private: HashMap<Topic, Vec<Arc<PrivateQueue>>>,
}

impl InProcessBus {
    /// How many events a receiver may fall behind by default.
    pub const EVENTS_MAX: usize = 4_096;
    /// The same for a topic that concerns one user.
    const USER_EVENTS_MAX: usize = 256;

    /// A bus whose receivers may fall `capacity` events behind before they are told that they lost some.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            topics: Arc::default(),
            counts: Arc::default(),
        }
    }

    fn subscribe_shared(&self, topic: Topic) -> EventStream {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let sender = topics.shared.entry(topic);
        let sender = sender.or_insert_with(|| broadcast::Sender::new(self.capacity));
        let subscription = SharedSubscription {
            receiver: Some(sender.subscribe()),
            topic,
            topics: Arc::downgrade(&self.topics),
            counts: Arc::clone(&self.counts),
        };
        stream::unfold(subscription, async |mut subscription| {
            let delivery = match subscription.receiver.as_mut()?.recv().await {
                Ok(event) => Delivery::Event(event),
                Err(broadcast::error::RecvError::Lagged(lost)) => Delivery::Lagged(lost),
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            subscription.counts.count(&delivery);
            Some((delivery, subscription))
        })
        .boxed()
    }

    fn subscribe_private(&self, topic: Topic) -> EventStream {
        let queue = Arc::<PrivateQueue>::default();
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        topics.private.entry(topic).or_default().push(Arc::clone(&queue));
        let subscription = PrivateSubscription {
            queue,
            topic,
            topics: Arc::downgrade(&self.topics),
            counts: Arc::clone(&self.counts),
        };
        stream::unfold(subscription, async |subscription| {
            let delivery = subscription.queue.receive().await?;
            subscription.counts.count(&delivery);
            Some((delivery, subscription))
        })
        .boxed()
    }
}

impl Bus for InProcessBus {
    fn publish(&self, event: Event) {
        self.counts.published.fetch_add(1, Relaxed);
        let event = Arc::new(event);
        let (mut shared, mut private) = (Vec::new(), Vec::new());
        {
            let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
            Topic::each_of(&event, |topic| {
                shared.extend(topics.shared.get(&topic).cloned());
                private.extend(topics.private.get(&topic).into_iter().flatten().cloned());
            });
        }
        // Without the lock: a receiver that wakes up may need it.
        for sender in shared {
            // Sending fails only if the topic has lost its last receiver, which is fine.
            let _ = sender.send(Arc::clone(&event));
        }
        for queue in private {
            queue.push(Arc::clone(&event), self.capacity.min(Self::USER_EVENTS_MAX));
        }
    }

    fn subscribe_to(&self, topic: Topic) -> EventStream {
        if topic.is_private() {
            self.subscribe_private(topic)
        } else {
            self.subscribe_shared(topic)
        }
    }

    fn counts(&self) -> BusCounts {
        BusCounts {
            published: self.counts.published.load(Relaxed),
            lags: self.counts.lags.load(Relaxed),
            lost: self.counts.lost.load(Relaxed),
        }
    }
}

impl Drop for InProcessBus {
    fn drop(&mut self) {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let ended = std::mem::take(&mut *topics);
        drop(topics);
        ended.private.values().flatten().for_each(|queue| queue.close());
    }
}

/// A receiver of a shared topic. The last one takes the topic with it.
struct SharedSubscription {
    /// Present until this is dropped.
    receiver: Option<broadcast::Receiver<Arc<Event>>>,
    topic: Topic,
    topics: Weak<RwLock<Topics>>,
    counts: Arc<Counts>,
}

impl Drop for SharedSubscription {
    fn drop(&mut self) {
        let Some(topics) = self.topics.upgrade() else { return };
        let mut topics = topics.write().unwrap_or_else(PoisonError::into_inner);
        self.receiver = None;
        let sender = topics.shared.get(&self.topic);
        if sender.is_some_and(|sender| sender.receiver_count() == 0) {
            topics.shared.remove(&self.topic);
        }
    }
}

/// A receiver of a private topic. The last one takes the topic with it.
struct PrivateSubscription {
    queue: Arc<PrivateQueue>,
    topic: Topic,
    topics: Weak<RwLock<Topics>>,
    counts: Arc<Counts>,
}

impl Drop for PrivateSubscription {
    fn drop(&mut self) {
        let Some(topics) = self.topics.upgrade() else { return };
        let mut topics = topics.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(queues) = topics.private.get_mut(&self.topic) {
            queues.retain(|queue| !Arc::ptr_eq(queue, &self.queue));
            if queues.is_empty() {
                topics.private.remove(&self.topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_without_receivers_is_forgotten() {
        let bus = InProcessBus::new(4);
        let topics = || {
            let topics = bus.topics.read().unwrap();
            (topics.shared.len(), topics.private.len())
        };
        let private = [(); 2].map(|()| bus.subscribe_to(Topic::MessagesTo(1)));
        let shared = [(); 2].map(|()| bus.subscribe_to(Topic::Posts));
        assert_eq!(topics(), (1, 1));
        let [(first, second), (third, fourth)] = [private, shared].map(|[first, second]| (first, second));
        drop((first, third));
        assert_eq!(topics(), (1, 1));
        drop((second, fourth));
        assert_eq!(topics(), (0, 0));
    }
}
