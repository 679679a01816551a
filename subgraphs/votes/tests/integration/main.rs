//! Votes through their schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod demo;
mod indexes;
mod karma;
mod model;
mod ranking;
mod schema;
mod subscription;
mod support;
mod voting;
