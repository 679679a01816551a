//! GraphQL over the wire, through the router, before a small graph.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so by failing")]

mod batches;
mod documents;
mod exposed_traces;
mod metrics;
mod over_http;
mod pages;
mod readiness;
mod sessions;
mod socket;
mod streams;
mod subgraph;
mod test_server;
