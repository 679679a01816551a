//! The mutations of votes: cast, move, clear.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Error, IdempotencyKey, Result, Tx, TxExt, Viewer, idempotent};
use entities::authority::Authority;
use entities::post_votes;
use entities::user;
use entities::vote::Direction;
use entities::voting;
use serde::{Deserialize, Serialize};

use crate::Settings;
use crate::post::{Post, parse_post_id};

/// The open mount whose document has routes for votes.
const COMMUNITY_MOUNT: &str = "community";

/// Mutations that cast and clear votes.
#[derive(Default)]
pub struct VoteMutation;

#[Object]
impl VoteMutation {
    /// Votes for a post, or for an id that has no post yet. A person has one vote per post: the same vote again changes
    /// nothing, and the opposite vote is replaced. A program's votes belong to no person: each call adds a vote.
    async fn upvote(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The post's id, whether or not there is such a post.")] post_id: ID,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Post> {
        cast_vote(ctx, "upvote", Direction::Up, &post_id, idempotency_key).await
    }

    /// Votes against a post, as `upvote` does for one.
    async fn downvote(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The post's id, whether or not there is such a post.")] post_id: ID,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Post> {
        cast_vote(ctx, "downvote", Direction::Down, &post_id, idempotency_key).await
    }

    /// Removes the viewer's vote on a post. Without such a vote, nothing changes.
    async fn clear_vote(&self, ctx: &Context<'_>, #[graphql(desc = "The post's id.")] post_id: ID) -> Result<Post> {
        let voter = ctx.viewer().require_user()?;
        let post_id = parse_post_id(&post_id)?;
        let now_us = ctx.now_us();
        let cleared = ctx
            .services()
            .write(async move |tx| {
                let cleared = voting::clear(tx, post_id, voter, now_us).await?;
                tx.invalidate(&cleared);
                Ok(cleared)
            })
            .await?;
        Ok(cleared.votes.into())
    }
}

/// The owner of a vote: a person, or a program that votes for no particular person, with its right to change accounts.
#[derive(Clone)]
enum Voter {
    Person(i64),
    Program(Authority),
}

impl Voter {
    fn from_viewer(viewer: &Viewer) -> Result<Self> {
        match viewer.require_user_or_program(COMMUNITY_MOUNT)? {
            Some(user) => Ok(Self::Person(user)),
            None => Ok(Self::Program(viewer.authority()?)),
        }
    }
}

/// The votes on a post after a vote, as an idempotency key stores them.
#[derive(Serialize, Deserialize)]
struct CountedVotes {
    votes: post_votes::Model,
}

async fn cast_vote(
    ctx: &Context<'_>,
    field: &'static str,
    direction: Direction,
    post_id: &ID,
    key: Option<String>,
) -> Result<Post> {
    let voter = Voter::from_viewer(ctx.viewer())?;
    let post_id = parse_post_id(post_id)?;
    let key = IdempotencyKey::for_mutation(ctx.viewer(), field, key, &post_id)?;
    let karma = ctx.data_unchecked::<Arc<Settings>>().karma_follows_votes;
    let now_us = ctx.now_us();
    let voted = ctx
        .services()
        .write(async move |tx| {
            let cast = async || cast(tx, &voter, post_id, direction, karma, now_us).await;
            idempotent(tx, key.as_ref(), now_us, cast).await
        })
        .await?;
    Ok(voted.into_inner().votes.into())
}

async fn cast(
    tx: &Tx,
    voter: &Voter,
    post_id: i64,
    direction: Direction,
    karma: bool,
    now_us: i64,
) -> Result<CountedVotes> {
    let outcome = match voter {
        // The token may be older than the deactivation.
        Voter::Person(id) if !user::is_active(tx, *id).await? => return Err(Error::Unauthenticated),
        Voter::Person(id) => voting::cast(tx, post_id, *id, direction, karma, now_us).await?,
        Voter::Program(by) => voting::count_anonymous(tx, by, post_id, direction, karma, now_us).await?,
    };
    tx.invalidate(&outcome);
    Ok(CountedVotes { votes: outcome.votes })
}
