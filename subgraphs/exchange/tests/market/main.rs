//! The exchange through its schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod schema;
