//! The exchange through its schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod indexes;
mod listing;
mod price;
mod replica;
mod sample;
mod schema;
mod stocks;
mod subscription;
mod support;
mod trade;
