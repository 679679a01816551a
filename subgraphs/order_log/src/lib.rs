//! The replicated order service: several replicas with a file each. A majority of them holds every order that was
//! acknowledged.
//!
//! The modules, from the bottom up:
//!
//! - [`command`] defines what the log records.
//! - `store` keeps it in one SQLite file: openraft's log beside the ledger that results from it.
//! - `network` and `server` carry openraft's messages.
//! - [`Replica`] joins these three.
//! - [`Catalog`] is the interface to the shares.
//! - `admission` keeps out a replica that lost its file.
//! - `trade` moves shares and records trades so that both happen or neither.
//! - `resolve_orphans` resolves the reservations that a dead replica left open.
//! - `election` starts elections as soon as they can be won.
//! - `check_quorum` makes a leader step down that no majority follows.
//! - `rest` serves the documented routes.
//! - [`FrontEnd`] is the client of the replicas: it knows the leader and sends requests to it.

mod admission;
mod batch;
mod catalog;
mod check_quorum;
pub mod command;
mod credentials;
mod election;
mod front_end;
mod leader;
mod network;
mod replica;
mod resolve_orphans;
mod rest;
mod server;
mod settings;
mod store;
mod trade;

pub use catalog::{Catalog, CatalogError, CatalogResult, HttpCatalog, Reservation, catalog_routes};
pub use command::ReplicaId;
pub use credentials::{Credentials, SharedSecret};
pub use front_end::FrontEnd;
pub use replica::{Dependencies, Error, NodeConfig, NodeStatus, Replica, SetupError};
pub use rest::ClientAccess;
pub use settings::OrderLogSettings;
pub use store::StoreError;
pub use trade::{TradeError, TradeRequest};
