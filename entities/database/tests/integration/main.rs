//! The guarantees of the database, tested on real files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod group_commit;
mod kill;
mod outbox;
mod read_write;
mod reads;
mod shared_transactions;
mod snapshots;
mod storage;
mod support;
mod tx;
