//! Equal subscriptions share one connection.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::subgraph::SubgraphResponse;
use futures_util::stream::BoxStream;

use super::audience::Audience;
use crate::endpoint::Endpoint;
use crate::headers::SubscriberKey;

/// The subscriptions of one subgraph that further clients may join.
#[derive(Clone, Default)]
pub struct SharedSubscriptions(Arc<Mutex<HashMap<SubscriptionKey, Arc<Audience>>>>);

/// Everything that makes two subscriptions the same.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriptionKey {
    /// The document and the variables, encoded.
    pub body: Bytes,
    /// The callers with the same events.
    pub subscribers: SubscriberKey,
}

impl Hash for SubscriptionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Callers with equal documents are few enough to be compared.
        self.body.hash(state);
    }
}

impl SharedSubscriptions {
    /// Adds a client to an equal subscription, or to a new one, which the caller has to open. Returns the client's responses.
    pub fn join(
        &self,
        key: SubscriptionKey,
        endpoint: &Arc<Endpoint>,
    ) -> (BoxStream<'static, SubgraphResponse>, Option<Membership>) {
        let mut open = self.lock();
        if let Some(audience) = open.get(&key) {
            return (audience.join(endpoint), None);
        }
        let audience = Audience::new();
        open.insert(key.clone(), Arc::clone(&audience));
        let responses = audience.join(endpoint);
        let entry = Some((self.clone(), key));
        (responses, Some(Membership { audience, entry }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SubscriptionKey, Arc<Audience>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clients of a subscription, and where further ones find it. Dropping it lets no further client join.
pub struct Membership {
    /// The clients.
    pub audience: Arc<Audience>,
    /// `None` for a subscription that is not shared.
    entry: Option<(SharedSubscriptions, SubscriptionKey)>,
}

impl Membership {
    /// The subscription of one client. Returns the client's responses too.
    pub fn of_one(endpoint: &Arc<Endpoint>) -> (BoxStream<'static, SubgraphResponse>, Self) {
        let audience = Audience::new();
        let responses = audience.join(endpoint);
        (responses, Self { audience, entry: None })
    }

    /// Lets no further client join.
    pub fn close(&self) {
        if let Some((shared, key)) = &self.entry {
            remove(&mut shared.lock(), key, &self.audience);
        }
    }

    /// Waits until no client is left. No further one joins then.
    pub async fn abandoned(&self) {
        loop {
            self.audience.left().await;
            if self.close_if_empty() {
                return;
            }
        }
    }

    fn close_if_empty(&self) -> bool {
        let Some((shared, key)) = &self.entry else {
            return self.audience.is_empty();
        };
        // Locked first, so that no client joins in between.
        let mut open = shared.lock();
        let is_empty = self.audience.is_empty();
        if is_empty {
            remove(&mut open, key, &self.audience);
        }
        is_empty
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.close();
        self.audience.end();
    }
}

/// Removes a subscription, unless a later one has its key.
fn remove(open: &mut HashMap<SubscriptionKey, Arc<Audience>>, key: &SubscriptionKey, audience: &Arc<Audience>) {
    if open.get(key).is_some_and(|found| Arc::ptr_eq(found, audience)) {
        open.remove(key);
    }
}
