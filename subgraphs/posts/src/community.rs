//! Communities, in which posts are created.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object};
use contract::{Db, EntityType, Error, Load, PageArgs, PageConnection, Paginate, Result, load};
use entities::community::{self, case_fold};
use entities::post;
use sea_orm::EntityTrait;

use crate::post::{Post, newest_first};

/// A community of the API.
pub struct Community {
    name: String,
    /// The case-insensitive key of the name.
    key: String,
}

/// A place for posts. It exists from its first post on, and stays after that post is deleted.
#[Object]
impl Community {
    /// The community's id.
    #[graphql(tag = "cacheable")]
    async fn id(&self) -> ID {
        EntityType::Community.id(&self.key)
    }

    /// The name, as it was first spelled; unique without regard to case.
    #[graphql(tag = "cacheable")]
    async fn name(&self) -> &str {
        &self.name
    }

    /// The posts in the community, newest first.
    async fn posts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PageConnection<Post>> {
        let args = PageArgs::new(first, after, last, before);
        newest_first(ctx, |lists| lists.posted_in(Some(&self.name)), args).await
    }
}

impl Community {
    fn new(row: community::Model) -> Self {
        Self {
            name: row.name,
            key: row.name_key,
        }
    }

    /// Returns the community of a post.
    pub(crate) fn from_post(post: &post::Model) -> Self {
        Self {
            name: post.community.clone(),
            key: post.community_key.clone(),
        }
    }
}

/// Loads communities by name, ignoring case, in batches.
pub struct CommunityByNameLoader(pub(crate) Db);

impl Load<String> for CommunityByNameLoader {
    type Value = community::Model;
    type Error = Error;

    async fn load(&self, names: &[String]) -> Result<HashMap<String, community::Model>> {
        let found = community::by_names(self.0.read(), names).await?;
        let by_key: HashMap<_, _> = found.into_iter().map(|row| (row.name_key.clone(), row)).collect();
        let found = |name: &String| Some((name.clone(), by_key.get(&case_fold(name))?.clone()));
        Ok(names.iter().filter_map(found).collect())
    }
}

/// Returns the community with that name, ignoring case, if it exists. Lookups are batched.
async fn find(ctx: &Context<'_>, name: String) -> Result<Option<Community>> {
    let found = load::<CommunityByNameLoader, _>(ctx, name).await?;
    Ok(found.map(Community::new))
}

/// Queries that read communities.
#[derive(Default)]
pub struct CommunityQuery;

#[Object]
impl CommunityQuery {
    /// The community with that name, in any case.
    async fn community(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's name, in any case.")] name: String,
    ) -> Option<Result<Community>> {
        find(ctx, name).await.transpose()
    }

    /// Resolves a community another subgraph refers to by its id.
    #[graphql(entity)]
    async fn community_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Community>> {
        let Some(key) = EntityType::Community.key(&id) else {
            return Ok(None);
        };
        // Only the canonical spelling is an id.
        let found = find(ctx, key.to_owned()).await?;
        Ok(found.filter(|community| community.key == key))
    }

    /// Resolves a community another subgraph refers to by its name.
    #[graphql(entity)]
    async fn community_by_name(&self, ctx: &Context<'_>, name: String) -> Result<Option<Community>> {
        find(ctx, name).await
    }

    /// All communities, oldest first.
    async fn communities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PageConnection<Community>> {
        let args = PageArgs::new(first, after, last, before);
        community::Entity::find().paginate(ctx, args, Community::new).await
    }
}
