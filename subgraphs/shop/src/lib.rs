//! The shop: products, and orders that reserve their quantity until they are deleted.

use async_graphql::{MergedObject, MergedSubscription, Schema};
use contract::{Services, federated, federated_sdl, rows};

mod changes;
pub mod demo;
mod order;
mod place;
mod product;
mod user;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(product::ProductQuery, order::OrderQuery, user::UserQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(product::ProductMutation, place::OrderMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(changes::ProductSubscription);

/// The schema of the shop subgraph.
pub type ShopSchema = Schema<Query, Mutation, Subscription>;

/// Builds the executable schema of the shop.
pub fn schema(services: Services) -> ShopSchema {
    federated()
        .data(rows::<entities::product::Entity>(&services.db))
        .data(rows::<entities::shop_order::Entity>(&services.db))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    federated_sdl::<Query, Mutation, Subscription>()
}
