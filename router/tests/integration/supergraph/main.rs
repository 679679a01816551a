//! Tests of the supergraph through its public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cache;
mod canonical;
mod conformance;
mod documents;
mod domains;
mod everything;
mod failures;
#[path = "../graph_client.rs"]
mod graph_client;
mod ids;
mod language;
mod long_operations;
mod market;
mod nodes;
mod operations;
mod paths;
mod planner;
mod planning;
mod plans;
mod preparation;
mod request_errors;
mod schema;
mod subscriptions;
mod tables;
mod total_count;
mod world;
