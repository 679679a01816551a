//! Wallets: people's money by currency, and the ledger of all its transactions.

use std::sync::Arc;

use async_graphql::{EmptySubscription, MergedObject};
use contract::{DomainSchema, Services, batch_loader, row_loader, subgraph_builder, subgraph_sdl};

mod adjustment;
pub mod demo;
mod hold;
mod settings;
mod stub;
mod transaction;
mod transfer;
mod user;
mod wallet;

pub use settings::{Currencies, Settings, SettingsFlags};

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(
    wallet::WalletQuery,
    hold::HoldQuery,
    transaction::TransactionQuery,
    user::UserQuery,
);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(transfer::TransferMutation, adjustment::AdjustmentMutation);

/// Builds the domain's executable schema with the default [`Settings`].
pub fn schema(services: Services) -> DomainSchema {
    schema_with(services, Settings::default())
}

/// Builds the domain's executable schema.
pub fn schema_with(services: Services, settings: Settings) -> DomainSchema {
    subgraph_builder::<Query, Mutation, EmptySubscription>()
        .expire_overdue_first()
        .data(row_loader::<entities::wallet::Entity>(&services.db))
        .data(row_loader::<entities::hold::Entity>(&services.db))
        .data(row_loader::<entities::ledger_entry::Entity>(&services.db))
        .data(row_loader::<entities::ledger_transaction::Entity>(&services.db))
        .data(batch_loader(user::WalletsByOwner(services.db.clone())))
        .data(Arc::new(settings))
        .data(services)
        .finish()
}

/// Returns the SDL that the supergraph is composed from: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, Mutation, EmptySubscription>()
}
