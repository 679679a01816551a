//! Wallets through their schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod adjusting;
mod demo;
mod indexes;
mod keys;
mod ledger;
mod lending;
mod moving;
mod paging;
mod reading;
mod schema;
mod support;
