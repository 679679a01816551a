//! Voting: it changes a user's vote, the counts of the post and the karma of its author in one transaction.

use database::DbConnection;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;

use crate::authority::Authority;
use crate::error::EntityError;
use crate::vote::{Direction, Model};
use crate::{post, post_votes, sql, user, user_change};

/// The outcome of a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteOutcome {
    /// The votes on the post after it.
    pub votes: post_votes::Model,
    /// Whether they changed.
    pub changed: bool,
    /// The users whose karma changed: their ids with the new versions.
    pub karma: Vec<(i64, i64)>,
}

impl VoteOutcome {
    async fn unchanged(tx: &impl DbConnection, post_id: i64) -> Result<Self, DbErr> {
        Ok(Self {
            votes: post_votes::read(tx, post_id).await?,
            changed: false,
            karma: Vec::new(),
        })
    }

    fn changed(votes: post_votes::Model, karma: impl IntoIterator<Item = user::Model>) -> Self {
        Self {
            votes,
            changed: true,
            karma: karma.into_iter().map(|person| (person.id, person.version)).collect(),
        }
    }
}

/// Casts a user's vote on a post: their first, or in place of the opposite one. Repeating the same vote changes
/// nothing.
///
/// With `karma`, the karma of the post's author changes too, unless the author votes. The post need not exist.
///
/// # Errors
/// [`crate::error::Violation::VotesFull`], or when the database fails.
pub async fn cast(
    tx: &impl DbConnection,
    post_id: i64,
    user_id: i64,
    direction: Direction,
    karma: bool,
    now_us: i64,
) -> Result<VoteOutcome, EntityError> {
    let values = || [post_id.into(), user_id.into(), direction.into(), now_us.into()];
    let first = "INSERT INTO vote (post_id, user_id, direction, at_us) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    if sql::execute(tx, first, values()).await? == 1 {
        let votes = post_votes::add(tx, post_id, direction, now_us).await?;
        let given = credit(tx, &Authority::Full, post_id, Some(user_id), direction, karma).await?;
        if let Some(author) = &given {
            record_credited(tx, post_id, user_id, Some(author.id)).await?;
        }
        return Ok(VoteOutcome::changed(votes, given));
    }
    let turned = "UPDATE vote SET direction = $3, at_us = $4
                  WHERE post_id = $1 AND user_id = $2 AND direction <> $3 RETURNING *";
    // The row still has the user whom the vote credited in the other direction.
    let Some(vote) = sql::fetch_optional::<Model>(tx, turned, values()).await? else {
        return Ok(VoteOutcome::unchanged(tx, post_id).await?);
    };
    let votes = post_votes::replace(tx, post_id, direction.opposite(), Some(direction), now_us).await?;
    let taken = revoke_credit(tx, vote.credited_id, direction.opposite()).await?;
    let given = credit(tx, &Authority::Full, post_id, Some(user_id), direction, karma).await?;
    let credited = given.as_ref().map(|author| author.id);
    if credited != vote.credited_id {
        record_credited(tx, post_id, user_id, credited).await?;
    }
    Ok(VoteOutcome::changed(votes, taken.into_iter().chain(given)))
}

/// Removes a user's vote on a post, and the karma that it gave. Without such a vote it changes nothing.
pub async fn clear(
    tx: &impl DbConnection,
    post_id: i64,
    user_id: i64,
    now_us: i64,
) -> Result<VoteOutcome, EntityError> {
    let sql = "DELETE FROM vote WHERE post_id = $1 AND user_id = $2 RETURNING *";
    let Some(vote) = sql::fetch_optional::<Model>(tx, sql, [post_id.into(), user_id.into()]).await? else {
        return Ok(VoteOutcome::unchanged(tx, post_id).await?);
    };
    let votes = post_votes::replace(tx, post_id, vote.direction, None, now_us).await?;
    let taken = revoke_credit(tx, vote.credited_id, vote.direction).await?;
    Ok(VoteOutcome::changed(votes, taken))
}

/// Counts a vote without a user: each call adds one, and none can be removed.
///
/// With `karma`, the karma of the post's author changes too, if the right of the caller covers that account: a point of
/// karma is a change of it. The post need not exist.
///
/// # Errors
/// [`crate::error::Violation::VotesFull`], or when the database fails.
pub async fn count_anonymous(
    tx: &impl DbConnection,
    by: &Authority,
    post_id: i64,
    direction: Direction,
    karma: bool,
    now_us: i64,
) -> Result<VoteOutcome, EntityError> {
    let votes = post_votes::add(tx, post_id, direction, now_us).await?;
    let given = credit(tx, by, post_id, None, direction, karma).await?;
    Ok(VoteOutcome::changed(votes, given))
}

/// Gives the author of a post the points of a vote in that direction. Returns the author in their new state. `None`
/// if no such post exists, if its author has no account, is deactivated, is the voter or is not covered by `by`, or if
/// votes do not affect karma.
async fn credit(
    tx: &impl DbConnection,
    by: &Authority,
    post_id: i64,
    voter_id: Option<i64>,
    direction: Direction,
    karma: bool,
) -> Result<Option<user::Model>, DbErr> {
    if !karma {
        return Ok(None);
    }
    match author_of(tx, post_id).await? {
        // A user's own vote does not change their karma.
        Some(author) if Some(author) != voter_id => add_karma(tx, by, author, direction.points()).await,
        Some(_) | None => Ok(None),
    }
}

/// Reverses the points of a vote in that direction. A user deactivated in the meantime keeps them.
async fn revoke_credit(
    tx: &impl DbConnection,
    credited_id: Option<i64>,
    direction: Direction,
) -> Result<Option<user::Model>, DbErr> {
    match credited_id {
        Some(credited) => add_karma(tx, &Authority::Full, credited, -direction.points()).await,
        None => Ok(None),
    }
}

async fn add_karma(
    tx: &impl DbConnection,
    by: &Authority,
    user_id: i64,
    points: i64,
) -> Result<Option<user::Model>, DbErr> {
    Ok(match user_change::add_karma(tx, by, user_id, points).await? {
        user_change::KarmaChangeOutcome::Done(person) => Some(*person),
        // Karma at the limit of its range does not prevent a vote: the vote then credits no user.
        _ => None,
    })
}

async fn author_of(tx: &impl DbConnection, post_id: i64) -> Result<Option<i64>, DbErr> {
    let author: Option<Option<i64>> = post::Entity::find_by_id(post_id)
        .select_only()
        .column(post::Column::AuthorId)
        .into_tuple()
        .one(tx)
        .await?;
    Ok(author.flatten())
}

async fn record_credited(
    tx: &impl DbConnection,
    post_id: i64,
    user_id: i64,
    credited_id: Option<i64>,
) -> Result<(), DbErr> {
    let sql = "UPDATE vote SET credited_id = $3 WHERE post_id = $1 AND user_id = $2";
    sql::execute(tx, sql, [post_id.into(), user_id.into(), credited_id.into()]).await?;
    Ok(())
}
