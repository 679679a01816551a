//! Metrics for Prometheus (docs/METRICS.md): what the parts of the server have counted, read for each scrape.
//!
//! A request only adds to a few sharded counters (`request_meters.rs`). All other figures are those that the parts keep anyway, so
//! that nothing is counted twice. Every label is a name out of this program or its settings, never a client's text.

mod catalogue;
mod collect;
mod exposition;
mod order_replicas;
mod process;
mod route;

pub use catalogue::{METRICS, Metric, MetricKind, markdown};
pub use collect::{Collector, Sources};
pub(crate) use route::respond;
pub use route::router;
