//! Accounts through its schema, on real SQLite files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod administrators;
mod create_user;
mod grant;
mod guessing;
mod leaving;
mod lending;
mod lending_access;
mod names;
mod people;
mod profile;
mod register;
mod revoke;
mod schema;
mod setup;
mod sign_in;
mod support;
mod update_user;
