//! The subscription `voteChanged`, which sends a post after each change of its votes.

use std::collections::HashSet;

use async_graphql::{Context, ID, Subscription};
use contract::{ContextExt, Result, RowVersion, WatchedTable, changed_rows};
use entities::post_votes;
use futures_util::stream::{Stream, TryStreamExt};
use sea_orm::{DatabaseConnection, DbErr};

use crate::post::{Post, parse_post_id};

/// The domain's subscription.
#[derive(Default)]
pub struct VoteSubscription;

#[Subscription]
impl VoteSubscription {
    /// The votes on a post id after each change, whether or not there is such a post.
    ///
    /// Votes in quick succession may arrive as one event. An event never shows an older state than the event before it.
    async fn vote_changed(&self, ctx: &Context<'_>, post_id: ID) -> Result<impl Stream<Item = Result<Post>> + use<>> {
        let watched = HashSet::from([parse_post_id(&post_id)?]);
        let changes = changed_rows(ctx.services(), VoteCountTable, Some(watched)).await?;
        Ok(changes.map_ok(Post::from))
    }
}

/// The table of vote counts, which every caller may read.
struct VoteCountTable;

impl WatchedTable for VoteCountTable {
    type Entity = post_votes::Entity;

    const TYPENAME: &'static str = "Post";

    fn row_version(votes: &post_votes::Model) -> RowVersion {
        RowVersion {
            id: votes.post_id,
            version: votes.version,
            changed_at_us: votes.changed_at_us,
        }
    }

    async fn changed_after(
        &self,
        _db: &DatabaseConnection,
        _at_us: i64,
        _id: i64,
        _limit: u64,
    ) -> Result<Vec<post_votes::Model>, DbErr> {
        // Only a subscription to all rows needs this. Here each subscription names one post, which is read again.
        Ok(Vec::new())
    }
}
