//! The brokerage through its schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod own;
mod rules;
mod schema;
mod support;
