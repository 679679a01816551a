//! The database of Agora: the one whose writes publish [`Event`]s and fail with [`Error`]s.

use database::Application;
use sea_orm::DbErr;

use crate::{Bus, Error, Event, Invalidates};

/// The types that Agora gives its database.
pub enum Agora {}

impl Application for Agora {
    type Event = Event;
    type EventSink = dyn Bus;
    type Error = Error;

    fn publish(bus: &dyn Bus, event: Event) {
        bus.publish(event);
    }

    fn database_failure(error: &Error) -> Option<&DbErr> {
        match error {
            Error::Database(failure) => Some(failure),
            _ => None,
        }
    }
}

/// The database: cheap to clone.
pub type Db = database::Db<Agora>;

/// The transaction of a write.
pub type Tx = database::Tx<Agora>;

/// Publishes the events of changes, inside of a write.
pub trait TxExt {
    /// Publishes the events of a change, as [`Tx::publish`](database::Tx::publish) does.
    fn invalidate(&self, change: &(impl Invalidates + ?Sized));
}

impl TxExt for Tx {
    fn invalidate(&self, change: &(impl Invalidates + ?Sized)) {
        change.events().into_iter().for_each(|event| self.publish(event));
    }
}
