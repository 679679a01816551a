//! Tests of the REST routes through the router.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod access;
mod app;
mod bazaar;
mod bookstore;
mod brokerage;
mod community;
mod documentation;
mod failures;
mod generated_clients;
#[path = "../graph_client.rs"]
mod graph_client;
mod idempotency;
mod lists;
mod open_accounts;
mod shop;
mod tables;
