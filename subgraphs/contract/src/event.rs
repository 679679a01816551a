//! What domains tell each other and the router, after the commit.
//!
//! An event is a hint: who receives it reads the database. A receiver that fell behind is told so and reads again.

use std::sync::Arc;

use futures_util::stream::{BoxStream, StreamExt};
use tokio::sync::broadcast;

use crate::Viewer;

/// Who may learn that something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anyone.
    Everyone,
    /// These people, and operators.
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
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Whatever is remembered of an entity is no longer true.
    Invalidated {
        /// The GraphQL type, `Book`.
        typename: &'static str,
        /// The entity's key, as its `@key` field prints it.
        key: String,
        /// Rises with every change of that entity.
        version: i64,
        /// Who may learn of it.
        audience: Audience,
    },
    /// A message was sent.
    MessageSent {
        /// The message.
        id: i64,
        /// Its receiver.
        to: i64,
    },
    /// A post was made.
    PostCreated {
        /// The post.
        id: i64,
        /// What makes its community's name unique (`entities::post::Model::community_key`).
        community: String,
    },
    /// A price fired automated orders: they can be carried out.
    OrdersFired {
        /// The stock.
        stock: i64,
    },
    /// A person's access tokens made until now are void (log-out, password change, deactivation).
    SessionsEnded {
        /// The person.
        user: i64,
        /// The session that ended, or all of them.
        session: Option<i64>,
        /// When, in microseconds since the epoch.
        at_us: i64,
    },
}

/// What a subscriber of the bus receives.
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
    /// Sends to everyone who listens now. Never blocks, never fails: an event is a hint.
    fn publish(&self, event: Event);
    /// Everything published from now on.
    fn subscribe(&self) -> EventStream;
}

/// The bus of the embedded mode.
pub struct InProcessBus(broadcast::Sender<Arc<Event>>);

impl InProcessBus {
    /// A bus whose receivers may fall `capacity` events behind before they are told that they lost some.
    pub fn new(capacity: usize) -> Self {
        Self(broadcast::Sender::new(capacity))
    }
}

impl Bus for InProcessBus {
    fn publish(&self, event: Event) {
        // Nobody listening is no failure.
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
