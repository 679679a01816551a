//! The tables, and the rules that must hold inside one transaction.
//!
//! Functions here take `&impl DbConnection`, so that a write that spans domains is one transaction. An invariant
//! that two concurrent callers could break is kept by a single guarded statement, whose row count decides.

pub mod account_closure;
pub mod adjustment;
pub mod authority;
pub mod authorization;
pub mod blocked;
pub mod book;
pub mod book_purchase;
pub mod brokerage_order;
pub mod case_fold;
pub mod community;
pub mod error;
pub mod exchange_order;
pub mod expiry;
pub mod fee_terms;
pub mod hold;
pub mod holding;
pub mod idempotency;
mod keys;
pub mod ledger;
pub mod ledger_entry;
pub mod ledger_transaction;
pub mod lending;
mod list_query;
pub mod lookalike;
pub mod message;
pub mod order_reserve;
pub mod post;
pub mod post_votes;
pub mod product;
pub mod reservation;
pub mod role;
pub mod session;
pub mod shop_order;
pub mod side;
pub mod sign_in_address;
mod sql;
pub mod stock;
mod text_enum;
pub mod user;
pub mod user_change;
pub mod vote;
pub mod voting;
pub mod wallet;

pub use keys::{KeyedQuery, is_among};
pub use list_query::{ListQuery, ListedRows};

use sea_orm::{DbErr, RuntimeErr};

/// Whether the error says that a row with the same key, or the same value in a unique column, exists already.
///
/// Use it instead of [`DbErr::sql_err`], which knows only the errors of connections that SeaORM opened itself.
pub fn is_unique_violation(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = error else {
        return false;
    };
    cause
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation())
}
