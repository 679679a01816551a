//! The brokerage: holdings of shares, orders that buy and sell them at the exchange, and automated orders that wait for
//! their price.

use async_graphql::{MergedObject, MergedSubscription, Schema};
use contract::{Services, SettleDue, federated, federated_sdl, loader, rows};

mod at_once;
mod authorization;
mod automated;
mod cancel;
mod changes;
pub mod demo;
mod exchange_order;
mod firing;
mod holding;
mod order;
mod place;
mod portfolio;
mod settings;
mod stock;
mod user;

pub use firing::{carry_out_fired, carry_out_now};
pub use settings::{Settings, SettingsFlags};

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(
    holding::HoldingQuery,
    order::OrderQuery,
    stock::StockQuery,
    user::UserQuery,
);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(place::PlaceMutation, cancel::CancelMutation, holding::HoldingMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(changes::OrderSubscription);

/// The domain's schema.
pub type BrokerageSchema = Schema<Query, Mutation, Subscription>;

/// Builds the domain's executable schema with the default [`Settings`].
pub fn schema(services: Services) -> BrokerageSchema {
    schema_with(services, Settings::default())
}

/// Builds the domain's executable schema.
pub fn schema_with(services: Services, settings: Settings) -> BrokerageSchema {
    federated()
        .extension(SettleDue)
        .data(rows::<entities::holding::Entity>(&services.db))
        .data(rows::<entities::brokerage_order::Entity>(&services.db))
        .data(rows::<entities::stock::Entity>(&services.db))
        .data(loader(stock::OwnHoldings(services.db.clone())))
        .data(loader(portfolio::PortfolioValue(services.db.clone())))
        .data(settings)
        .data(services)
        .finish()
}

/// Returns the SDL that the supergraph is composed from: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    federated_sdl::<Query, Mutation, Subscription>()
}
