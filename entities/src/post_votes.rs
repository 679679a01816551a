//! The votes on each post, counted, and the rankings that follow from them.
//!
//! A row is made by the first vote on an id, or when a post with that id begins; whether there is such a post is nobody's
//! condition for voting. A row never goes away: what it counts can, its version must not fall.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{sql, vote};

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
