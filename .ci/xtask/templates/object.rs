//! The type `__Entity__` and the queries that find it.

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, EntityType, Result, load_row};
use entities::__entity__;

/// The row of a __label__, behind the fields that the schema shows.
pub struct __Entity__(__entity__::Model);

/// One __label__.
#[Object]
impl __Entity__ {
    /// The id.
    async fn id(&self) -> ID {
        EntityType::__Entity__.id(self.0.id)
    }

    /// The title.
    async fn title(&self) -> &str {
        &self.0.title
    }
}

/// Returns the __label__ with that id, if it exists and the viewer is signed in. Look-ups are batched.
async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<__Entity__>> {
    ctx.viewer().require_signed_in()?;
    Ok(load_row::<__entity__::Entity>(ctx, id).await?.map(__Entity__))
}

/// Queries that read the table `__entity__`.
#[derive(Default)]
pub struct __Entity__Query;

#[Object]
impl __Entity__Query {
    /// The __label__ with that id; for callers with a sign-in.
    async fn __entity__(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Option<Result<__Entity__>> {
        match EntityType::__Entity__.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves the __label__ that another subgraph refers to.
    #[graphql(entity)]
    async fn __entity___by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<__Entity__>> {
        match EntityType::__Entity__.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }
}
