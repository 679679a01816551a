//! Posts through their schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod creating;
mod indexes;
mod lists;
mod sample;
mod schema;
mod subscription;
mod support;
