//! Votes for and against posts, the rankings by score, and the karma that the votes give. A person has one vote on a
//! post.
//!
//! A vote names an id, whether or not a post has it: posts belong to another subgraph.

use std::sync::Arc;

use async_graphql::{MergedObject, MergedSubscription};
use contract::{DomainSchema, Services, batch_loader, row_loader, subgraph_builder, subgraph_sdl};

pub mod demo;
mod post;
mod ranking;
mod settings;
mod subscription;
mod vote;

pub use settings::{Settings, SettingsFlags};

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(post::PostVotesQuery, ranking::RankingQuery);

/// The fields that change data.
#[derive(MergedObject, Default)]
pub struct Mutation(vote::VoteMutation);

/// The fields that a client can subscribe to.
#[derive(MergedSubscription, Default)]
pub struct Subscription(subscription::VoteSubscription);

/// Builds the executable schema of the votes with the default [`Settings`].
pub fn schema(services: Services) -> DomainSchema {
    schema_with(services, Settings::default())
}

/// Builds the executable schema of the votes.
pub fn schema_with(services: Services, settings: Settings) -> DomainSchema {
    subgraph_builder::<Query, Mutation, Subscription>()
        .data(row_loader::<entities::post_votes::Entity>(&services.db))
        .data(batch_loader(post::OwnVoteLoader(services.db.clone())))
        .data(Arc::new(settings))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, Mutation, Subscription>()
}
