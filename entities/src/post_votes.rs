//! The votes on each post, counted, and the rankings that follow from them.
//!
//! A row is made by the first vote on an id, or when a post with that id begins; whether there is such a post is nobody's
//! condition for voting. A row never goes away: what it counts can, its version must not fall.

use std::cmp::Reverse;
use std::collections::HashSet;

use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, Select};
use serde::{Deserialize, Serialize};

use crate::failed::{Failed, Refusal};
use crate::sql;
use crate::user::folded;
use crate::vote::{self, Direction};

/// The most votes in one direction on one id: as many as GraphQL's `Int` can show. The score then fits as well.
pub const VOTES_MAX: i64 = 2_147_483_647;

/// What is known of the votes on one id.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "post_votes")]
pub struct Model {
    /// The post's id, whether or not there is such a post.
    #[sea_orm(primary_key, auto_increment = false)]
    pub post_id: i64,
    /// Votes for it: of people and of nobody in particular.
    pub upvotes: i64,
    /// Votes against it, likewise.
    pub downvotes: i64,
    /// `upvotes - downvotes`.
    pub score: i64,
    /// Which community the post is in, as that is compared; none where there is no such post.
    pub community_key: Option<String>,
    /// Rises with every change, also over the beginning and the end of the post.
    pub version: i64,
    /// When it last changed, in microseconds since the epoch.
    pub changed_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What is known of an id that nobody voted on.
    pub fn none(post_id: i64) -> Self {
        Self {
            post_id,
            upvotes: 0,
            downvotes: 0,
            score: 0,
            community_key: None,
            version: 0,
            changed_at_us: 0,
        }
    }

    /// Whether there are votes on it, or such a post.
    pub fn is_known(&self) -> bool {
        self.upvotes + self.downvotes > 0 || self.community_key.is_some()
    }
}

/// The posts there are, in the community with that name in any case, or in all.
pub fn posts(community: Option<&str>) -> Select<Entity> {
    // Said also where it follows, as the partial indexes say it.
    let known = Entity::find().filter(Column::CommunityKey.is_not_null());
    match community {
        Some(name) => known.filter(Column::CommunityKey.eq(folded(name))),
        None => known,
    }
}

/// The ids that have votes, whether or not there is such a post.
pub fn voted() -> Select<Entity> {
    // As the partial index says it, with no value bound.
    Entity::find().filter(Expr::cust("upvotes + downvotes > 0"))
}

/// Whether anybody ever voted, on whatever.
///
/// # Errors
/// When the database fails.
pub async fn ever_cast(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    // A post that nobody voted on is as it began.
    let touched = Column::Version.gt(1).or(Expr::cust("upvotes + downvotes > 0"));
    Ok(Entity::find().filter(touched).one(db).await?.is_some())
}

/// What is known of each of these ids, the highest score first, then the highest id; no votes are a score of 0.
///
/// # Errors
/// When the database fails.
pub async fn by_score(db: &impl ConnectionTrait, post_ids: &[i64]) -> Result<Vec<Model>, DbErr> {
    let rows = Entity::find().filter(Column::PostId.is_in(post_ids.iter().copied()));
    let found = rows.all(db).await?;
    let known: HashSet<i64> = found.iter().map(|votes| votes.post_id).collect();
    let unknown = post_ids
        .iter()
        .filter(|id| !known.contains(*id))
        .map(|id| Model::none(*id));
    let mut all: Vec<Model> = found.into_iter().chain(unknown).collect();
    all.sort_by_key(|votes| Reverse((votes.score, votes.post_id)));
    Ok(all)
}

