//! The brokerage's REST routes, row by row of docs/rest-contract/brokerage.md.

mod access;
mod app;
mod authorization;
mod automated;
mod documentation;
mod idempotency;
mod mechanism;
mod order;
mod person;
mod stock;
mod wallet;
