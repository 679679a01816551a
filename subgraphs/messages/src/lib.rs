//! Messages from one user to another. Only the two of them and operators may read a message.

use async_graphql::{MergedObject, MergedSubscription, Schema};
use contract::{Services, federated, federated_sdl, loader, rows_of_texts};

mod arrivals;
pub mod demo;
mod message;
mod user;
mod writes;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(message::MessageQuery, user::UserQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(writes::MessageMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(arrivals::MessageSubscription);

/// The schema of the messages subgraph.
pub type MessagesSchema = Schema<Query, Mutation, Subscription>;

/// Builds the executable schema of the messages.
pub fn schema(services: Services) -> MessagesSchema {
    federated()
        .data(rows_of_texts::<entities::message::Entity>(&services.db))
        .data(loader(message::WithoutContents(services.db.clone())))
        .data(loader(user::UnreadLoader(services.db.clone())))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    federated_sdl::<Query, Mutation, Subscription>()
}
