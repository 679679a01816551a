//! One transaction for the statements that a task executes in one poll.
//!
//! SQLite begins and ends a transaction for each statement, which costs as much as a short statement itself, and calls the
//! operating system for a lock. A task that answers a request executes many statements one after the other: from the second
//! one on, they share a transaction. It ends with the poll, so none outlives a wait, and the log can always be moved. It also
//! ends when a write was committed, so a statement sees every write that was answered before it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rusqlite::Connection;

use super::pool::{Lease, Pool};
use crate::statement::run_control;

thread_local! {
    /// The poll that runs on this thread.
    static POLL: RefCell<Poll> = const { RefCell::new(Poll::Other) };
}

enum Poll {
    /// None that shares transactions.
    Other,
    /// One that shares transactions, with its connection after its first statement.
    Sharing(Option<PollSession>),
}

/// Lets the statements of a task share transactions: those that it executes in one poll of `work`. Each of them still sees
/// every write that was answered before it.
pub fn share_transactions<F: Future + Unpin>(mut work: F) -> impl Future<Output = F::Output> {
    poll_fn(move |cx| {
        let _end = PollEnd::of_outermost();
        work.poll_unpin(cx)
    })
}

/// Ends the session of a poll, also when it panics.
struct PollEnd;

impl PollEnd {
    /// Begins to share, unless a poll around this one does so already.
    fn of_outermost() -> Option<Self> {
        POLL.with_borrow_mut(|poll| match poll {
            Poll::Sharing(_) => None,
            Poll::Other => {
                *poll = Poll::Sharing(None);
                Some(Self)
            }
        })
    }
}

impl Drop for PollEnd {
    fn drop(&mut self) {
        drop(POLL.replace(Poll::Other));
    }
}

/// A connection with the statements of one poll.
pub(super) struct PollSession {
    lease: Lease,
    transaction: Transaction,
}

/// The transaction of the next statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    /// One of its own: it is the first statement, which may stay the only one.
    Own,
    /// One that later statements share.
    New,
    /// That of the last statement. So many commits were counted before it began.
    Open { commits: u64 },
}

impl PollSession {
    pub fn new(lease: Lease) -> Self {
        Self {
            lease,
            transaction: Transaction::Own,
        }
    }

    /// Takes the session of the poll that runs on this thread, if it has one of that pool.
    pub fn take(pool: &Arc<Pool>) -> Option<Self> {
        POLL.with_borrow_mut(|poll| match poll {
            Poll::Sharing(session) => session.take_if(|session| session.lease.is_of(pool)),
            Poll::Other => None,
        })
    }

    /// Keeps the session for the next statement of this thread's poll. The session ends instead if no poll shares transactions
    /// here, or if other tasks need its connection.
    pub fn keep(self) {
        if !self.is_reusable() {
            return;
        }
        let ended = POLL.with_borrow_mut(|poll| match poll {
            Poll::Sharing(session) => session.replace(self),
            Poll::Other => Some(self),
        });
        drop(ended);
    }

    /// Whether others find a connection too, and the last statement has neither begun nor ended a transaction itself.
    fn is_reusable(&self) -> bool {
        let is_open = matches!(self.transaction, Transaction::Open { .. });
        self.lease.is_spare() && self.lease.is_in_transaction() == is_open
    }

    /// Runs a statement; SQLite stops it after that time. `commits` is the number of commits before it.
    pub fn run<T>(
        &mut self,
        time: Duration,
        commits: u64,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let transaction = &mut self.transaction;
        self.lease.run_within(time, |connection| {
            match *transaction {
                Transaction::Own => {
                    *transaction = Transaction::New;
                    return work(connection);
                }
                Transaction::Open { commits: known } if known == commits => return work(connection),
                Transaction::Open { .. } => run_control(connection, "COMMIT")?,
                Transaction::New => {}
            }
            // It begins with the next statement, so behind the commits that were counted.
            run_control(connection, "BEGIN")?;
            *transaction = Transaction::Open { commits };
            work(connection)
        })
    }
}
