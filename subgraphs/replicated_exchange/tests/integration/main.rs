//! The exchange over replicas in this process, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../order_log/tests/integration/catalog_contract.rs"]
mod catalog_contract;
mod replicated_log;
mod stock_catalog;
