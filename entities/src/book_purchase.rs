//! Purchases of books: one copy each, never changed.

use sea_orm::ActiveValue::NotSet;
use sea_orm::IntoActiveModel;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::book;

/// One copy sold. It says what was sold itself, because the book may change or go.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "book_purchase")]
pub struct Model {
    /// The purchase's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The book. No foreign key: a deleted book leaves its history behind.
    pub book_id: i64,
    /// The title when it was sold.
    pub title: String,
    /// What was paid, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// Copies left right after this sale.
    pub quantity_after: i64,
    /// Who bought it; nobody when a service did.
    pub buyer_id: Option<i64>,
    /// When, in microseconds since the epoch.
    pub at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Records the sale of a copy, in the transaction that took it; `book` is what was left.
///
/// # Errors
/// When the database fails.
pub async fn record(
    tx: &impl ConnectionTrait,
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
