//! Posts through their schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod arrivals;
mod indexes;
mod lists;
mod making;
mod sample;
mod schema;
mod support;
