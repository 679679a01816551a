//! The brokerage through its schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod automated;
mod brokered;
mod demo;
mod expiry;
mod holdings;
mod indexes;
mod order;
mod own;
mod portfolio;
mod race;
mod rules;
mod schema;
mod subscription;
mod support;
mod triggering;
mod unknown_values;
mod waiting;
