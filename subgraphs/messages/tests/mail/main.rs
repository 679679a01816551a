//! Messages through their schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod arrivals;
mod everybody;
mod inbox;
mod indexes;
mod schema;
mod sending;
mod support;
