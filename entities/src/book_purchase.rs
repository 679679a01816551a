//! Purchases of books: one copy each, never changed.

use database::DbConnection;
use sea_orm::ActiveValue::NotSet;
use sea_orm::IntoActiveModel;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ListQuery, book};

/// One copy sold. It stores its own title and price, because the book may change or be deleted.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "book_purchase")]
pub struct Model {
    /// The purchase's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The book. It is no foreign key: purchases of a deleted book stay.
    pub book_id: i64,
    /// The title at the time of the sale.
    pub title: String,
    /// The price paid, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// Copies left right after this sale.
    pub quantity_after: i64,
    /// The buyer; `None` when a service bought it.
    pub buyer_id: Option<i64>,
    /// The time of the sale, in microseconds since the epoch.
    pub at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The list of the books that a user bought.
pub static OF_BUYER: ListQuery<Entity> = ListQuery::new(|| Entity::find().filter(Column::BuyerId.eq(0_i64)));

/// Records the sale of a copy, in the transaction that took it; `book` is the book after the sale.
pub async fn record(
    tx: &impl DbConnection,
    book: &book::Model,
    buyer: Option<i64>,
    now_us: i64,
) -> Result<Model, DbErr> {
    let mut recorded = Model {
        id: 0,
        book_id: book.id,
        title: book.title.clone(),
        price_minor: book.price_minor,
        currency: book.currency.clone(),
        quantity_after: book.quantity,
        buyer_id: buyer,
        at_us: now_us,
    };
    let mut row = recorded.clone().into_active_model();
    row.id = NotSet;
    recorded.id = Entity::insert(row).exec(tx).await?.last_insert_id;
    Ok(recorded)
}
