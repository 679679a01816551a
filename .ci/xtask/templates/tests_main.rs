//! The domain `__domain__` through its schema, on a database of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod __entity__;
mod schema;
