//! Orders of the shop: each reserves its quantity of a product for as long as it exists.
//!
//! The reserved quantity is not available to others; a released quantity is available again at once. Both happen in
//! one transaction, each as a single guarded statement, so no unit is lost, created or given back twice.

use database::DbConnection;
use sea_orm::Select;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ListQuery, product, sql};

/// The maximum cost of an order, in minor units: the largest amount that the API accepts.
const COST_MINOR_MAX: i64 = 100_000_000_000_000;

/// One order. Its id is never reused.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "shop_order")]
pub struct Model {
    /// The order's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The owner.
    pub user_id: i64,
    /// The product.
    pub product_id: i64,
    /// The quantity.
    pub quantity: i64,
    /// The date of the order, as the caller gives it: days since the epoch.
    pub day: i64,
    /// The price of one unit at the time of the order, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// When it was placed, in microseconds since the epoch.
    pub placed_at_us: i64,
    /// Rises by one with every change.
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The attributes of a new order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewShopOrder {
    /// The owner.
    pub user_id: i64,
    /// The product.
    pub product_id: i64,
    /// The quantity, at least one.
    pub quantity: i64,
    /// The date of the order, in days since the epoch.
    pub day: i64,
}

/// New values for some of an order's columns; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShopOrderChange {
    /// The product. A different product is charged at its current price.
    pub product_id: Option<i64>,
    /// The quantity, at least one.
    pub quantity: Option<i64>,
    /// The date of the order, in days since the epoch.
    pub day: Option<i64>,
}

/// An order after a write, and every product whose available quantity changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopOrderWrite {
    /// The order; of a deleted one, its last state.
    pub order: Model,
    /// The products in their new state.
    pub products: Vec<product::Model>,
}

/// The reason why a write to an order fails. The caller has to roll the transaction back: earlier statements in it
/// are not undone automatically.
#[derive(Debug)]
pub enum ShopOrderError {
    /// No such order exists, or it belongs to another user.
    NoOrder,
    /// No such product exists.
    NoProduct,
    /// The available quantity of the product is too small.
    InsufficientQuantity,
    /// The cost would exceed the largest amount.
    CostTooHigh,
    /// A concurrent writer changed the order.
    Conflict,
    /// The database failed.
    Database(DbErr),
}

impl From<DbErr> for ShopOrderError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

/// Selects a user's orders.
pub fn for_user(user_id: i64) -> Select<Entity> {
    Entity::find().filter(Column::UserId.eq(user_id))
}

/// The list of the orders of a user.
pub static FOR_USER: ListQuery<Entity> = ListQuery::new(|| for_user(0));

/// Returns the order with that id; if `owner` is given, only if it belongs to them.
pub async fn find(db: &impl DbConnection, id: i64, owner: Option<i64>) -> Result<Option<Model>, DbErr> {
    let found = db.row(Entity::find_by_id(id)).await?;
    Ok(found.filter(|order| owner.is_none_or(|owner| order.user_id == owner)))
}

/// Places an order.
///
/// # Errors
/// [`ShopOrderError`].
pub async fn place(tx: &impl DbConnection, new: NewShopOrder, now_us: i64) -> Result<ShopOrderWrite, ShopOrderError> {
    let product = take(tx, new.product_id, new.quantity, now_us).await?;
    require_affordable(product.price_minor, new.quantity)?;
    let sql =
        "INSERT INTO shop_order (user_id, product_id, quantity, day, price_minor, currency, placed_at_us, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1) RETURNING *";
    let values = [
        new.user_id.into(),
        new.product_id.into(),
        new.quantity.into(),
        new.day.into(),
        product.price_minor.into(),
        product.currency.clone().into(),
        now_us.into(),
    ];
    Ok(ShopOrderWrite {
        order: sql::fetch_one(tx, sql, values).await?,
        products: vec![product],
    })
}

