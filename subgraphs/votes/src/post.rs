//! The votes subgraph's fields of a post: the votes on its id.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, Object};
use contract::{ContextExt, Db, EntityType, Error, Load, Result, Viewer, load, load_row};
use entities::post_votes;
use entities::vote::{self, Direction};

/// A post, or an id that no post has. Other subgraphs add the rest of the fields.
#[derive(Clone)]
pub struct Post {
    id: i64,
    /// The votes, if they have been read already.
    votes: Option<post_votes::Model>,
}

impl From<post_votes::Model> for Post {
    fn from(votes: post_votes::Model) -> Self {
        Self {
            id: votes.post_id,
            votes: Some(votes),
        }
    }
}

#[Object]
impl Post {
    /// The post's id.
    #[graphql(tag = "cacheable")]
    async fn id(&self) -> ID {
        EntityType::Post.id(self.id)
    }

    /// Votes for it.
    #[graphql(tag = "cacheable")]
    async fn upvotes(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.votes(ctx).await?.upvotes)
    }

    /// Votes against it.
    #[graphql(tag = "cacheable")]
    async fn downvotes(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.votes(ctx).await?.downvotes)
    }

    /// The votes for it minus the votes against it.
    #[graphql(tag = "cacheable")]
    async fn score(&self, ctx: &Context<'_>) -> Result<i64> {
        Ok(self.votes(ctx).await?.score)
    }

    /// The viewer's vote; null if there is none, or if the viewer is not a person.
    async fn my_vote(&self, ctx: &Context<'_>) -> Result<Option<VoteDirection>> {
        let Viewer::User { id: user_id, .. } = ctx.viewer() else {
            return Ok(None);
        };
        let vote = load::<OwnVoteLoader, _>(ctx, (*user_id, self.id)).await?;
        Ok(vote.map(VoteDirection::from))
    }
}

impl Post {
    async fn votes(&self, ctx: &Context<'_>) -> Result<post_votes::Model> {
        match &self.votes {
            Some(votes) => Ok(votes.clone()),
            None => {
                let found = load_row::<post_votes::Entity>(ctx, self.id).await?;
                Ok(found.unwrap_or_else(|| post_votes::Model::empty(self.id)))
            }
        }
    }
}

/// The direction of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum VoteDirection {
    /// For the post.
    Up,
    /// Against the post.
    Down,
}

impl From<Direction> for VoteDirection {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Up => Self::Up,
            Direction::Down => Self::Down,
        }
    }
}

/// Loads people's own votes by person and post, in batches: one statement for each person.
pub struct OwnVoteLoader(pub(crate) Db);

impl Load<(i64, i64)> for OwnVoteLoader {
    type Value = Direction;
    type Error = Error;

    async fn load(&self, keys: &[(i64, i64)]) -> Result<HashMap<(i64, i64), Direction>> {
        let mut posts_of: HashMap<i64, Vec<i64>> = HashMap::new();
        for (user_id, post_id) in keys {
            posts_of.entry(*user_id).or_default().push(*post_id);
        }
        let mut found = HashMap::new();
        for (user_id, post_ids) in posts_of {
            let votes = vote::for_user(self.0.read(), user_id, &post_ids).await?;
            found.extend(votes.iter().map(|vote| ((user_id, vote.post_id), vote.direction)));
        }
        Ok(found)
    }
}

/// Parses the id of a post to vote on or to watch.
///
/// # Errors
/// `INVALID_INPUT` when no post can have such an id.
pub(crate) fn parse_post_id(id: &ID) -> Result<i64> {
    let number = EntityType::Post.parse("postId", id)?;
    number.ok_or_else(|| Error::invalid("postId", "must be an id of a post, such as post_1"))
}

/// Resolves posts that other subgraphs refer to.
#[derive(Default)]
pub struct PostVotesQuery;

#[Object]
impl PostVotesQuery {
    /// A post another subgraph refers to. This subgraph does not check that the post exists; posts does.
    #[graphql(entity)]
    async fn post_by_id(&self, id: ID) -> Option<Post> {
        EntityType::Post.number(&id).map(|id| Post { id, votes: None })
    }

    /// The votes on a post id; null if the id has neither votes nor a post.
    #[graphql(tag = "cacheable")]
    async fn post_votes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The post's id, whether or not there is such a post.")] post_id: ID,
    ) -> Option<Result<Post>> {
        let id = match EntityType::Post.parse("postId", &post_id).transpose()? {
            Ok(id) => id,
            Err(error) => return Some(Err(error)),
        };
        let found = load_row::<post_votes::Entity>(ctx, id).await.transpose()?;
        found
            .map(|votes| votes.is_known().then(|| Post::from(votes)))
            .transpose()
    }
}
