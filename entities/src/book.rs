//! Books of the bookstore, and the copies left of each.

use database::DbConnection;
use sea_orm::ActiveValue::NotSet;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{IntoActiveModel, Select};
use serde::{Deserialize, Serialize};

use crate::case_fold::{case_fold, contains_pattern};
use crate::sql;

/// One book. Its id is never reused, so a purchase of a deleted book never points to another book.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "book")]
pub struct Model {
    /// The book's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The title.
    pub title: String,
    /// [`case_fold`] of the title.
    pub title_key: String,
    /// The topic.
    pub topic: String,
    /// [`case_fold`] of the topic.
    pub topic_key: String,
    /// The price of one copy in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// Copies left.
    pub quantity: i64,
    /// Rises by one with every change.
    pub version: i64,
    /// When it last changed, in microseconds since the epoch.
    pub changed_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The attributes of a new book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewBook {
    /// The title.
    pub title: String,
    /// The topic.
    pub topic: String,
    /// The price of one copy in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// Copies left.
    pub quantity: i64,
}

/// New values for some of a book's columns; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookChange {
    /// The title.
    pub title: Option<String>,
    /// The topic.
    pub topic: Option<String>,
    /// The price of one copy in minor units, with its currency.
    pub price: Option<(i64, String)>,
    /// Copies left.
    pub quantity: Option<i64>,
}

/// The outcome of [`take_copy`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeCopyOutcome {
    /// One copy was taken; the book as it is now.
    Taken(Model),
    /// The book exists but has no copies left.
    NoneLeft,
    /// No such book exists.
    NoBook,
}

/// Selects the books of a topic (the whole topic must match) whose title contains a text, both case-insensitively.
pub fn search(topic: Option<&str>, text: Option<&str>) -> Select<Entity> {
    let mut found = Entity::find();
    if let Some(topic) = topic {
        found = found.filter(Column::TopicKey.eq(case_fold(topic)));
    }
    if let Some(text) = text {
        found = found.filter(Expr::col((Entity, Column::TitleKey)).like(contains_pattern(text)));
    }
    found
}

/// Returns the topics that have books, in alphabetical order, each in the alphabetically first of its spellings.
pub async fn topics(db: &impl DbConnection, limit: u64) -> Result<Vec<String>, DbErr> {
    // It goes from each topic to the next one in the index. A GROUP BY would read all books.
    let sql = "WITH RECURSIVE found (topic_key) AS (
             SELECT min(topic_key) FROM book
             UNION ALL
             SELECT (SELECT min(topic_key) FROM book WHERE topic_key > found.topic_key) FROM found
                 WHERE topic_key IS NOT NULL LIMIT $1
         )
         SELECT (SELECT min(topic) FROM book WHERE topic_key = found.topic_key) AS topic FROM found
             WHERE topic_key IS NOT NULL ORDER BY topic_key";
    sql::texts(db, sql, [i64::try_from(limit).unwrap_or(i64::MAX).into()]).await
}

/// Adds a book.
pub async fn add(tx: &impl DbConnection, book: NewBook, now_us: i64) -> Result<Model, DbErr> {
    let mut added = Model {
        id: 0,
        title_key: case_fold(&book.title),
        title: book.title,
        topic_key: case_fold(&book.topic),
        topic: book.topic,
        price_minor: book.price_minor,
        currency: book.currency,
        quantity: book.quantity,
        version: 1,
        changed_at_us: now_us,
    };
    let mut row = added.clone().into_active_model();
    row.id = NotSet;
    added.id = Entity::insert(row).exec(tx).await?.last_insert_id;
    Ok(added)
}

/// Changes a book; `None` when there is no such book.
pub async fn change(tx: &impl DbConnection, id: i64, change: BookChange, now_us: i64) -> Result<Option<Model>, DbErr> {
    let mut update = versioned_update(now_us).filter(Column::Id.eq(id));
    if let Some(title) = change.title {
        update = update
            .col_expr(Column::TitleKey, case_fold(&title).into())
            .col_expr(Column::Title, title.into());
    }
    if let Some(topic) = change.topic {
        update = update
            .col_expr(Column::TopicKey, case_fold(&topic).into())
            .col_expr(Column::Topic, topic.into());
    }
    if let Some((minor, currency)) = change.price {
        update = update
            .col_expr(Column::PriceMinor, minor.into())
            .col_expr(Column::Currency, currency.into());
    }
    if let Some(quantity) = change.quantity {
        update = update.col_expr(Column::Quantity, quantity.into());
    }
    match update.exec(tx).await?.rows_affected {
        0 => Ok(None),
        _ => tx.row(Entity::find_by_id(id)).await,
    }
}

/// Takes one copy, if one is left.
///
/// One guarded `UPDATE` decides: of many buyers of the last copy exactly one gets it, and a deleted book has no
/// copies to take.
pub async fn take_copy(tx: &impl DbConnection, id: i64, now_us: i64) -> Result<TakeCopyOutcome, DbErr> {
    let taken = versioned_update(now_us)
        .col_expr(Column::Quantity, Expr::col(Column::Quantity).sub(1))
        .filter(Column::Id.eq(id))
        .filter(Column::Quantity.gt(0))
        .exec(tx)
        .await?
        .rows_affected;
    // In the same transaction, after the UPDATE locked the row: no other transaction changes it before the commit.
    let book = tx.row(Entity::find_by_id(id)).await?;
    Ok(match (taken, book) {
        (0, Some(_)) => TakeCopyOutcome::NoneLeft,
        (_, Some(book)) => TakeCopyOutcome::Taken(book),
        (_, None) => TakeCopyOutcome::NoBook,
    })
}

/// Deletes a book and returns its last state; `None` when no such book exists. Its purchases stay.
pub async fn remove(tx: &impl DbConnection, id: i64) -> Result<Option<Model>, DbErr> {
    let Some(book) = tx.row(Entity::find_by_id(id)).await? else {
        return Ok(None);
    };
    let deleted = Entity::delete_by_id(id).exec(tx).await?.rows_affected;
    Ok((deleted == 1).then_some(book))
}

fn versioned_update(now_us: i64) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::ChangedAtUs, now_us.into())
}
