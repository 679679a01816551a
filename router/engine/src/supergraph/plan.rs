//! Compiles a valid operation to a plan in the gateway's own form, so that as little as possible is computed per
//! request.
//!
//! The planner is a library (`hive-router-query-planner`); only this folder depends on it. [`check`] proves each plan
//! right before it is used.

mod cacheable;
mod check;
mod compile;
mod document;
pub mod model;
pub mod planner;
mod planning_cost;
mod projection_plan;
mod serial;
pub mod text;
