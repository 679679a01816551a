//! The vote counts of each post, and the rankings that follow from them.
//!
//! The first vote on an id creates its row, and so does adding a post with that id. Voting does not require that
//! the post exists. A row is never deleted: its counts can be reset, but its version must not fall.

use database::DbConnection;
use std::cmp::Reverse;
use std::collections::HashSet;

use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, Select};
use serde::{Deserialize, Serialize};

use crate::case_fold::case_fold;
use crate::error::{EntityError, Violation};
use crate::vote::{self, Direction};
use crate::{is_among, sql};

/// The most votes in one direction on one id: the maximum of GraphQL's `Int`. The score then fits as well.
pub const VOTES_MAX: i64 = 2_147_483_647;

/// The vote counts of one id.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "post_votes")]
pub struct Model {
    /// The post's id, whether or not such a post exists.
    #[sea_orm(primary_key, auto_increment = false)]
    pub post_id: i64,
    /// Votes for it, with and without a user.
    pub upvotes: i64,
    /// Votes against it, with and without a user.
    pub downvotes: i64,
    /// `upvotes - downvotes`.
    pub score: i64,
    /// The case-insensitive key of the post's community; `None` where no such post exists.
    pub community_key: Option<String>,
    /// Rises with every change, including the addition and the deletion of the post.
    pub version: i64,
    /// When it last changed, in microseconds since the epoch.
    pub changed_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The counts of an id that has no votes.
    pub fn empty(post_id: i64) -> Self {
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

    /// Whether it has votes, or such a post exists.
    pub fn is_known(&self) -> bool {
        self.upvotes + self.downvotes > 0 || self.community_key.is_some()
    }
}

/// Selects the existing posts, in the community with that name in any case, or in all.
pub fn posts(community: Option<&str>) -> Select<Entity> {
    // The condition is stated even where it is implied, because the partial indexes state it.
    let known = Entity::find().filter(Column::CommunityKey.is_not_null());
    match community {
        Some(name) => known.filter(Column::CommunityKey.eq(case_fold(name))),
        None => known,
    }
}

/// Selects the ids that have votes, whether or not such a post exists.
pub fn voted() -> Select<Entity> {
    // The condition matches that of the partial index, with no bound value.
    Entity::find().filter(Expr::cust("upvotes + downvotes > 0"))
}

/// Whether any vote was ever cast.
pub async fn has_any_vote(db: &impl DbConnection) -> Result<bool, DbErr> {
    // A post without votes still has its first version.
    let touched = Column::Version.gt(1).or(Expr::cust("upvotes + downvotes > 0"));
    Ok(db.row(Entity::find().filter(touched)).await?.is_some())
}

/// Returns the counts of each of these ids, the highest score first, then the highest id; an id without votes has a
/// score of 0.
pub async fn by_score(db: &impl DbConnection, post_ids: &[i64]) -> Result<Vec<Model>, DbErr> {
    let rows = Entity::find().filter(is_among(Column::PostId, post_ids.iter().copied()));
    let found = db.rows(rows).await?;
    let known: HashSet<i64> = found.iter().map(|votes| votes.post_id).collect();
    let unknown = post_ids
        .iter()
        .filter(|id| !known.contains(*id))
        .map(|id| Model::empty(*id));
    let mut all: Vec<Model> = found.into_iter().chain(unknown).collect();
    all.sort_by_key(|votes| Reverse((votes.score, votes.post_id)));
    Ok(all)
}

/// Counts one more vote. The first vote on an id creates its row.
///
/// # Errors
/// [`Violation::VotesFull`], or when the database fails.
pub(crate) async fn add(
    tx: &impl DbConnection,
    post_id: i64,
    direction: Direction,
    now_us: i64,
) -> Result<Model, EntityError> {
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
    let counted = sql::fetch_optional(tx, &sql, [post_id.into(), up.into(), down.into(), now_us.into()]).await?;
    counted.ok_or_else(|| Violation::VotesFull.into())
}

/// Removes a counted vote from the counts, and counts another one instead, if given.
///
/// # Errors
/// [`Violation::VotesFull`], or when the database fails.
pub(crate) async fn replace(
    tx: &impl DbConnection,
    post_id: i64,
    old: Direction,
    new: Option<Direction>,
    now_us: i64,
) -> Result<Model, EntityError> {
    let sql = format!(
        "UPDATE post_votes SET upvotes = upvotes + $2, downvotes = downvotes + $3, score = score + $2 - $3,
                   version = version + 1, changed_at_us = $4
               WHERE post_id = $1 AND upvotes + $2 <= {VOTES_MAX} AND downvotes + $3 <= {VOTES_MAX} RETURNING *"
    );
    let ((old_up, old_down), (up, down)) = (old.counts(), new.map_or((0, 0), Direction::counts));
    let by: [i64; 2] = [up - old_up, down - old_down];
    let values = [post_id.into(), by[0].into(), by[1].into(), now_us.into()];
    if let Some(votes) = sql::fetch_optional(tx, &sql, values).await? {
        return Ok(votes);
    }
    // A counted vote has a row, so only the guard can have prevented the change.
    match tx.row(Entity::find_by_id(post_id)).await? {
        Some(_) => Err(Violation::VotesFull.into()),
        None => Err(DbErr::RecordNotUpdated.into()),
    }
}

/// Returns the counts of an id.
pub async fn read(db: &impl DbConnection, post_id: i64) -> Result<Model, DbErr> {
    let found = db.row(Entity::find_by_id(post_id)).await?;
    Ok(found.unwrap_or_else(|| Model::empty(post_id)))
}

/// Starts the counts of a post that was just added, at zero: earlier votes on its id are deleted.
///
/// Publish the post's invalidation with the returned version: cached counts of the id are no longer valid.
pub async fn begin(tx: &impl DbConnection, post_id: i64, community_key: &str, now_us: i64) -> Result<Model, DbErr> {
    restart(tx, post_id, Some(community_key), now_us).await
}

/// Deletes the votes on a post that was just deleted, and removes it from the rankings. Karma from these votes
/// stays.
///
/// Publish the post's invalidation with the returned version.
pub async fn forget(tx: &impl DbConnection, post_id: i64, now_us: i64) -> Result<Model, DbErr> {
    restart(tx, post_id, None, now_us).await
}

async fn restart(
    tx: &impl DbConnection,
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
    sql::fetch_one(tx, sql, [post_id.into(), community_key.into(), now_us.into()]).await
}
