//! The guarantees of the contract, tested on real files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod error_codes;
mod events;
mod group_commit;
mod idempotency;
mod kill;
mod outbox;
mod pagination;
mod read_write;
mod storage;
mod support;
mod tx;
