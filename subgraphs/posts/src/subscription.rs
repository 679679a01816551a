//! The subscription `postCreated`, which sends posts as they are created.

use async_graphql::{Context, Subscription};
use contract::{ContextExt, Event, InsertFeed, Reader, Result, Topic, inserted_rows, source_stream};
use entities::{community, post};
use futures_util::stream::{Stream, TryStreamExt};
use sea_orm::{DbErr, Select};

use crate::post::Post;

/// The domain's subscription.
#[derive(Default)]
pub struct PostSubscription;

#[Subscription]
impl PostSubscription {
    /// New posts, each once, in the order in which they are created (whatever their dates): in the community with that
    /// name, which need not exist yet, or in all.
    async fn post_created(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only posts in the community with this name.")] community: Option<String>,
    ) -> Result<impl Stream<Item = Result<Post>> + use<>> {
        let open = async {
            let community_key = community.as_deref().map(community::case_fold);
            let posts = inserted_rows(ctx.services(), PostFeed { community_key }).await?;
            Ok(posts.map_ok(Post))
        };
        source_stream(ctx, open).await
    }
}

/// The feed of new posts that one subscription watches.
#[derive(Clone, PartialEq)]
struct PostFeed {
    /// The community's key, or `None` for all communities.
    community_key: Option<String>,
}

impl InsertFeed for PostFeed {
    type Entity = post::Entity;

    /// One, because a post may be long and many subscribers may be slow.
    const BATCH: u64 = 1;

    fn topic(&self) -> Topic {
        Topic::Posts
    }

    fn inserted_id(&self, event: &Event) -> Option<i64> {
        match event {
            Event::PostCreated { id, community } => {
                let is_watched = self.community_key.as_ref().is_none_or(|key| key == community);
                is_watched.then_some(*id)
            }
            _ => None,
        }
    }

    fn after(&self, id: i64) -> Select<post::Entity> {
        post::posted_after(self.community_key.as_deref(), id)
    }

    fn id(post: &post::Model) -> i64 {
        post.id
    }

    async fn newest_id(&self, db: &Reader) -> Result<i64, DbErr> {
        post::newest_id(db, self.community_key.as_deref()).await
    }
}
