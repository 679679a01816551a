//! The exchange through its schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod catalog;
#[path = "../../../order_log/tests/catalog_contract.rs"]
mod catalog_contract;
mod changes;
mod indexes;
mod listing;
mod price;
mod replica;
mod replicated;
mod sample;
mod schema;
mod stocks;
mod support;
mod trade;
