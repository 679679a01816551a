//! The router: one GraphQL schema over all domains, and every way to talk to it.

pub mod subgraph;
