//! The bookstore: books by topic, sold one copy at a time.

use async_graphql::{MergedObject, MergedSubscription};
use contract::{DomainSchema, Services, row_loader, subgraph_builder, subgraph_sdl};

mod book;
pub mod demo;
mod purchase;
mod subscription;
mod user;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(book::BookQuery, purchase::PurchaseQuery, user::UserQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(book::BookMutation, purchase::PurchaseMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(subscription::BookSubscription);

/// Builds the executable schema of the bookstore.
pub fn schema(services: Services) -> DomainSchema {
    subgraph_builder::<Query, Mutation, Subscription>()
        .data(row_loader::<entities::book::Entity>(&services.db))
        .data(row_loader::<entities::book_purchase::Entity>(&services.db))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, Mutation, Subscription>()
}
