//! The subscription `newMessage`, which sends messages to the viewer as they arrive.

use async_graphql::{Context, Subscription};
use contract::{ContextExt, Event, InsertFeed, Reader, Result, Topic, inserted_rows, source_stream};
use entities::message;
use futures_util::stream::{Stream, TryStreamExt};
use sea_orm::{DbErr, Select};

use crate::message::Message;

/// The domain's subscription.
#[derive(Default)]
pub struct MessageSubscription;

#[Subscription]
impl MessageSubscription {
    /// New messages to the viewer, each once, in the order in which they are sent.
    async fn new_message(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<Message>> + use<>> {
        let open = async {
            let receiver = ctx.viewer().require_user()?;
            let messages = inserted_rows(ctx.services(), MessageFeed { receiver }).await?;
            Ok(messages.map_ok(Message))
        };
        source_stream(ctx, open).await
    }
}

/// One user's inbox.
#[derive(Clone, PartialEq)]
struct MessageFeed {
    receiver: i64,
}

impl InsertFeed for MessageFeed {
    type Entity = message::Entity;

    /// One, because a message may be long and many subscribers may be slow.
    const BATCH: u64 = 1;

    fn topic(&self) -> Topic {
        Topic::MessagesTo(self.receiver)
    }

    fn inserted_id(&self, event: &Event) -> Option<i64> {
        match event {
            Event::MessageSent { id, to } => (*to == self.receiver).then_some(*id),
            _ => None,
        }
    }

    fn after(&self, id: i64) -> Select<message::Entity> {
        message::received_after(self.receiver, id)
    }

    fn id(message: &message::Model) -> i64 {
        message.id
    }

    async fn newest_id(&self, db: &Reader) -> Result<i64, DbErr> {
        message::newest_id(db, self.receiver).await
    }
}
