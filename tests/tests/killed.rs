//! Processes that are killed.

mod calls;
mod replayed;
mod replicas;
pub mod server;
