//! Votes: for posts and against them, one a person and post, and the rankings and the karma that follow from them.
//!
//! A vote is for an id, whether or not there is a post with it: posts are another domain's.

use std::sync::Arc;

use async_graphql::{MergedObject, MergedSubscription, Schema};
use contract::{Services, federated, federated_sdl, loader, rows};

mod changes;
pub mod demo;
mod post;
mod ranking;
mod settings;
mod vote;

pub use settings::{Settings, SettingsFlags};

/// What can be read.
#[derive(MergedObject, Default)]
pub struct Query(post::PostQuery, ranking::RankingQuery);

/// What can be changed.
#[derive(MergedObject, Default)]
pub struct Mutation(vote::VoteMutation);

/// What can be watched.
#[derive(MergedSubscription, Default)]
pub struct Subscription(changes::VoteSubscription);

/// The domain's schema.
pub type VotesSchema = Schema<Query, Mutation, Subscription>;

/// The domain, ready to answer, with the default [`Settings`].
pub fn schema(services: Services) -> VotesSchema {
    schema_with(services, Settings::default())
}

/// The domain, ready to answer.
pub fn schema_with(services: Services, settings: Settings) -> VotesSchema {
    federated()
        .data(rows::<entities::post_votes::Entity>(&services.db))
        .data(loader(post::OwnVotes(services.db.clone())))
        .data(Arc::new(settings))
        .data(services)
        .finish()
}

/// What the supergraph is composed from: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    federated_sdl::<Query, Mutation, Subscription>()
}
