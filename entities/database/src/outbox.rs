//! The events of the open transaction, which are published after its commit.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The events of the open transaction, in the order in which its writes published them.
///
/// A rollback to a savepoint also undoes the events since that savepoint. A transaction changes a bounded number of rows,
/// and has at most a few events for each of them.
pub(crate) struct Outbox<E>(Mutex<Vec<E>>);

impl<E> Default for Outbox<E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// A position in the outbox: the number of events before a savepoint.
#[derive(Clone, Copy)]
pub(crate) struct OutboxMark(usize);

impl OutboxMark {
    /// The position before the first event of the transaction.
    pub(crate) const START: Self = Self(0);
}

impl<E> Outbox<E> {
    pub(crate) fn push(&self, event: E) {
        self.events().push(event);
    }

    pub(crate) fn mark(&self) -> OutboxMark {
        OutboxMark(self.events().len())
    }

    /// Drops the events since that mark.
    pub(crate) fn truncate(&self, mark: OutboxMark) {
        self.events().truncate(mark.0);
    }

    /// Takes all events.
    pub(crate) fn take(&self) -> Vec<E> {
        std::mem::take(&mut self.events())
    }

    fn events(&self) -> MutexGuard<'_, Vec<E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
