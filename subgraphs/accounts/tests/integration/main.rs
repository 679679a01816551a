//! Accounts through its schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod account_closure;
mod administrators;
mod create_user;
mod grant;
mod lending_access;
mod lending_support;
mod names;
mod people;
mod profile;
mod register;
mod revoke;
mod schema;
mod setup;
mod sign_in;
mod support;
mod throttling;
mod update_user;
