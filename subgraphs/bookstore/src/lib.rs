//! The bookstore: books by topic, and their sale, one copy at a time.

use async_graphql::{MergedObject, MergedSubscription, Schema};
use contract::{Services, federated, federated_sdl, rows};

mod book;
mod changes;
pub mod demo;
mod purchase;
mod user;

/// What can be read.
#[derive(MergedObject, Default)]
pub struct Query(book::BookQuery, purchase::PurchaseQuery, user::UserQuery);

/// What can be changed.
#[derive(MergedObject, Default)]
pub struct Mutation(book::BookMutation, purchase::PurchaseMutation);

/// What can be watched.
#[derive(MergedSubscription, Default)]
pub struct Subscription(changes::BookSubscription);

/// The domain's schema.
pub type BookstoreSchema = Schema<Query, Mutation, Subscription>;

/// The domain, ready to answer.
pub fn schema(services: Services) -> BookstoreSchema {
    federated()
        .data(rows::<entities::book::Entity>(&services.db))
        .data(rows::<entities::book_purchase::Entity>(&services.db))
        .data(services)
        .finish()
}

/// What the supergraph is composed from: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    federated_sdl::<Query, Mutation, Subscription>()
}
