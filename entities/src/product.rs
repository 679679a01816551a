//! Products of the shop, and the quantity of each that can be ordered.

use database::DbConnection;
use sea_orm::Select;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;
use serde::{Deserialize, Serialize};

use crate::case_fold::{case_fold, contains_pattern};
use crate::{is_unique_violation, sql};

/// The most units of a product, including ordered ones: the maximum that the API can represent.
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
    /// The case-insensitive key of the name ([`case_fold`]), which is unique.
    #[sea_orm(unique)]
    pub name_key: String,
    /// The price of one unit, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// The quantity that can be ordered.
    pub available: i64,
    /// The available quantity plus the quantity in open orders. No order changes the sum, so it shows whether an
    /// order lost or created units.
    pub total: i64,
    /// Rises by one with every change.
    pub version: i64,
    /// When it last changed, in microseconds since the epoch.
    pub changed_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The attributes of a new product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewProduct {
    /// Its name.
    pub name: String,
    /// The price of one unit, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// The quantity that can be ordered.
    pub available: i64,
}

/// New values for some of a product's columns; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductChange {
    /// Its name.
    pub name: Option<String>,
    /// The price of one unit in minor units, with its currency.
    pub price: Option<(i64, String)>,
    /// The quantity that can be ordered from now on. Open orders keep their quantity.
    pub available: Option<i64>,
}

/// The outcome of [`change`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductChangeOutcome {
    /// The product as it is now.
    Done(Box<Model>),
    /// No such product exists.
    NoProduct,
    /// Another product has that name.
    NameTaken,
    /// Together with the quantity in open orders it would exceed [`TOTAL_MAX`].
    TooMany,
}

/// Selects the products whose name contains a text, case-insensitively; all products if no text is given.
pub fn search(text: Option<&str>) -> Select<Entity> {
    let all = Entity::find();
    match text {
        Some(text) => all.filter(Expr::col((Entity, Column::NameKey)).like(contains_pattern(text))),
        None => all,
    }
}

/// Adds a product; `None` when the name is taken.
pub async fn add(tx: &impl DbConnection, new: NewProduct, now_us: i64) -> Result<Option<Model>, DbErr> {
    let sql = "INSERT INTO product (name, name_key, price_minor, currency, available, total, version, changed_at_us)
         VALUES ($1, $2, $3, $4, $5, $5, 1, $6) ON CONFLICT (name_key) DO NOTHING RETURNING *";
    let name_key = case_fold(&new.name);
    let values = [
        new.name.into(),
        name_key.into(),
        new.price_minor.into(),
        new.currency.into(),
        new.available.into(),
        now_us.into(),
    ];
    sql::fetch_optional(tx, sql, values).await
}

/// Changes a product.
///
/// # Errors
/// When the database fails. An outcome other than [`ProductChangeOutcome::Done`] is no error, but the caller then has to roll
/// its transaction back.
pub async fn change(
    tx: &impl DbConnection,
    id: i64,
    change: ProductChange,
    now_us: i64,
) -> Result<ProductChangeOutcome, DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::ChangedAtUs, now_us.into())
        .filter(Column::Id.eq(id));
    if let Some(name) = change.name {
        update = update
            .col_expr(Column::NameKey, case_fold(&name).into())
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
        // The name is the only one of these columns that has to be unique.
        Err(error) if is_unique_violation(&error) => return Ok(ProductChangeOutcome::NameTaken),
        Err(error) => return Err(error),
    };
    let product = tx.row(Entity::find_by_id(id)).await?;
    Ok(match (rows, product) {
        (_, None) => ProductChangeOutcome::NoProduct,
        (0, Some(_)) => ProductChangeOutcome::TooMany,
        (_, Some(product)) => ProductChangeOutcome::Done(Box::new(product)),
    })
}

/// Reduces the available quantity by `quantity`, or increases it when that is below zero; `None` when the product
/// does not exist or has too few units.
///
/// One guarded `UPDATE`: of many concurrent orders for the last unit, exactly one gets it.
pub(crate) async fn take(tx: &impl DbConnection, id: i64, quantity: i64, now_us: i64) -> Result<Option<Model>, DbErr> {
    let sql = "UPDATE product SET available = available - $1, version = version + 1, changed_at_us = $2
         WHERE id = $3 AND available - $1 BETWEEN 0 AND total RETURNING *";
    sql::fetch_optional(tx, sql, [quantity.into(), now_us.into(), id.into()]).await
}
