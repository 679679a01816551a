//! The shop's REST routes, row by row of docs/rest-contract/shop.md.

mod access;
mod app;
mod documentation;
mod idempotency;
mod mechanism;
mod order;
mod order_refused;
mod user;
