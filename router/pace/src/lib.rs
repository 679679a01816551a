//! How tasks share the processors: the time that a task runs before it lets others run, and threads that run after all others.
//!
//! This crate knows no request, no domain and no database.

mod background;
mod budget;

pub use background::{BackgroundThreads, spawn_blocking};
pub use budget::{consume_budget, units_of};
