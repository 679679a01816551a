//! What each person last said of each post: one vote, or none.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

/// One person's vote on one post.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vote")]
pub struct Model {
    /// The post's id, whether or not there is such a post.
    #[sea_orm(primary_key, auto_increment = false)]
    pub post_id: i64,
    /// Who voted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i64,
    /// `UP` or `DOWN`: [`Direction::of`] reads it.
    pub direction: String,
    /// When it was last changed, in microseconds since the epoch.
    pub at_us: i64,
    /// Whose karma it changed by one, and changes back when it is moved or cleared; none where it changed nobody's.
    pub credited_id: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

/// For a post or against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// For it.
    Up,
    /// Against it.
    Down,
}

impl Direction {
    /// The word in the database: `UP` or `DOWN`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "UP",
            Self::Down => "DOWN",
        }
    }

    /// What a stored word means. The table holds no other.
    pub fn of(word: &str) -> Self {
        if word == "DOWN" { Self::Down } else { Self::Up }
    }

    /// What a vote in this direction adds to a score, and to an author's karma.
    pub fn points(self) -> i64 {
        match self {
            Self::Up => 1,
            Self::Down => -1,
        }
    }
}
