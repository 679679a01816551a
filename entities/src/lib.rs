//! The tables, and the rules that must hold inside one transaction.
//!
//! Functions here take `&impl ConnectionTrait`, so that a write that spans domains is one transaction. What must
//! never be broken by two callers at once is a single guarded statement whose row count decides.

pub mod book;
pub mod book_purchase;
pub mod idempotency;
pub mod message;
pub mod session;
pub mod user;
