//! Messages: from one person to another, and nobody else's business.

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, Schema, SchemaBuilder, ValidationMode};
use contract::{ErrorCodes, Services, loader};

mod arrivals;
pub mod demo;
mod message;
mod user;
mod writes;

/// What can be read.
#[derive(MergedObject, Default)]
pub struct Query(message::MessageQuery, user::UserQuery);

/// What can be changed.
#[derive(MergedObject, Default)]
pub struct Mutation(writes::MessageMutation);

/// What can be watched.
#[derive(MergedSubscription, Default)]
pub struct Subscription(arrivals::MessageSubscription);

/// The domain's schema.
pub type MessagesSchema = Schema<Query, Mutation, Subscription>;

/// The domain, ready to answer.
pub fn schema(services: Services) -> MessagesSchema {
    let messages = loader(message::MessageLoader(services.db.clone()));
    let unread = loader(user::UnreadLoader(services.db.clone()));
    builder().data(services).data(messages).data(unread).finish()
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
