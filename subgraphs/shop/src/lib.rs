//! The shop: products, and orders that reserve their quantity until they are deleted.

use async_graphql::{MergedObject, MergedSubscription};
use contract::{DomainSchema, Services, row_loader, subgraph_builder, subgraph_sdl};

pub mod demo;
mod order;
mod order_mutation;
mod product;
mod subscription;
mod user;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(product::ProductQuery, order::ShopOrderQuery, user::UserQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(product::ProductMutation, order_mutation::ShopOrderMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(subscription::ProductSubscription);

/// Builds the executable schema of the shop.
pub fn schema(services: Services) -> DomainSchema {
    subgraph_builder::<Query, Mutation, Subscription>()
        .data(row_loader::<entities::product::Entity>(&services.db))
        .data(row_loader::<entities::shop_order::Entity>(&services.db))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, Mutation, Subscription>()
}
