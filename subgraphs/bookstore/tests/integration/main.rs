//! The bookstore through its schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod catalog;
mod paging;
mod purchase;
mod schema;
mod subscription;
mod support;
