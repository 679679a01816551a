//! Products of the shop, and how many of each can be ordered.

use sea_orm::Select;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use serde::{Deserialize, Serialize};

use crate::case_fold::{containing, folded};
use crate::{changed, is_unique_violation, sql};

/// How many there can be of a product, ordered ones included: as many as the API can count.
pub const TOTAL_MAX: i64 = 2_147_483_647;

/// One product. Never deleted: orders refer to it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "product")]
pub struct Model {
    /// The product's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What makes it unique: [`folded`].
    #[sea_orm(unique)]
    pub name_key: String,
    /// The price of one in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// How many can be ordered.
    pub available: i64,
    /// What is available and what open orders have. No order changes it, so it says whether one lost or made any.
    pub total: i64,
    /// Rises by one with every change.
    pub version: i64,
    /// When it last changed, in microseconds since the epoch.
    pub changed_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a product is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewProduct {
    /// Its name.
    pub name: String,
    /// The price of one in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// How many can be ordered.
    pub available: i64,
}

/// New values for some of a product's columns; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductChange {
    /// Its name.
    pub name: Option<String>,
    /// The price of one in minor units, with its currency.
    pub price: Option<(i64, String)>,
    /// How many can be ordered from now on. What open orders have is theirs.
    pub available: Option<i64>,
}

/// What became of a change to a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The product as it is now.
    Done(Box<Model>),
    /// There is no such product.
    NoProduct,
    /// Another product has that name.
    NameTaken,
    /// With what open orders have it would be more than [`TOTAL_MAX`].
    TooMany,
}

/// The products whose name contains a text, without regard to case; all without one.
pub fn search(text: Option<&str>) -> Select<Entity> {
    let all = Entity::find();
    match text {
        Some(text) => all.filter(Expr::col((Entity, Column::NameKey)).like(containing(text))),
        None => all,
    }
}

/// Products that changed after the moment `at_us`, or in it with an id over `id`; the earliest change first.
///
/// # Errors
/// When the database fails.
pub async fn changed_behind(db: &impl ConnectionTrait, at_us: i64, id: i64, limit: u64) -> Result<Vec<Model>, DbErr> {
    let columns = (Column::ChangedAtUs, Column::Id);
    changed::behind(db, Entity::find(), columns, (at_us, id), limit).await
}

/// Adds a product; `None` when the name is taken.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &impl ConnectionTrait, new: NewProduct, now_us: i64) -> Result<Option<Model>, DbErr> {
    let sql = "INSERT INTO product (name, name_key, price_minor, currency, available, total, version, changed_at_us)
         VALUES ($1, $2, $3, $4, $5, $5, 1, $6) ON CONFLICT (name_key) DO NOTHING RETURNING *";
    let name_key = folded(&new.name);
    let values = [
        new.name.into(),
        name_key.into(),
        new.price_minor.into(),
        new.currency.into(),
        new.available.into(),
        now_us.into(),
    ];
    sql::changed(tx, sql, values).await
}

/// Changes a product.
///
/// # Errors
/// When the database fails. What keeps it from being changed is an answer; the caller then has to give up its transaction.
pub async fn change(tx: &impl ConnectionTrait, id: i64, change: ProductChange, now_us: i64) -> Result<Changed, DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::ChangedAtUs, now_us.into())
        .filter(Column::Id.eq(id));
    if let Some(name) = change.name {
        update = update
            .col_expr(Column::NameKey, folded(&name).into())
            .col_expr(Column::Name, name.into());
    }
    if let Some((minor, currency)) = change.price {
        update = update
            .col_expr(Column::PriceMinor, minor.into())
            .col_expr(Column::Currency, currency.into());
    }
    if let Some(available) = change.available {
        let total = || {
            Expr::col(Column::Total)
                .sub(Expr::col(Column::Available))
                .add(available)
        };
        update = update
            .col_expr(Column::Total, total())
            .col_expr(Column::Available, available.into())
            .filter(total().lte(TOTAL_MAX));
    }
    let rows = match update.exec(tx).await {
        Ok(done) => done.rows_affected,
        // The name is the only column of these that has to be unique.
        Err(error) if is_unique_violation(&error) => return Ok(Changed::NameTaken),
        Err(error) => return Err(error),
    };
    let product = Entity::find_by_id(id).one(tx).await?;
    Ok(match (rows, product) {
        (_, None) => Changed::NoProduct,
        (0, Some(_)) => Changed::TooMany,
        (_, Some(product)) => Changed::Done(Box::new(product)),
    })
}

/// Takes `quantity` off what is available, or gives it back when it is below zero; `None` when there is no such product,
/// or not enough of it.
///
/// One guarded `UPDATE`, so that of many who order the last one, one gets it.
///
/// # Errors
/// When the database fails.
pub(crate) async fn take(
    tx: &impl ConnectionTrait,
    id: i64,
    quantity: i64,
    now_us: i64,
) -> Result<Option<Model>, DbErr> {
    let sql = "UPDATE product SET available = available - $1, version = version + 1, changed_at_us = $2
         WHERE id = $3 AND available - $1 BETWEEN 0 AND total RETURNING *";
    sql::changed(tx, sql, [quantity.into(), now_us.into(), id.into()]).await
}
