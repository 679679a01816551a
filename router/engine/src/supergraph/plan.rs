//! Plans a valid operation, in a form for which as little as possible is computed per request.
//!
//! [`join_graph`] knows the fields that each subgraph resolves, and the keys that lead from one subgraph to another.
//! [`best_plan`] assigns each field to a subgraph. [`fetch_graph`] turns the assignment into fetches with the keys and
//! required fields that they need, and [`steps`] writes their documents and the order in which they run. [`check`] proves each plan
//! right before it is used.

mod best_plan;
mod cacheable;
mod check;
mod document;
mod executable;
mod fetch_graph;
mod join_graph;
pub mod json;
pub mod model;
mod operation_key;
pub mod planner;
mod planning_cost;
mod projection_plan;
mod response_shapes;
mod selections;
mod serial;
mod stages;
mod steps;
pub mod text;
mod work;
