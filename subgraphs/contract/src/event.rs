//! Events that domains publish to each other and to the router with their writes ([`Tx::publish`](crate::Tx::publish)).
//!
//! An event is a hint: its receiver reads the database. A receiver that falls behind is told so and reads again.

mod in_process_bus;
mod private_queue;

use std::sync::Arc;

use futures_util::stream::BoxStream;

pub use self::in_process_bus::InProcessBus;

use crate::{EntityType, Viewer};

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
        /// The entity's id, `book_1`.
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
    /// A test of the bus itself, with a number to recognize it by. Nothing else receives it than the one who asks for probes.
    Probe(u64),
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

impl Event {
    /// An [`Invalidated`](Self::Invalidated) of the entity with that number.
    pub fn invalidated(entity: EntityType, number: i64, version: i64, audience: Audience) -> Self {
        Self::Invalidated {
            typename: entity.name(),
            key: entity.text_id(number),
            version,
            audience,
        }
    }
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

/// The events that a subscriber asks for. No other event wakes it, so thousands of subscribers cost nothing while nothing
/// happens that concerns them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// All events.
    Everything,
    /// Every [`Event::Invalidated`].
    Invalidations,
    /// Every [`Event::Invalidated`] of that GraphQL type.
    InvalidationsOf(&'static str),
    /// Every [`Event::Invalidated`] of which every caller may learn.
    PublicInvalidations,
    /// Every [`Event::Invalidated`] of that GraphQL type of which every caller may learn.
    PublicInvalidationsOf(&'static str),
    /// Every [`Event::Invalidated`] of which that user and few others may learn.
    InvalidationsFor(i64),
    /// Every [`Event::MessageSent`] to that user.
    MessagesTo(i64),
    /// Every [`Event::PostCreated`].
    Posts,
    /// Every [`Event::Probe`].
    Probes,
}

impl Topic {
    /// Calls `each` with every topic of an event.
    pub fn each_of(event: &Event, mut each: impl FnMut(Self)) {
        if let Event::Probe(_) = event {
            return each(Self::Probes);
        }
        each(Self::Everything);
        match event {
            Event::Invalidated { typename, audience, .. } => {
                each(Self::Invalidations);
                each(Self::InvalidationsOf(typename));
                match audience {
                    Audience::Everyone => {
                        each(Self::PublicInvalidations);
                        each(Self::PublicInvalidationsOf(typename));
                    }
                    Audience::Users(ids) => {
                        for (place, id) in ids.iter().enumerate() {
                            if !ids[..place].contains(id) {
                                each(Self::InvalidationsFor(*id));
                            }
                        }
                    }
                }
            }
            Event::MessageSent { to, .. } => each(Self::MessagesTo(*to)),
            Event::PostCreated { .. } => each(Self::Posts),
            Event::OrdersTriggered { .. } | Event::SessionsEnded { .. } | Event::Probe(_) => {}
        }
    }

    /// Whether there may be such a topic for each user.
    pub(crate) fn is_private(self) -> bool {
        match self {
            Self::InvalidationsFor(_) | Self::MessagesTo(_) => true,
            Self::Everything
            | Self::Invalidations
            | Self::InvalidationsOf(_)
            | Self::PublicInvalidations
            | Self::PublicInvalidationsOf(_)
            | Self::Posts
            | Self::Probes => false,
        }
    }
}

/// The counts of a bus since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusCounts {
    /// Events that were published.
    pub published: u64,
    /// How often a receiver was so slow that it lost events and has to read again.
    pub lags: u64,
    /// The events that receivers lost.
    pub lost: u64,
}

/// Carries events between domains, router and processes.
pub trait Bus: Send + Sync {
    /// Sends the event to all current subscribers of its topics. It never blocks and never fails: an event is a hint.
    fn publish(&self, event: Event);
    /// Returns every event of that topic that is published from now on.
    fn subscribe_to(&self, topic: Topic) -> EventStream;
    /// Returns every event published from now on.
    fn subscribe(&self) -> EventStream {
        self.subscribe_to(Topic::Everything)
    }
    /// Returns what has been counted. A bus that does not count returns zeros.
    fn counts(&self) -> BusCounts {
        BusCounts::default()
    }
}
