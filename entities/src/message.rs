//! Messages from one user to another.

use database::DbConnection;
use sea_orm::ActiveValue::NotSet;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect, Select};

use crate::{KeyedQuery, ListQuery, is_among, sql};

/// One message. Its id is never reused.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    /// The message's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The sender.
    pub from_id: i64,
    /// The receiver.
    pub to_id: i64,
    /// The time of sending, in microseconds since the epoch.
    pub at_us: i64,
    /// The text.
    pub contents: String,
    /// A label that the sender gave it.
    pub flag: Option<String>,
    /// Whether the receiver marked it as a favourite.
    pub favorite: bool,
    /// Whether the receiver read it.
    pub read: bool,
    /// Rises by one with every change.
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A message in its initial state.
    pub fn new(id: i64, from: i64, to: i64, at_us: i64, contents: String, flag: Option<String>) -> Self {
        Self {
            id,
            from_id: from,
            to_id: to,
            at_us,
            contents,
            flag,
            favorite: false,
            read: false,
            version: 1,
        }
    }
}

/// Adds `message` and returns its new id; the id in `message` is ignored.
pub async fn add(tx: &impl DbConnection, message: Model) -> Result<i64, DbErr> {
    let mut row = message.into_active_model();
    row.id = NotSet;
    Ok(Entity::insert(row).exec(tx).await?.last_insert_id)
}

/// Selects the messages that a user received: all, or filtered by whether they are favourites and whether they are
/// unread.
pub fn inbox(to: i64, favorite: Option<bool>, unread: Option<bool>) -> Select<Entity> {
    let mut found = Entity::find().filter(Column::ToId.eq(to));
    // The conditions match those of the partial indexes, with no bound value, so that SQLite uses the indexes.
    if let Some(favorite) = favorite {
        found = found.filter(flag_is(Column::Favorite, favorite));
    }
    if let Some(unread) = unread {
        found = found.filter(flag_is(Column::Read, !unread));
    }
    found
}

/// The list of all messages that a user received.
pub static RECEIVED: ListQuery<Entity> = ListQuery::new(|| inbox(0, None, None));

/// The same, without their text.
pub static RECEIVED_WITHOUT_CONTENTS: ListQuery<Entity> = ListQuery::new(|| without_contents(inbox(0, None, None)));

/// Messages by id, without their text.
pub static WITHOUT_CONTENTS_BY_ID: KeyedQuery<Entity> = KeyedQuery::of(|| without_contents(Entity::find()), Column::Id);

/// Selects the same messages without their text, which may be long.
pub fn without_contents(messages: Select<Entity>) -> Select<Entity> {
    sql::without_text(messages, Column::Contents)
}

/// Selects the messages of all receivers that are (not) favourites.
pub fn favorites(favorite: bool) -> Select<Entity> {
    Entity::find().filter(flag_is(Column::Favorite, favorite))
}

/// Selects the messages that a user sent.
pub fn sent(from: i64) -> Select<Entity> {
    Entity::find().filter(Column::FromId.eq(from))
}

/// The numbers of unread messages by receiver, as rows of id and count. A user without unread messages has no row.
pub static UNREAD_COUNTS: KeyedQuery<Entity> = KeyedQuery::of(unread_counts, Column::ToId);

fn unread_counts() -> Select<Entity> {
    Entity::find()
        .select_only()
        .column(Column::ToId)
        .column_as(Column::Id.count(), "unread")
        .filter(flag_is(Column::Read, false))
        .group_by(Column::ToId)
}

/// Returns the id of the newest message that a user received; 0 when there is none.
pub async fn newest_id(db: &impl DbConnection, to: i64) -> Result<i64, DbErr> {
    let newest: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Id.max(), "newest")
        .filter(Column::ToId.eq(to))
        .into_tuple()
        .one(db)
        .await?;
    Ok(newest.flatten().unwrap_or(0))
}

/// Selects the messages that a user received after the message `id`, in that order.
pub fn received_after(to: i64, id: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::ToId.eq(to))
        .filter(Column::Id.gt(id))
        .order_by_asc(Column::Id)
}

/// Marks as read the messages among `ids` that `to` received and has not read; returns them in their new state.
pub async fn mark_read(tx: &impl DbConnection, to: i64, ids: &[i64]) -> Result<Vec<Model>, DbErr> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(is_among(Column::Id, ids.iter().copied()))
        .filter(Column::ToId.eq(to))
        .filter(flag_is(Column::Read, false))
        .into_tuple()
        .all(tx)
        .await?;
    versioned_update()
        .col_expr(Column::Read, Expr::value(true))
        .filter(is_among(Column::Id, ids.iter().copied()))
        .filter(flag_is(Column::Read, false))
        .exec(tx)
        .await?;
    tx.rows(Entity::find().filter(is_among(Column::Id, ids))).await
}

/// Marks a message as a favourite, or removes the mark; returns its new state, or `None` when nothing changed.
pub async fn set_favorite(tx: &impl DbConnection, id: i64, favorite: bool) -> Result<Option<Model>, DbErr> {
    let update = versioned_update()
        .col_expr(Column::Favorite, Expr::value(favorite))
        .filter(Column::Id.eq(id))
        .filter(flag_is(Column::Favorite, !favorite));
    match update.exec(tx).await?.rows_affected {
        0 => Ok(None),
        _ => tx.row(Entity::find_by_id(id)).await,
    }
}

fn versioned_update() -> sea_orm::UpdateMany<Entity> {
    Entity::update_many().col_expr(Column::Version, Expr::col(Column::Version).add(1))
}

fn flag_is(column: Column, wanted: bool) -> Expr {
    if wanted {
        column.into_expr()
    } else {
        column.into_expr().not()
    }
}
