//! The subscription `voteChanged`, which sends a post after each change of its votes.

use std::collections::HashSet;

use async_graphql::{Context, ID, Subscription};
use contract::{ChangingRows, ContextExt, Result, Stamp, changed_rows};
use entities::post_votes;
use futures_util::stream::{Stream, TryStreamExt};
use sea_orm::{DatabaseConnection, DbErr};

use crate::post::{Post, votable};

/// The domain's subscription.
#[derive(Default)]
pub struct VoteSubscription;

#[Subscription]
impl VoteSubscription {
    /// The votes on a post id after each change, whether or not there is such a post.
    ///
    /// Votes in quick succession may arrive as one event. An event never shows an older state than the event before it.
    async fn vote_changed(&self, ctx: &Context<'_>, post_id: ID) -> Result<impl Stream<Item = Result<Post>> + use<>> {
        let watched = HashSet::from([votable(&post_id)?]);
        let changes = changed_rows(ctx.services(), Counts, Some(watched)).await?;
        Ok(changes.map_ok(Post::from))
    }
}

/// The table of vote counts, which every caller may read.
struct Counts;

impl ChangingRows for Counts {
    type Entity = post_votes::Entity;

    const TYPENAME: &'static str = "Post";

    fn stamp(votes: &post_votes::Model) -> Stamp {
        Stamp {
            id: votes.post_id,
            version: votes.version,
            changed_at_us: votes.changed_at_us,
        }
    }

    async fn changed_behind(
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
