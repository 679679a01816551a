//! The guarantees of the contract, tested on real files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod error_codes;
mod errors;
mod events;
mod idempotency;
mod ids;
mod loader;
mod pagination;
mod support;
mod writes;
