//! The messages subgraph's fields of a user.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object};
use contract::{
    ContextExt, CountedConnection, Db, DbConnection as _, EntityType, Error, Load, PageArgs, Result, clamp_to_int, load,
};
use entities::message;

use crate::message::{Message, MessageList, counted_newest_first};

/// A user. Other subgraphs add the rest of the fields.
// Private fields are `Option<Result<_>>`, so that an error nulls only the field. An `Err` of the resolver would null
// the whole user.
pub struct User(pub(crate) i64);

#[Object]
impl User {
    /// The person's id.
    async fn id(&self) -> ID {
        EntityType::User.id(self.0)
    }

    /// The messages this person received, newest first: all, or only those that are (not) favourites, (not) unread, or
    /// both. For themselves and for operators.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection and its filters")]
    async fn inbox(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only favourites, or only the other messages.")] favorite: Option<bool>,
        #[graphql(desc = "Only unread messages, or only those that were read.")] unread: Option<bool>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Option<Result<CountedConnection<Message>>> {
        let args = PageArgs::new(first, after, last, before);
        let received = match (favorite, unread) {
            (None, None) => MessageList::Received(self.0),
            _ => message::inbox(self.0, favorite, unread).into(),
        };
        Some(self.message_page(ctx, received, args).await)
    }

    /// The messages this person sent, newest first; for themselves and for operators.
    async fn sent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Option<Result<CountedConnection<Message>>> {
        let args = PageArgs::new(first, after, last, before);
        Some(self.message_page(ctx, message::sent(self.0).into(), args).await)
    }

    /// How many messages this person has not read, counted up to 2,147,483,647; for themselves and for operators.
    async fn unread_count(&self, ctx: &Context<'_>) -> Option<Result<i64>> {
        Some(self.count_unread(ctx).await)
    }
}

impl User {
    async fn message_page(
        &self,
        ctx: &Context<'_>,
        messages: MessageList,
        args: PageArgs,
    ) -> Result<CountedConnection<Message>> {
        ctx.viewer().require_self_or_operator(self.0)?;
        counted_newest_first(ctx, messages, args).await
    }

    async fn count_unread(&self, ctx: &Context<'_>) -> Result<i64> {
        ctx.viewer().require_self_or_operator(self.0)?;
        let count = load::<UnreadCountLoader, _>(ctx, self.0).await?;
        Ok(clamp_to_int(count.unwrap_or(0)))
    }
}

/// Counts unread messages of many users in one query.
pub struct UnreadCountLoader(pub(crate) Db);

impl Load<i64> for UnreadCountLoader {
    type Value = i64;
    type Error = Error;

    async fn load(&self, people: &[i64]) -> Result<HashMap<i64, i64>> {
        let db = self.0.read();
        let counts = message::UNREAD_COUNTS.statement(db, people.iter().copied());
        let counts = db.pairs(counts).await?;
        Ok(counts.into_iter().collect())
    }
}

/// Resolves users that other subgraphs refer to.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// A person another subgraph refers to. This subgraph does not check that the person exists; accounts does.
    #[graphql(entity)]
    async fn user_by_id(&self, id: ID) -> Option<User> {
        EntityType::User.number(&id).map(User)
    }
}
