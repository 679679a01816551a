//! The bookstore: books by topic, and their sale, one copy at a time.

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, Schema, SchemaBuilder, ValidationMode};
use contract::{ErrorCodes, Services, loader};

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
    let books = loader(book::BookLoader(services.db.clone()));
    let purchases = loader(purchase::PurchaseLoader(services.db.clone()));
    builder().data(services).data(books).data(purchases).finish()
}

/// What the supergraph is composed from: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    builder().finish().sdl_with_options(
        SDLExportOptions::new()
            .federation()
            .sorted_fields()
            .sorted_arguments()
            .sorted_enum_items()
            .use_space_ident(),
    )
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .extension(ErrorCodes)
        // The router has validated what it sends; to do it again here would cost as much as a small answer.
        .validation_mode(ValidationMode::Fast)
        .enable_federation()
        .enable_subscription_in_federation()
}
