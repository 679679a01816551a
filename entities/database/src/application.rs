//! The application that a database belongs to.

use sea_orm::DbErr;

use crate::Error;

/// The types that an application gives its database, so that a write can publish events and return errors of the
/// application.
pub trait Application: 'static {
    /// An event that a write publishes with its commit ([`Tx::publish`](crate::Tx::publish)).
    type Event: Send + 'static;
    /// The receiver of these events.
    type EventSink: ?Sized + Send + Sync + 'static;
    /// The error of a write.
    type Error: From<Error> + Send + 'static;

    /// Passes the event of a committed write to its receiver. It must not block: the write thread calls it before it
    /// answers the write.
    fn publish(sink: &Self::EventSink, event: Self::Event);

    /// Returns the failure of the database that an error passes on, if it is one.
    fn database_failure(error: &Self::Error) -> Option<&DbErr>;
}
