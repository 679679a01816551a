//! The exchange through its schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod catalog;
mod changes;
mod indexes;
mod listing;
mod price;
#[path = "../../../order_log/tests/promises.rs"]
mod promises;
mod replica;
mod replicated;
mod sample;
mod schema;
mod stocks;
mod support;
mod trade;
