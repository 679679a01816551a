//! Rules for the entities' source.

mod types;
