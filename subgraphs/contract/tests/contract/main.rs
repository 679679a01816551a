//! The guarantees of the contract, tested on real files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod doors;
mod events;
mod groups;
mod kill;
mod lists;
mod once;
mod storage;
mod support;
mod tx;
