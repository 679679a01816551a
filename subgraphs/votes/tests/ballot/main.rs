//! Votes through their schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changes;
mod demo;
mod indexes;
mod karma;
mod model;
mod ranking;
mod schema;
mod support;
mod voting;
