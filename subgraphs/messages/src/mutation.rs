//! The mutations of messages: send, delete, mark.

use async_graphql::{Context, ID, Object};
use contract::{
    ActingUser, ContextExt, DbConnection, EntityType, Error, Event, IdempotencyKey, Result, Tx, TxExt, Viewer,
    idempotent, optional_text, required_text,
};
use entities::{message, user};
use sea_orm::{EntityTrait, ModelTrait};
use serde::{Deserialize, Serialize};

use crate::message::{COMMUNITY_MOUNT, Message, may_see};

/// The longest message, in characters.
const CONTENTS_CHARS_MAX: usize = 40_000;
/// The longest flag, in characters.
const FLAG_CHARS_MAX: usize = 64;
/// The most messages that one call can mark as read.
const MARKED_MAX: usize = 100;

/// Mutations that send, delete and mark messages.
#[derive(Default)]
pub struct MessageMutation;

#[Object]
impl MessageMutation {
    /// Sends a message of up to 40,000 characters to the active person with that username, with a flag of up to 64
    /// characters. The sender is the viewer, so a person can omit `from`. Operators may name another sender, and a
    /// program has to name one.
    async fn send_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The receiver's username.")] to: String,
        #[graphql(desc = "The text, up to 40,000 characters.")] contents: String,
        #[graphql(desc = "A label of up to 64 characters.")] flag: Option<String>,
        #[graphql(desc = "The sender's username.")] from: Option<String>,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Message> {
        let viewer = ctx.viewer();
        let draft = MessageDraft {
            from: ActingUser::new(viewer, COMMUNITY_MOUNT, "from", from)?,
            to,
            contents: required_text("contents", &contents, CONTENTS_CHARS_MAX)?,
            flag: optional_text("flag", flag.as_deref(), FLAG_CHARS_MAX)?,
        };
        let key = IdempotencyKey::for_mutation(viewer, "sendMessage", idempotency_key, &draft)?;
        let now_us = ctx.now_us();
        let sent = ctx
            .services()
            .write(async move |tx| {
                let sent = idempotent(tx, key.as_ref(), now_us, async || send(tx, &draft, now_us).await).await?;
                Ok(sent.into_inner().to_message(&draft))
            })
            .await?;
        Ok(Message(sent))
    }

    /// Deletes a message for both its sender and its receiver. For its sender, its receiver and operators.
    async fn delete_message(&self, ctx: &Context<'_>, #[graphql(desc = "The message's id.")] id: ID) -> Result<bool> {
        let viewer = ctx.viewer().clone();
        viewer.require_signed_in_or(COMMUNITY_MOUNT)?;
        let id = EntityType::Message
            .parse("id", &id)?
            .ok_or(Error::NotFound("message"))?;
        ctx.services()
            .write(async move |tx| {
                let mut message = find_visible(tx, id, &viewer).await?;
                message.clone().delete(tx).await?;
                // The deletion counts as the message's last version.
                message.version += 1;
                tx.invalidate(&message);
                Ok(())
            })
            .await?;
        Ok(true)
    }

    /// Marks a message as a favourite, or removes the mark; for its receiver and for operators.
    async fn favorite_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message's id.")] id: ID,
        #[graphql(desc = "Whether it is a favourite from now on.", default = true)] favorite: bool,
    ) -> Result<Message> {
        let viewer = ctx.viewer().clone();
        viewer.require_signed_in_or(COMMUNITY_MOUNT)?;
        let id = EntityType::Message
            .parse("id", &id)?
            .ok_or(Error::NotFound("message"))?;
        let message = ctx
            .services()
            .write(async move |tx| {
                let message = find_visible(tx, id, &viewer).await?;
                if !viewer.is_operator_or(COMMUNITY_MOUNT) && !viewer.is_user(message.to_id) {
                    return Err(Error::Forbidden("only its receiver may do this"));
                }
                let Some(changed) = message::set_favorite(tx, id, favorite).await? else {
                    return Ok(message);
                };
                tx.invalidate(&changed);
                Ok(changed)
            })
            .await?;
        Ok(Message(message))
    }

    /// Marks at most 100 messages that the viewer received as read, and returns how many of them were unread. Messages
    /// to other people stay as they are.
    async fn mark_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ids of at most 100 messages.")] ids: Vec<ID>,
    ) -> Result<i64> {
        let receiver = ctx.viewer().require_user()?;
        if ids.len() > MARKED_MAX {
            return Err(Error::invalid("ids", format!("must have at most {MARKED_MAX} items")));
        }
        let ids = EntityType::Message.parse_all("ids", &ids)?;
        let ids: Vec<i64> = ids.into_iter().flatten().collect();
        let marked = ctx
            .services()
            .write(async move |tx| {
                let marked = message::mark_read(tx, receiver, &ids).await?;
                tx.invalidate(&*marked);
                Ok(marked.len())
            })
            .await?;
        Ok(marked as i64)
    }
}

/// Returns the message with that id, if the viewer may see it, and `NOT_FOUND` otherwise.
async fn find_visible(tx: &Tx, id: i64, viewer: &Viewer) -> Result<message::Model> {
    let found = tx.row(message::Entity::find_by_id(id)).await?;
    found
        .filter(|message| may_see(viewer, message))
        .ok_or(Error::NotFound("message"))
}

/// A message that has not been sent yet.
#[derive(Serialize)]
struct MessageDraft {
    from: ActingUser,
    to: String,
    contents: String,
    flag: Option<String>,
}

/// The result of sending that an idempotency key stores. It leaves out the contents: a retry sends them again, and
/// the text of a deleted message must not remain.
#[derive(Serialize, Deserialize)]
struct SentMessage {
    id: i64,
    from: i64,
    to: i64,
    at_us: i64,
}

impl SentMessage {
    fn to_message(&self, draft: &MessageDraft) -> message::Model {
        let (contents, flag) = (draft.contents.clone(), draft.flag.clone());
        message::Model::new(self.id, self.from, self.to, self.at_us, contents, flag)
    }
}

/// Inserts the message if its sender and receiver are active within the same transaction.
async fn send(tx: &Tx, draft: &MessageDraft, at_us: i64) -> Result<SentMessage> {
    let (_, from) = draft.from.resolve(tx).await?;
    let from = from.ok_or(Error::conflict("the sender does not exist"))?;
    let to = user::active_by_username(tx, &draft.to)
        .await?
        .ok_or(Error::conflict("the receiver does not exist"))?;
    let mut sent = SentMessage { id: 0, from, to, at_us };
    sent.id = message::add(tx, sent.to_message(draft)).await?;
    tx.publish(Event::MessageSent { id: sent.id, to });
    tx.invalidate(&sent.to_message(draft));
    Ok(sent)
}
