//! The shop's REST routes, row by row of CONTRACTS section 4.

mod access;
mod counter;
mod documentation;
mod idempotency;
mod mechanism;
mod order;
mod order_refused;
mod user;
