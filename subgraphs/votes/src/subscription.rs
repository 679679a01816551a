//! The subscription `voteChanged`, which sends a post after each change of its votes.

use std::collections::HashSet;

use async_graphql::{Context, ID, Subscription};
use contract::{ContextExt, Result, Watch, changed_rows, source_stream};
use entities::post_votes;
use futures_util::stream::{Stream, TryStreamExt};

use crate::post::{Post, parse_post_id};

/// The domain's subscription.
#[derive(Default)]
pub struct VoteSubscription;

#[Subscription]
impl VoteSubscription {
    /// The votes on a post id after each change, whether or not there is such a post.
    ///
    /// Votes in quick succession may arrive as one event. An event never shows an older state than the event before it.
    async fn vote_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The post's id, whether or not there is such a post.")] post_id: ID,
    ) -> Result<impl Stream<Item = Result<Post>> + use<>> {
        let open = async {
            let watched = HashSet::from([parse_post_id(&post_id)?]);
            let changes = changed_rows::<post_votes::Model>(ctx.services(), Watch::rows(Some(watched))).await?;
            Ok(changes.map_ok(Post::from))
        };
        source_stream(ctx, open).await
    }
}