/// Counts one more vote. The first on an id makes its row.
///
/// # Errors
/// [`Refusal::VotesFull`], or when the database fails.
pub(crate) async fn add(
    tx: &impl ConnectionTrait,
    post_id: i64,
    direction: Direction,
    now_us: i64,
) -> Result<Model, Failed> {
    let sql = format!(
        "INSERT INTO post_votes (post_id, upvotes, downvotes, score, version, changed_at_us)
               VALUES ($1, $2, $3, $2 - $3, 1, $4)
               ON CONFLICT (post_id) DO UPDATE SET upvotes = post_votes.upvotes + excluded.upvotes,
                   downvotes = post_votes.downvotes + excluded.downvotes, score = post_votes.score + excluded.score,
                   version = post_votes.version + 1, changed_at_us = excluded.changed_at_us
                   WHERE post_votes.upvotes + excluded.upvotes <= {VOTES_MAX}
                       AND post_votes.downvotes + excluded.downvotes <= {VOTES_MAX}
               RETURNING *"
    );
    let (up, down) = direction.counts();
    let counted = sql::changed(tx, &sql, [post_id.into(), up.into(), down.into(), now_us.into()]).await?;
    counted.ok_or_else(|| Refusal::VotesFull.into())
}

/// Takes a vote that was counted out of the count, and counts another instead, if there is one.
///
/// # Errors
/// [`Refusal::VotesFull`], or when the database fails.
pub(crate) async fn replace(
    tx: &impl ConnectionTrait,
    post_id: i64,
    old: Direction,
    new: Option<Direction>,
    now_us: i64,
) -> Result<Model, Failed> {
    let sql = format!(
        "UPDATE post_votes SET upvotes = upvotes + $2, downvotes = downvotes + $3, score = score + $2 - $3,
                   version = version + 1, changed_at_us = $4
               WHERE post_id = $1 AND upvotes + $2 <= {VOTES_MAX} AND downvotes + $3 <= {VOTES_MAX} RETURNING *"
    );
    let ((old_up, old_down), (up, down)) = (old.counts(), new.map_or((0, 0), Direction::counts));
    let by: [i64; 2] = [up - old_up, down - old_down];
    let values = [post_id.into(), by[0].into(), by[1].into(), now_us.into()];
    if let Some(votes) = sql::changed(tx, &sql, values).await? {
        return Ok(votes);
    }
    // A vote that was counted has a row; only the guard can have kept it as it is.
    match Entity::find_by_id(post_id).one(tx).await? {
        Some(_) => Err(Refusal::VotesFull.into()),
        None => Err(DbErr::RecordNotUpdated.into()),
    }
}

/// What is known of an id.
///
/// # Errors
/// When the database fails.
pub async fn read(db: &impl ConnectionTrait, post_id: i64) -> Result<Model, DbErr> {
    let found = Entity::find_by_id(post_id).one(db).await?;
    Ok(found.unwrap_or_else(|| Model::none(post_id)))
}

/// Ranks a post that was just made, with no votes: whatever was cast on its id before is forgotten.
///
/// Publish the post's invalidation with the version in the answer: what was known of the id's votes is no longer true.
///
/// # Errors
/// When the database fails.
pub async fn begin(tx: &impl ConnectionTrait, post_id: i64, community_key: &str, now_us: i64) -> Result<Model, DbErr> {
    restart(tx, post_id, Some(community_key), now_us).await
}

/// Forgets the votes on a post that was just deleted, and ranks it no longer. Karma that they gave stays given.
///
/// Publish the post's invalidation with the version in the answer.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &impl ConnectionTrait, post_id: i64, now_us: i64) -> Result<Model, DbErr> {
    restart(tx, post_id, None, now_us).await
}

async fn restart(
    tx: &impl ConnectionTrait,
    post_id: i64,
    community_key: Option<&str>,
    now_us: i64,
) -> Result<Model, DbErr> {
    vote::Entity::delete_many()
        .filter(vote::Column::PostId.eq(post_id))
        .exec(tx)
        .await?;
    let sql = "INSERT INTO post_votes (post_id, upvotes, downvotes, score, community_key, version, changed_at_us)
               VALUES ($1, 0, 0, 0, $2, 1, $3)
               ON CONFLICT (post_id) DO UPDATE SET upvotes = 0, downvotes = 0, score = 0,
                   community_key = excluded.community_key, version = post_votes.version + 1,
                   changed_at_us = excluded.changed_at_us
               RETURNING *";
    sql::made(tx, sql, [post_id.into(), community_key.into(), now_us.into()]).await
}
