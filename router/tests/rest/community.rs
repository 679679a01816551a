//! The community's REST routes, row by row of CONTRACTS section 5.

mod access;
mod documentation;
mod idempotency;
mod mechanism;
mod message;
mod post;
mod square;
mod user;
mod vote;
