//! Rankings of posts by score.

use std::collections::HashSet;

use async_graphql::connection::{Connection, ConnectionNameType, DisableNodesField, Edge, EdgeNameType, EmptyFields};
use async_graphql::{Context, ID, Object, OutputType, SimpleObject};
use contract::{ContextExt, EntityType, Error, PageArgs, PageConnection, Paginate, Result};
use entities::post_votes::{self, Column};
use sea_orm::{Order, Select};

use crate::post::Post;

/// The most posts that one call can sort.
const SORTED_MAX: usize = 100;

/// A connection of ids with votes. It is not a `PageConnection<Post>`, because its nodes may be null: when a query selects
/// fields of other subgraphs and no such post exists, only that node becomes null and the list remains.
pub type PagedIds =
    Connection<String, Option<Post>, Nodes, EmptyFields, VotedPostConnection, VotedPostEdge, DisableNodesField>;

/// The members that [`PagedIds`] shares with other connections.
// The field `nodes` of async-graphql declares its nodes as non-null.
#[derive(SimpleObject)]
pub struct Nodes {
    /// A list of nodes.
    nodes: Vec<Option<Post>>,
}

/// The GraphQL name of [`PagedIds`].
pub struct VotedPostConnection;

impl ConnectionNameType for VotedPostConnection {
    fn type_name<T: OutputType>() -> String {
        "VotedPostConnection".to_owned()
    }
}

/// The GraphQL name of the edges of [`PagedIds`].
pub struct VotedPostEdge;

impl EdgeNameType for VotedPostEdge {
    fn type_name<T: OutputType>() -> String {
        "VotedPostEdge".to_owned()
    }
}

/// Queries that list posts by score.
#[derive(Default)]
pub struct RankingQuery;

#[Object]
impl RankingQuery {
    /// Posts, highest score first; among equal scores, newest first: of all communities, or of the one with that name,
    /// in any case.
    async fn top_posts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only posts in the community with this name.")] community: Option<String>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PageConnection<Post>> {
        let posts = post_votes::posts(community.as_deref());
        by_score(ctx, posts, PageArgs::new(first, after, last, before)).await
    }

    /// All post ids that have votes, ordered by score as in `topPosts`, whether or not there is such a post.
    async fn top_voted(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PagedIds> {
        let voted = by_score(ctx, post_votes::voted(), PageArgs::new(first, after, last, before)).await?;
        let nodes = voted.nodes.iter().cloned().map(Some).collect();
        let (previous, next) = (voted.has_previous_page, voted.has_next_page);
        let mut ids = PagedIds::with_additional_fields(previous, next, Nodes { nodes });
        let edges = std::iter::zip(voted.cursors, voted.nodes);
        ids.edges
            .extend(edges.map(|(cursor, node)| Edge::new(cursor, Some(node))));
        Ok(ids)
    }

    /// The posts with these ids, highest score first; among equal scores, highest id first. Takes 1 to 100 ids; a
    /// repeated id is returned once. An id without votes has the score 0, whether or not there is such a post.
    async fn posts_by_score(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ids of 1 to 100 posts.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Post>>> {
        if ids.is_empty() || ids.len() > SORTED_MAX {
            return Err(Error::invalid("ids", format!("must have 1 to {SORTED_MAX} items")));
        }
        let ids = EntityType::Post.parse_all("ids", &ids)?;
        let ids: Option<HashSet<i64>> = ids.into_iter().collect();
        let ids = ids.ok_or_else(|| Error::invalid("ids", "must be ids of posts"))?;
        let ids: Vec<i64> = ids.into_iter().collect();
        let posts = post_votes::by_score(ctx.db().read(), &ids).await?;
        Ok(posts.into_iter().map(|votes| Some(Post::from(votes))).collect())
    }
}

async fn by_score(
    ctx: &Context<'_>,
    posts: Select<post_votes::Entity>,
    args: PageArgs,
) -> Result<PageConnection<Post>> {
    let posts = posts.sorted_by(&[Column::Score, Column::PostId], Order::Desc);
    posts.paginate(ctx, args, Post::from).await
}
