//! Tests that kill processes.

mod calls;
pub mod command;
mod first_start;
mod replayed;
mod replicas;
pub mod server;
mod unwritten;
