//! Tests that kill processes.

pub mod calls;
pub mod command;
mod first_start;
mod replayed;
pub mod replicas;
pub mod server;
mod unwritten;
