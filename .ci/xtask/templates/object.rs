//! The type `__Entity__` and the queries that find it.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Result, load_row, parse_id};
use entities::__entity__;

/// The row of a __label__, behind the fields that the schema shows.
pub struct __Entity__(__entity__::Model);

/// One __label__.
#[Object]
impl __Entity__ {
    /// The id.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The title.
    async fn title(&self) -> &str {
        &self.0.title
    }
}

/// Returns the __label__ with that id, if it exists and the viewer is signed in. Look-ups are batched.
async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<__Entity__>> {
    ctx.viewer().require_signed_in()?;
    match parse_id(id) {
        Some(id) => Ok(load_row::<__entity__::Entity>(ctx, id).await?.map(__Entity__)),
        None => Ok(None),
    }
}

/// Queries that read the table `__entity__`.
#[derive(Default)]
pub struct __Entity__Query;

#[Object]
impl __Entity__Query {
    /// The __label__ with that id; for callers with a sign-in.
    async fn __entity__(&self, ctx: &Context<'_>, id: ID) -> Option<Result<__Entity__>> {
        find(ctx, &id).await.transpose()
    }

    /// Resolves the __label__ that another subgraph refers to.
    #[graphql(entity)]
    async fn __entity___by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<__Entity__>> {
        find(ctx, &id).await
    }
}
