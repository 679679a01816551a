//! The migrations on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod killed;
mod there_and_back;
