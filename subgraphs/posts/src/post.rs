//! Posts: their GraphQL type and the queries that read them.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object};
use contract::{
    Audience, ContextExt, DateTime, Db, EntityType, Error, Event, Load, PageArgs, PageConnection, Paginate, Result,
    is_node_field_selected, load, load_row, to_date_time,
};
use entities::ListedRows;
use entities::post::{self, PostLists};
use sea_orm::Order;

use crate::community::Community;
use crate::user::User;

/// A post of the API.
pub struct Post(pub(crate) post::Model);

/// A public post in a community. It can be deleted, but never changes otherwise.
#[Object]
impl Post {
    /// The post's id.
    #[graphql(tag = "cacheable")]
    async fn id(&self) -> ID {
        EntityType::Post.id(self.0.id)
    }

    /// The title.
    #[graphql(tag = "cacheable", tag = "chars-300")]
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The text.
    #[graphql(tag = "cacheable", tag = "chars-40000")]
    async fn text(&self) -> &str {
        &self.0.text
    }

    /// A link to the subject of the post: an http or https address, or a host and a path.
    #[graphql(tag = "cacheable", tag = "chars-2000")]
    async fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// The community of the post.
    #[graphql(tag = "cacheable")]
    async fn community(&self) -> Community {
        Community::from_post(&self.0)
    }

    /// The name under which it was posted. A name that is an email address is removed when that person is erased.
    // Not cacheable: erasing a person changes it and invalidates only the person, not each of the posts.
    async fn username(&self) -> &str {
        &self.0.username
    }

    /// The author; null if no active account had the name when the post was created.
    #[graphql(tag = "cacheable")]
    async fn author(&self) -> Option<User> {
        self.0.author_id.map(User)
    }

    /// The post's date.
    #[graphql(tag = "cacheable")]
    async fn at(&self) -> DateTime {
        to_date_time(self.0.at_us)
    }
}

/// Builds the event that tells every subscriber that a post was created or deleted.
pub(crate) fn invalidation(id: i64, version: i64) -> Event {
    Event::invalidated(EntityType::Post, id, version, Audience::Everyone)
}

/// Returns a page of one of the lists of posts, newest first.
pub(crate) async fn newest_first(
    ctx: &Context<'_>,
    list: impl FnOnce(&'static PostLists) -> ListedRows<post::Entity>,
    args: PageArgs,
) -> Result<PageConnection<Post>> {
    let key = [post::Column::AtUs, post::Column::Id];
    let charge = |posts: &[post::Model]| ctx.charge(posts.iter().map(text_bytes).sum());
    if is_node_field_selected(&ctx.look_ahead(), "text") {
        let posts = list(&post::LISTS).sorted_by(&key, Order::Desc);
        return posts.paginate_texts(ctx, args, charge, Post).await;
    }
    charge(&[])?;
    let posts = list(&post::LISTS_WITHOUT_TEXT).sorted_by(&key, Order::Desc);
    let found = posts.paginate(ctx, args, Post).await?;
    ctx.charge(found.nodes.iter().map(|post| text_bytes(&post.0)).sum())?;
    Ok(found)
}

/// Returns the size of a row's texts in bytes.
fn text_bytes(post: &post::Model) -> usize {
    post.text.len() + post.title.len() + post.url.as_ref().map_or(0, String::len)
}

/// Loads posts by id without their text, in batches.
pub struct PostWithoutTextLoader(pub(crate) Db);

impl Load<i64> for PostWithoutTextLoader {
    type Value = post::Model;
    type Error = Error;

    async fn load(&self, ids: &[i64]) -> Result<HashMap<i64, post::Model>> {
        let found = post::WITHOUT_TEXT_BY_ID
            .find(self.0.read(), ids.iter().copied())
            .await?;
        Ok(found.into_iter().map(|post| (post.id, post)).collect())
    }
}

/// Returns the post with that id, if it exists. Lookups are batched. The text is read only when the query selects it.
async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<Post>> {
    if !ctx.look_ahead().field("text").exists() {
        return Ok(load::<PostWithoutTextLoader, _>(ctx, id).await?.map(Post));
    }
    ctx.charge(0)?;
    let found = load_row::<post::Entity>(ctx, id).await?;
    ctx.charge(found.as_ref().map_or(0, text_bytes))?;
    Ok(found.map(Post))
}

/// Queries that read posts.
#[derive(Default)]
pub struct PostQuery;

#[Object]
impl PostQuery {
    /// The post with that id.
    #[graphql(tag = "cacheable")]
    async fn post(&self, ctx: &Context<'_>, #[graphql(desc = "The post's id.")] id: ID) -> Option<Result<Post>> {
        match EntityType::Post.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves a post another subgraph refers to.
    #[graphql(entity)]
    async fn post_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Post>> {
        match EntityType::Post.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }

    /// Posts, newest first: in one community (its name in any case), or in all.
    async fn recent_posts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only posts in the community with this name.")] community: Option<String>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PageConnection<Post>> {
        let args = PageArgs::new(first, after, last, before);
        newest_first(ctx, |lists| lists.posted_in(community.as_deref()), args).await
    }
}
