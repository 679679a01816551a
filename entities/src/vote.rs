//! The current vote of each user on each post: one vote, or none.

use database::DbConnection;
use sea_orm::entity::prelude::*;

use crate::KeyedQuery;
use crate::text_enum::text_enum;

/// One user's vote on one post.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vote")]
pub struct Model {
    /// The post's id, whether or not such a post exists.
    #[sea_orm(primary_key, auto_increment = false)]
    pub post_id: i64,
    /// The voter.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    /// For or against it.
    pub direction: Direction,
    /// The time of the last change, in microseconds since the epoch.
    pub at_us: i64,
    /// The user whose karma it changed by one; moving or clearing the vote reverses that. `None` if it changed no
    /// karma.
    pub credited_id: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    /// The direction of a vote.
    pub enum Direction {
        /// For it.
        Up = "UP",
        /// Against it.
        Down = "DOWN",
    }
}

impl Direction {
    /// Returns the opposite direction.
    pub fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    /// Returns the points that a vote in this direction adds to a score, and to an author's karma.
    pub fn points(self) -> i64 {
        match self {
            Self::Up => 1,
            Self::Down => -1,
        }
    }

    /// Returns the numbers that a vote in this direction adds to the upvotes and to the downvotes.
    pub(crate) fn counts(self) -> (i64, i64) {
        match self {
            Self::Up => (1, 0),
            Self::Down => (0, 1),
        }
    }
}

/// Returns a user's votes on these posts.
pub async fn for_user(db: &impl DbConnection, user_id: i64, post_ids: &[i64]) -> Result<Vec<Model>, DbErr> {
    static OF_USER: KeyedQuery<Entity> =
        KeyedQuery::of(|| Entity::find().filter(Column::UserId.eq(0_i64)), Column::PostId);
    OF_USER.find_of(db, user_id, post_ids.iter().copied()).await
}
