//! Events that domains publish to each other and to the router with their writes ([`Tx::publish`](crate::Tx::publish)).
//!
//! An event is a hint: its receiver reads the database. A receiver that falls behind is told so and reads again.

use std::sync::Arc;

use futures_util::stream::{BoxStream, StreamExt};
use tokio::sync::broadcast;

use crate::Viewer;

/// The viewers who may learn of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every caller.
    Everyone,
    /// These users, and operators.
    Users(Vec<i64>),
}

impl Audience {
    /// Whether that viewer belongs to it.
    pub fn includes(&self, viewer: &Viewer) -> bool {
        match (self, viewer) {
            (Self::Everyone, _) => true,
            (Self::Users(ids), Viewer::User { id, admin, .. }) => *admin || ids.contains(id),
            (Self::Users(_), viewer) => viewer.is_operator(),
        }
    }

    /// Whether that user belongs to it, without regard to the rights of operators.
    pub fn concerns(&self, user: i64) -> bool {
        match self {
            Self::Everyone => true,
            Self::Users(ids) => ids.contains(&user),
        }
    }
}

/// An event about a committed change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Cached data of an entity is no longer valid.
    Invalidated {
        /// The GraphQL type, `Book`.
        typename: &'static str,
        /// The entity's key, as its `@key` field prints it.
        key: String,
        /// Rises with every change of that entity.
        version: i64,
        /// The viewers who may learn of it.
        audience: Audience,
    },
    /// A message was sent.
    MessageSent {
        /// The message.
        id: i64,
        /// Its receiver.
        to: i64,
    },
    /// A post was added.
    PostCreated {
        /// The post.
        id: i64,
        /// The case-insensitive key of its community (`entities::post::Model::community_key`).
        community: String,
    },
    /// A price triggered automated orders: they can be executed.
    OrdersTriggered {
        /// The stock.
        stock: i64,
    },
    /// A user's access tokens issued until now are void (log-out, password change, deactivation).
    SessionsEnded {
        /// The user.
        user: i64,
        /// The session that ended, or all of them.
        session: Option<i64>,
        /// The time, in microseconds since the epoch.
        at_us: i64,
    },
}

/// An item that a subscriber of the bus receives.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// The next event.
    Event(Arc<Event>),
    /// That many events were lost because the receiver was too slow: read again.
    Lagged(u64),
}

/// Events from now on; ends when the bus ends.
pub type EventStream = BoxStream<'static, Delivery>;

/// Carries events between domains, router and processes.
pub trait Bus: Send + Sync {
    /// Sends the event to all current subscribers. It never blocks and never fails: an event is a hint.
    fn publish(&self, event: Event);
    /// Returns every event published from now on.
    fn subscribe(&self) -> EventStream;
}

/// The bus of the embedded mode.
pub struct InProcessBus(broadcast::Sender<Arc<Event>>);

impl InProcessBus {
    /// How many events a receiver may fall behind by default.
    pub const EVENTS_MAX: usize = 4_096;

    /// A bus whose receivers may fall `capacity` events behind before they are told that they lost some.
    pub fn new(capacity: usize) -> Self {
        Self(broadcast::Sender::new(capacity))
    }
}

impl Bus for InProcessBus {
    fn publish(&self, event: Event) {
        // A bus without subscribers is no failure.
        let _ = self.0.send(Arc::new(event));
    }

    fn subscribe(&self) -> EventStream {
        futures_util::stream::unfold(self.0.subscribe(), |mut receiver| async move {
            let delivery = match receiver.recv().await {
                Ok(event) => Delivery::Event(event),
                Err(broadcast::error::RecvError::Lagged(lost)) => Delivery::Lagged(lost),
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            Some((delivery, receiver))
        })
        .boxed()
    }
}
