//! Messages: their GraphQL type, the access check, and the queries that read them.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object};
use contract::{
    ContextExt, CountedConnection, DateTime, Db, EntityType, Error, Load, PageArgs, PageConnection, Paginate, Result,
    Rows, TotalCount, Viewer, is_node_field_selected, load, load_row, to_date_time,
};
use entities::{message, user};
use sea_orm::{Order, Select};

use crate::user::User;

/// The open mount whose document has routes for all messages.
pub(crate) const COMMUNITY_MOUNT: &str = "community";

/// A message; only its sender, its receiver and operators can read it.
pub struct Message(pub(crate) message::Model);

/// A message; only its sender, its receiver and operators can read it.
#[Object]
impl Message {
    /// The message's id.
    async fn id(&self) -> ID {
        EntityType::Message.id(self.0.id)
    }

    /// The sender.
    async fn from(&self) -> User {
        User(self.0.from_id)
    }

    /// The receiver.
    async fn to(&self) -> User {
        User(self.0.to_id)
    }

    /// When it was sent.
    async fn at(&self) -> DateTime {
        to_date_time(self.0.at_us)
    }

    /// The text.
    #[graphql(tag = "chars-40000")]
    async fn contents(&self) -> &str {
        &self.0.contents
    }

    /// A label that the sender gave the message.
    async fn flag(&self) -> Option<&str> {
        self.0.flag.as_deref()
    }

    /// Whether the receiver marked it as a favourite.
    async fn favorite(&self) -> bool {
        self.0.favorite
    }

    /// Whether the receiver has marked it as read.
    async fn read(&self) -> bool {
        self.0.read
    }
}

/// Returns whether the viewer may read the message: as its sender, its receiver, an operator or a caller of the open
/// community mount.
pub(crate) fn may_see(viewer: &Viewer, message: &message::Model) -> bool {
    viewer.is_operator_or(COMMUNITY_MOUNT) || viewer.is_user(message.from_id) || viewer.is_user(message.to_id)
}

/// The messages of a list.
pub(crate) enum MessageList {
    /// All that a user received.
    Received(i64),
    /// Those of a query.
    Select(Box<Select<message::Entity>>),
}

impl From<Select<message::Entity>> for MessageList {
    fn from(select: Select<message::Entity>) -> Self {
        Self::Select(Box::new(select))
    }
}

impl MessageList {
    fn rows(self, has_contents: bool) -> Rows<message::Entity> {
        match (self, has_contents) {
            (Self::Received(to), true) => message::RECEIVED.of(to).into(),
            (Self::Received(to), false) => message::RECEIVED_WITHOUT_CONTENTS.of(to).into(),
            (Self::Select(select), true) => Rows::Select(select),
            (Self::Select(select), false) => message::without_contents(*select).into(),
        }
    }

    /// Selects all of them.
    fn select(&self) -> Select<message::Entity> {
        match self {
            Self::Received(to) => message::inbox(*to, None, None),
            Self::Select(select) => Select::clone(select),
        }
    }
}

/// Returns a page of `messages`, newest first, with their number if it is selected: for the messages of one person.
pub(crate) async fn counted_newest_first(
    ctx: &Context<'_>,
    messages: MessageList,
    args: PageArgs,
) -> Result<CountedConnection<Message>> {
    let count = TotalCount::of(ctx, || messages.select()).await?;
    Ok(count.with(newest_first(ctx, messages, args).await?))
}

/// Returns a page of `messages`, newest first.
pub(crate) async fn newest_first(
    ctx: &Context<'_>,
    messages: MessageList,
    args: PageArgs,
) -> Result<PageConnection<Message>> {
    let key = [message::Column::AtUs, message::Column::Id];
    if !is_node_field_selected(&ctx.look_ahead(), "contents") {
        let messages = messages.rows(false).sorted_by(&key, Order::Desc);
        return messages.paginate(ctx, args, Message).await;
    }
    let charge = |messages: &[message::Model]| ctx.charge(messages.iter().map(|message| message.contents.len()).sum());
    let messages = messages.rows(true).sorted_by(&key, Order::Desc);
    messages.paginate_texts(ctx, args, charge, Message).await
}

/// Loads messages by id without their contents, in batches.
pub struct MessageWithoutContentsLoader(pub(crate) Db);

impl Load<i64> for MessageWithoutContentsLoader {
    type Value = message::Model;
    type Error = Error;

    async fn load(&self, ids: &[i64]) -> Result<HashMap<i64, message::Model>> {
        let found = message::WITHOUT_CONTENTS_BY_ID
            .find(self.0.read(), ids.iter().copied())
            .await?;
        Ok(found.into_iter().map(|message| (message.id, message)).collect())
    }
}

/// Returns the message with that id, if it exists and the viewer may see it. Lookups are batched. The contents are
/// read only when the query selects them.
async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<Message>> {
    let found = if ctx.look_ahead().field("contents").exists() {
        ctx.charge(0)?;
        let found = load_row::<message::Entity>(ctx, id).await?;
        ctx.charge(found.as_ref().map_or(0, |message| message.contents.len()))?;
        found
    } else {
        load::<MessageWithoutContentsLoader, _>(ctx, id).await?
    };
    Ok(found.filter(|message| may_see(ctx.viewer(), message)).map(Message))
}

/// Queries that read messages.
#[derive(Default)]
pub struct MessageQuery;

#[Object]
impl MessageQuery {
    /// The message with that id, for its sender, its receiver and operators; null for other viewers.
    async fn message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message's id.")] id: ID,
    ) -> Option<Result<Message>> {
        match EntityType::Message.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Messages of all people, newest first: those to the person with that username (none if the username is unknown),
    /// those that their receivers marked as favourites (or did not), or both. At least one of the two filters is
    /// required. For operators; other people may read only the messages to themselves.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection and its filters")]
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only messages to the person with this username.")] to: Option<String>,
        #[graphql(desc = "Only messages that are favourites of their receivers, or only those that are not.")]
        favorite: Option<bool>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<CountedConnection<Message>> {
        let viewer = ctx.viewer();
        viewer.require_signed_in_or(COMMUNITY_MOUNT)?;
        let args = PageArgs::new(first, after, last, before);
        match (to, favorite) {
            (Some(username), favorite) => {
                let receiver = user::by_username(ctx.db().read(), &username).await?;
                // No user has the id 0.
                let receiver = receiver.map_or(0, |receiver| receiver.id);
                viewer.require_self_or_operator_or(receiver, COMMUNITY_MOUNT)?;
                counted_newest_first(ctx, message::inbox(receiver, favorite, None).into(), args).await
            }
            (None, Some(favorite)) => {
                viewer.require_operator_or(COMMUNITY_MOUNT)?;
                let page = newest_first(ctx, message::favorites(favorite).into(), args).await?;
                Ok(TotalCount::default().with(page))
            }
            (None, None) => Err(Error::invalid("to", "or else favorite is needed")),
        }
    }

    /// Resolves a message another subgraph refers to.
    #[graphql(entity)]
    async fn message_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Message>> {
        match EntityType::Message.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }
}
