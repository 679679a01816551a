//! `newMessage`: messages to the viewer, as they arrive.

use std::collections::VecDeque;

use async_graphql::{Context, Subscription};
use contract::{ContextExt, Db, Delivery, Event, EventStream, Follower, Result, follow};
use entities::message;
use futures_util::stream::{Stream, StreamExt, TryStreamExt};
use sea_orm::QuerySelect;

use crate::message::Message;

/// How many messages are read at once.
const BATCH: u64 = 50;

/// The domain's subscription.
#[derive(Default)]
pub struct MessageSubscription;

#[Subscription]
impl MessageSubscription {
    /// Messages to the viewer, from now on, each once, in the order in which they were sent.
    async fn new_message(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<Message>> + use<>> {
        let receiver = ctx.viewer().user()?;
        let services = ctx.services();
        // Listen first, then look where the inbox ends: what is sent in between is announced.
        let events = services.bus.subscribe();
        let inbox = Inbox {
            db: services.db.clone(),
            receiver,
            last_id: message::newest_id(services.db.read(), receiver).await?,
            ready: VecDeque::new(),
            more: false,
        };
        Ok(follow(inbox, events).map_ok(Message))
    }
}

/// One person's inbox, and how far it was shown.
struct Inbox {
    db: Db,
    receiver: i64,
    /// The last message that was read.
    last_id: i64,
    /// Read, and not shown yet.
    ready: VecDeque<message::Model>,
    /// The last batch was full: there may be more.
    more: bool,
}

impl Follower for Inbox {
    type Item = message::Model;

    async fn next(&mut self, events: &mut EventStream) -> Option<Result<message::Model>> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(Ok(message));
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

impl Inbox {
    /// Whether the inbox may have grown. An event is only a hint: the database says what there is, so that whoever
    /// falls behind loses nothing.
    fn is_news(&self, delivery: &Delivery) -> bool {
        match delivery {
            Delivery::Lagged(_) => true,
            Delivery::Event(event) => {
                matches!(**event, Event::MessageSent { id, to } if to == self.receiver && id > self.last_id)
            }
        }
    }

    async fn read(&mut self) -> Result<()> {
        // Ids rise in the order of commits: there is one writer.
        let news = message::received_after(self.receiver, self.last_id).limit(BATCH);
        let batch = news.all(self.db.read()).await?;
        self.more = batch.len() as u64 == BATCH;
        if let Some(last) = batch.last() {
            self.last_id = last.id;
        }
        self.ready.extend(batch);
        Ok(())
    }
}
