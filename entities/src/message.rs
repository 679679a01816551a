//! Messages from one person to another.

use sea_orm::ActiveValue::NotSet;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{IntoActiveModel, Iterable, QueryOrder, QuerySelect, Select};

/// One message. Its id is never used again.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    /// The message's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Who sent it.
    pub from_id: i64,
    /// Who received it.
    pub to_id: i64,
    /// When, in microseconds since the epoch.
    pub at_us: i64,
    /// What it says.
    pub contents: String,
    /// A word the sender put on it.
    pub flag: Option<String>,
    /// Whether the receiver marked it.
    pub favorite: bool,
    /// Whether the receiver read it.
    pub read: bool,
    /// Rises by one with every change.
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A message as it is when it was just sent.
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

/// Adds `message` and answers its id; the id it has is not looked at.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &impl ConnectionTrait, message: Model) -> Result<i64, DbErr> {
    let mut row = message.into_active_model();
    row.id = NotSet;
    Ok(Entity::insert(row).exec(tx).await?.last_insert_id)
}

/// What a person received: all of it, or what is (not) a favourite and (not) unread.
pub fn inbox(to: i64, favorite: Option<bool>, unread: Option<bool>) -> Select<Entity> {
    let mut found = Entity::find().filter(Column::ToId.eq(to));
    // Written as the partial indexes are, with no value bound, so that they are used.
    if let Some(favorite) = favorite {
        found = found.filter(is(Column::Favorite, favorite));
    }
    if let Some(unread) = unread {
        found = found.filter(is(Column::Read, !unread));
    }
    found
}

/// The same messages without what they say, which may be long.
pub fn without_contents(messages: Select<Entity>) -> Select<Entity> {
    let short = Column::iter().filter(|column| !matches!(column, Column::Contents));
    messages
        .select_only()
        .columns(short)
        .column_as(Expr::value(""), Column::Contents.as_str())
}

/// What is (not) a favourite, whoever received it.
pub fn favorites(favorite: bool) -> Select<Entity> {
    Entity::find().filter(is(Column::Favorite, favorite))
}

/// What a person sent.
pub fn sent(from: i64) -> Select<Entity> {
    Entity::find().filter(Column::FromId.eq(from))
}

/// How many messages each of these people has not read, as rows of id and count; who has none is left out.
pub fn unread_counts(people: &[i64]) -> Select<Entity> {
    Entity::find()
        .select_only()
        .column(Column::ToId)
        .column_as(Column::Id.count(), "unread")
        .filter(Column::ToId.is_in(people.iter().copied()))
        .filter(is(Column::Read, false))
        .group_by(Column::ToId)
}

/// The id of the newest message a person received; 0 when there is none.
///
/// # Errors
/// When the database fails.
pub async fn newest_id(db: &impl ConnectionTrait, to: i64) -> Result<i64, DbErr> {
    let newest: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Id.max(), "newest")
        .filter(Column::ToId.eq(to))
        .into_tuple()
        .one(db)
        .await?;
    Ok(newest.flatten().unwrap_or(0))
}

/// What a person received after the message `id`, in that order.
pub fn received_after(to: i64, id: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::ToId.eq(to))
        .filter(Column::Id.gt(id))
        .order_by_asc(Column::Id)
}

/// Marks what `to` received and has not read of these messages as read; answers them as they are then.
///
/// # Errors
/// When the database fails.
pub async fn mark_read(tx: &impl ConnectionTrait, to: i64, ids: &[i64]) -> Result<Vec<Model>, DbErr> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::ToId.eq(to))
        .filter(is(Column::Read, false))
        .into_tuple()
        .all(tx)
        .await?;
    changed()
        .col_expr(Column::Read, Expr::value(true))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(is(Column::Read, false))
        .exec(tx)
        .await?;
    Entity::find().filter(Column::Id.is_in(ids)).all(tx).await
}

/// Marks a message as a favourite, or as none; answers it as it is then, or `None` when it was so already.
///
/// # Errors
/// When the database fails.
pub async fn set_favorite(tx: &impl ConnectionTrait, id: i64, favorite: bool) -> Result<Option<Model>, DbErr> {
    let update = changed()
        .col_expr(Column::Favorite, Expr::value(favorite))
        .filter(Column::Id.eq(id))
        .filter(is(Column::Favorite, !favorite));
    match update.exec(tx).await?.rows_affected {
        0 => Ok(None),
        _ => Entity::find_by_id(id).one(tx).await,
    }
}

fn changed() -> sea_orm::UpdateMany<Entity> {
    Entity::update_many().col_expr(Column::Version, Expr::col(Column::Version).add(1))
}

fn is(column: Column, wanted: bool) -> Expr {
    match wanted {
        true => column.into_expr(),
        false => column.into_expr().not(),
    }
}
