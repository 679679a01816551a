//! Wallets: people's money by currency, and the ledger of all its movements.

use std::sync::Arc;

use async_graphql::{EmptySubscription, MergedObject, Schema};
use contract::{Services, SettleDue, federated, federated_sdl, loader, rows};

mod adjustment;
pub mod demo;
mod hold;
mod own;
mod settings;
mod stub;
mod transaction;
mod user;
mod wallet;
mod word;

pub use settings::{Currencies, Settings, SettingsFlags};

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(wallet::WalletQuery, transaction::TransactionQuery, user::UserQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(own::OwnMutation, adjustment::AdjustmentMutation);

/// The domain's schema.
pub type WalletSchema = Schema<Query, Mutation, EmptySubscription>;

/// Builds the domain's executable schema with the default [`Settings`].
pub fn schema(services: Services) -> WalletSchema {
    schema_with(services, Settings::default())
}

/// Builds the domain's executable schema.
pub fn schema_with(services: Services, settings: Settings) -> WalletSchema {
    federated()
        .extension(SettleDue)
        .data(rows::<entities::wallet::Entity>(&services.db))
        .data(rows::<entities::ledger_entry::Entity>(&services.db))
        .data(rows::<entities::ledger_movement::Entity>(&services.db))
        .data(loader(user::ByOwner(services.db.clone())))
        .data(Arc::new(settings))
        .data(services)
        .finish()
}

/// Returns the SDL that the supergraph is composed from: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    federated_sdl::<Query, Mutation, EmptySubscription>()
}
