//! The exchange over replicas: this crate connects its tables with the replicated order log.
//!
//! - [`ReplicatedLog`] gives the exchange's trades their numbers: it is the `OrderLog` of the domains.
//! - [`StockCatalog`] is the catalog of the replicas: they reserve shares in the table of stocks for the trades that they
//!   execute themselves.
//!
//! The domain `exchange` depends on neither, so that it builds without a consensus library and an HTTP client.

mod replicated_log;
mod stock_catalog;

pub use replicated_log::ReplicatedLog;
pub use stock_catalog::StockCatalog;
