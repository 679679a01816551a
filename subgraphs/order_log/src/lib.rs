//! The replicated order service: several replicas with a file each. A majority of them holds every order that was
//! acknowledged.
//!
//! The modules, from the bottom up:
//!
//! - [`order`] defines what the log records.
//! - `store` keeps it in one SQLite file: openraft's log beside the ledger that results from it.
//! - `network` and `server` carry openraft's messages.
//! - [`Replica`] joins these three.
//! - [`Catalog`] is the interface to the shares.
//! - `admission` keeps out a replica that lost its file.
//! - `trade` moves shares and records orders so that both happen or neither.
//! - `settle` resolves the reservations that a dead replica left open.
//! - `election` starts elections as soon as they can be won.
//! - `unheard` makes a leader step down that no majority follows.
//! - `rest` serves the documented routes.
//! - [`FrontEnd`] is the client of the replicas: it knows the leader and sends requests to it.

mod admission;
mod batch;
mod catalog;
mod credentials;
mod election;
mod front_end;
mod leader;
mod network;
pub mod order;
mod replica;
mod rest;
mod server;
mod settings;
mod settle;
mod store;
mod trade;
mod unheard;

pub use catalog::{Catalog, CatalogError, CatalogResult, HttpCatalog, Reservation, SqliteCatalog, catalog_routes};
pub use credentials::{Credentials, SharedSecret};
pub use front_end::FrontEnd;
pub use order::ReplicaId;
pub use replica::{Error, OpenError, Place, Replica, Status, Surroundings};
pub use rest::Access;
pub use settings::Settings;
pub use store::StoreError;
pub use trade::{TradeError, Wanted};
