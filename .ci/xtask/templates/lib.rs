//! The domain `__domain__`.

use async_graphql::{EmptyMutation, EmptySubscription, MergedObject};
use contract::{DomainSchema, Services, row_loader, subgraph_builder, subgraph_sdl};

mod __entity__;

/// The fields that read data.
#[derive(MergedObject, Default)]
pub struct Query(__entity__::__Entity__Query);

/// Builds the executable schema.
pub fn schema(services: Services) -> DomainSchema {
    subgraph_builder::<Query, EmptyMutation, EmptySubscription>()
        .data(row_loader::<entities::__entity__::Entity>(&services.db))
        .data(services)
        .finish()
}

/// Returns the SDL for composing the supergraph: the contents of `schema.graphql` in this folder.
pub fn sdl() -> String {
    subgraph_sdl::<Query, EmptyMutation, EmptySubscription>()
}
