//! Messages through their schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod all_messages;
mod inbox;
mod indexes;
mod schema;
mod sending;
mod subscription;
mod support;
