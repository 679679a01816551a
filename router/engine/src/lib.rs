//! Serves several GraphQL services as one graph: the interface of a service, the supergraph, and its cache.
//!
//! Nothing here knows a domain, an entity or a database: this crate depends on none of them.

pub mod cache;
pub mod execution_trace;
pub mod limits;
pub mod subgraph;
pub mod supergraph;
pub mod tape;
