//! `postCreated`: posts, as they are made.

use std::collections::VecDeque;

use async_graphql::{Context, Subscription};
use contract::{ContextExt, Db, Delivery, Event, EventStream, Follower, Result, follow};
use entities::{community, post};
use futures_util::stream::{Stream, StreamExt, TryStreamExt};
use sea_orm::QuerySelect;

use crate::post::Post;

/// How many posts are read at once.
const BATCH: u64 = 50;

/// The domain's subscription.
#[derive(Default)]
pub struct PostSubscription;

#[Subscription]
impl PostSubscription {
    /// Posts from now on, each once, in the order in which they are made (whatever their dates): in the community with
    /// that name, which need not exist yet, or in all.
    async fn post_created(
        &self,
        ctx: &Context<'_>,
        community: Option<String>,
    ) -> Result<impl Stream<Item = Result<Post>> + use<>> {
        let services = ctx.services();
        let community_key = community.as_deref().map(community::folded);
        // Listen first, then look what is there already: what is posted in between is announced.
        let events = services.bus.subscribe();
        let last_id = post::newest_id(services.db.read(), community_key.as_deref()).await?;
        let board = Board {
            db: services.db.clone(),
            community_key,
            last_id,
            ready: VecDeque::new(),
            more: false,
        };
        Ok(follow(board, events).map_ok(Post))
    }
}

/// Where somebody watches for posts, and how far they have seen them.
struct Board {
    db: Db,
    /// In one community, or in all.
    community_key: Option<String>,
    /// The last post that was read.
    last_id: i64,
    /// Read, and not shown yet.
    ready: VecDeque<post::Model>,
    /// The last batch was full: there may be more.
    more: bool,
}

impl Follower for Board {
    type Item = post::Model;

    async fn next(&mut self, events: &mut EventStream) -> Option<Result<post::Model>> {
        loop {
            if let Some(post) = self.ready.pop_front() {
                return Some(Ok(post));
            }
            if !self.more && !self.is_news(&events.next().await?) {
                continue;
            }
            if let Err(error) = self.read().await {
                return Some(Err(error));
            }
        }
    }
}

impl Board {
    /// Whether there may be posts that were not read. An event is only a hint: the database says what there is, so that
    /// whoever falls behind loses nothing.
    fn is_news(&self, delivery: &Delivery) -> bool {
        match delivery {
            Delivery::Lagged(_) => true,
            Delivery::Event(event) => match &**event {
                Event::PostCreated { id, community } => {
                    *id > self.last_id && self.community_key.as_ref().is_none_or(|key| key == community)
                }
                _ => false,
            },
        }
    }

    async fn read(&mut self) -> Result<()> {
        // Ids rise in the order of commits: there is one writer.
        let news = post::posted_after(self.community_key.as_deref(), self.last_id).limit(BATCH);
        let batch = news.all(self.db.read()).await?;
        self.more = batch.len() as u64 == BATCH;
        if let Some(last) = batch.last() {
            self.last_id = last.id;
        }
        self.ready.extend(batch);
        Ok(())
    }
}
