//! Posts that people write in communities. Every caller may read them.

use async_graphql::{MergedObject, MergedSubscription};
use contract::{DomainSchema, Services, batch_loader, subgraph_builder, subgraph_sdl, text_row_loader};

mod community;
pub mod demo;
mod mutation;
mod post;
mod subscription;
mod user;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(post::PostQuery, community::CommunityQuery, user::UserQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(mutation::PostMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(subscription::PostSubscription);

/// Builds the executable schema of the posts.
pub fn schema(services: Services) -> DomainSchema {
    subgraph_builder::<Query, Mutation, Subscription>()
        .data(text_row_loader::<entities::post::Entity>(&services.db))
        .data(batch_loader(post::PostWithoutTextLoader(services.db.clone())))
        .data(batch_loader(community::CommunityByNameLoader(services.db.clone())))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, Mutation, Subscription>()
}
