//! The community's REST routes, row by row of docs/rest-contract/community.md.

mod access;
mod app;
mod documentation;
mod idempotency;
mod mechanism;
mod message;
mod post;
mod user;
mod vote;
