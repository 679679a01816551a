//! The tables, and the rules that must hold inside one transaction.
//!
//! Functions here take `&impl ConnectionTrait`, so that a write that spans domains is one transaction. What must
//! never be broken by two callers at once is a single guarded statement whose row count decides.

pub mod authorization;
pub mod book;
pub mod book_purchase;
pub mod brokerage_order;
pub mod cover;
pub mod exchange_order;
pub mod expiry;
pub mod failed;
pub mod hold;
pub mod holding;
pub mod idempotency;
pub mod ledger;
pub mod ledger_entry;
pub mod ledger_movement;
pub mod lending;
pub mod message;
pub mod session;
pub mod side;
mod sql;
pub mod stock;
pub mod user;
pub mod wallet;
