//! The brokerage's REST routes, row by row of CONTRACTS section 2.

mod access;
mod authorization;
mod automated;
mod documentation;
mod floor;
mod idempotency;
mod mechanism;
mod order;
mod person;
mod stock;
mod wallet;
