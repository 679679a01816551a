//! The brokerage: holdings of shares, orders that buy and sell them at the exchange, and automated orders that wait for
//! their price.

use async_graphql::{MergedObject, MergedSubscription};
use contract::{DomainSchema, Services, batch_loader, row_loader, subgraph_builder, subgraph_sdl};

mod authorization;
mod automated_order;
mod cancel;
pub mod demo;
mod exchange_order;
mod holding;
mod market_order;
mod order;
mod order_context;
mod place;
mod portfolio;
mod settings;
mod stock;
mod subscription;
mod triggered_orders;
mod user;

pub use settings::{Settings, SettingsFlags};
pub use triggered_orders::{execute_ready, execute_triggered};

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
pub struct Subscription(subscription::OrderSubscription);

/// Builds the domain's executable schema with the default [`Settings`].
pub fn schema(services: Services) -> DomainSchema {
    schema_with(services, Settings::default())
}

/// Builds the domain's executable schema.
pub fn schema_with(services: Services, settings: Settings) -> DomainSchema {
    subgraph_builder::<Query, Mutation, Subscription>()
        .expire_overdue_first()
        .data(row_loader::<entities::holding::Entity>(&services.db))
        .data(row_loader::<entities::brokerage_order::Entity>(&services.db))
        .data(row_loader::<entities::stock::Entity>(&services.db))
        .data(batch_loader(stock::OwnHoldings(services.db.clone())))
        .data(batch_loader(portfolio::PortfolioValue(services.db.clone())))
        .data(settings)
        .data(services)
        .finish()
}

/// Returns the SDL that the supergraph is composed from: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, Mutation, Subscription>()
}
