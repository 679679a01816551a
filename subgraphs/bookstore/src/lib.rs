//! The bookstore: books by topic, sold one copy at a time.

use async_graphql::{MergedObject, MergedSubscription, Schema};
use contract::{Services, federated, federated_sdl, rows};

mod book;
mod changes;
pub mod demo;
mod purchase;
mod user;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(book::BookQuery, purchase::PurchaseQuery, user::UserQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(book::BookMutation, purchase::PurchaseMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(changes::BookSubscription);

/// The schema of the bookstore subgraph.
pub type BookstoreSchema = Schema<Query, Mutation, Subscription>;

/// Builds the executable schema of the bookstore.
pub fn schema(services: Services) -> BookstoreSchema {
    federated()
        .data(rows::<entities::book::Entity>(&services.db))
        .data(rows::<entities::book_purchase::Entity>(&services.db))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    federated_sdl::<Query, Mutation, Subscription>()
}
