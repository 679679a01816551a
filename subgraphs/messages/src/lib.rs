//! Messages from one user to another. Only the two of them and operators may read a message.

use async_graphql::{MergedObject, MergedSubscription};
use contract::{DomainSchema, Services, batch_loader, subgraph_builder, subgraph_sdl, text_row_loader};

pub mod demo;
mod message;
mod mutation;
mod subscription;
mod user;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(message::MessageQuery, user::UserQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(mutation::MessageMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(subscription::MessageSubscription);

/// Builds the executable schema of the messages.
pub fn schema(services: Services) -> DomainSchema {
    subgraph_builder::<Query, Mutation, Subscription>()
        .data(text_row_loader::<entities::message::Entity>(&services.db))
        .data(batch_loader(message::MessageWithoutContentsLoader(services.db.clone())))
        .data(batch_loader(user::UnreadCountLoader(services.db.clone())))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, Mutation, Subscription>()
}
