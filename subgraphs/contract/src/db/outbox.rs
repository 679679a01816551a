//! The events of the open transaction, which are published after its commit.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Event;

/// The events of the open transaction, in the order in which its writes published them.
///
/// A rollback to a savepoint also undoes the events since that savepoint. A transaction changes a bounded number of rows,
/// and has at most a few events for each of them.
#[derive(Default)]
pub(super) struct Outbox(Mutex<Vec<Event>>);

/// A position in the outbox: the number of events before a savepoint.
#[derive(Clone, Copy)]
pub(super) struct OutboxMark(usize);

impl OutboxMark {
    /// The position before the first event of the transaction.
    pub(super) const START: Self = Self(0);
}

impl Outbox {
    pub(super) fn push(&self, event: Event) {
        self.events().push(event);
    }

    pub(super) fn mark(&self) -> OutboxMark {
        OutboxMark(self.events().len())
    }

    /// Drops the events since that mark.
    pub(super) fn truncate(&self, mark: OutboxMark) {
        self.events().truncate(mark.0);
    }

    /// Takes all events.
    pub(super) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.events())
    }

    fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
