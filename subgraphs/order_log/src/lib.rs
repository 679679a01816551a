//! The replicated order service: several replicas with a file each, of which a majority holds every order that was answered.
//!
//! Read from below: [`order`] says what is recorded, `store` keeps it in one SQLite file (openraft's log beside the ledger
//! that comes of it), `network` and `server` carry openraft's messages, [`Replica`] joins the three, [`Catalog`] is where the
//! shares are, `admission` keeps a replica out that lost its file, `trade` moves shares and records orders so that both happen or neither, `settle` ends what a dead replica
//! began, `election` begins elections that can be won, `unheard` ends a lead that leads nobody, `rest` answers the documented routes. [`FrontEnd`] is what stands before
//! them: it knows who leads and asks there.

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
