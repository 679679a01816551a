//! Posts that people write in communities. Every caller may read them.

use async_graphql::{MergedObject, MergedSubscription, Schema};
use contract::{Services, federated, federated_sdl, loader, rows_of_texts};

mod arrivals;
mod community;
pub mod demo;
mod post;
mod user;
mod writes;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(post::PostQuery, community::CommunityQuery, user::UserQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(writes::PostMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(arrivals::PostSubscription);

/// The schema of the posts subgraph.
pub type PostsSchema = Schema<Query, Mutation, Subscription>;

/// Builds the executable schema of the posts.
pub fn schema(services: Services) -> PostsSchema {
    federated()
        .data(rows_of_texts::<entities::post::Entity>(&services.db))
        .data(loader(post::WithoutText(services.db.clone())))
        .data(loader(community::ByName(services.db.clone())))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    federated_sdl::<Query, Mutation, Subscription>()
}