/// Changes an order whose current state was just read as `before`.
///
/// Additional units of the same product cost as much as the first ones.
///
/// # Errors
/// [`ShopOrderError`].
pub async fn change(
    tx: &impl DbConnection,
    before: Model,
    change: ShopOrderChange,
    now_us: i64,
) -> Result<ShopOrderWrite, ShopOrderError> {
    let version = before.version;
    let mut after = Model {
        product_id: change.product_id.unwrap_or(before.product_id),
        quantity: change.quantity.unwrap_or(before.quantity),
        day: change.day.unwrap_or(before.day),
        ..before.clone()
    };
    let mut products = Vec::new();
    if after.product_id != before.product_id {
        let taken = take(tx, after.product_id, after.quantity, now_us).await?;
        after.price_minor = taken.price_minor;
        after.currency = taken.currency.clone();
        products.push(taken);
        products.push(give_back(tx, &before, now_us).await?);
    } else if after.quantity != before.quantity {
        products.push(take(tx, after.product_id, after.quantity - before.quantity, now_us).await?);
    }
    require_affordable(after.price_minor, after.quantity)?;
    // The quantities taken and given back above follow from `before`, so the UPDATE must replace exactly that
    // version.
    let sql = "UPDATE shop_order SET product_id = $1, quantity = $2, day = $3, price_minor = $4, currency = $5,
             version = version + 1
         WHERE id = $6 AND version = $7 RETURNING *";
    let values = [
        after.product_id.into(),
        after.quantity.into(),
        after.day.into(),
        after.price_minor.into(),
        after.currency.into(),
        after.id.into(),
        version.into(),
    ];
    let order = sql::fetch_optional(tx, sql, values)
        .await?
        .ok_or(ShopOrderError::Conflict)?;
    Ok(ShopOrderWrite { order, products })
}

/// Deletes an order and gives its quantity back; if `owner` is given, only if it belongs to them.
///
/// One guarded `DELETE` decides: a second deletion finds no row and gives nothing back.
///
/// # Errors
/// [`ShopOrderError`].
pub async fn remove(
    tx: &impl DbConnection,
    id: i64,
    owner: Option<i64>,
    now_us: i64,
) -> Result<ShopOrderWrite, ShopOrderError> {
    let removed: Option<Model> = match owner {
        Some(owner) => {
            let sql = "DELETE FROM shop_order WHERE id = $1 AND user_id = $2 RETURNING *";
            sql::fetch_optional(tx, sql, [id.into(), owner.into()]).await?
        }
        None => sql::fetch_optional(tx, "DELETE FROM shop_order WHERE id = $1 RETURNING *", [id.into()]).await?,
    };
    let order = removed.ok_or(ShopOrderError::NoOrder)?;
    let products = vec![give_back(tx, &order, now_us).await?];
    Ok(ShopOrderWrite { order, products })
}

async fn take(tx: &impl DbConnection, id: i64, quantity: i64, now_us: i64) -> Result<product::Model, ShopOrderError> {
    if let Some(product) = product::take(tx, id, quantity, now_us).await? {
        return Ok(product);
    }
    match tx.row(product::Entity::find_by_id(id)).await? {
        Some(_) => Err(ShopOrderError::InsufficientQuantity),
        None => Err(ShopOrderError::NoProduct),
    }
}

/// Makes the order's quantity available again.
async fn give_back(tx: &impl DbConnection, order: &Model, now_us: i64) -> Result<product::Model, ShopOrderError> {
    let given = product::take(tx, order.product_id, -order.quantity, now_us).await?;
    // The quantity was taken from this product, so there is room for it.
    given.ok_or(ShopOrderError::Database(DbErr::RecordNotUpdated))
}

/// Requires that the cost of an order does not exceed the largest amount.
fn require_affordable(price_minor: i64, quantity: i64) -> Result<(), ShopOrderError> {
    let cost = price_minor.checked_mul(quantity);
    if cost.is_some_and(|cost| cost <= COST_MINOR_MAX) {
        Ok(())
    } else {
        Err(ShopOrderError::CostTooHigh)
    }
}
