//! Orders of the shop: each has its quantity of a product for as long as it is there.
//!
//! What an order has is not available to others; what it gives up is available again at once. Both happen in one
//! transaction, each as a single guarded statement, so that none is lost, made or given back twice.

use sea_orm::Select;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{product, sql};

/// What an order can cost at most, in minor units: the largest amount there is.
const COST_MINOR_MAX: i64 = 100_000_000_000_000;

/// One order. Its id is never used again.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "shop_order")]
pub struct Model {
    /// The order's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Whose it is.
    pub user_id: i64,
    /// What was ordered.
    pub product_id: i64,
    /// How many.
    pub quantity: i64,
    /// The date of the order, as the caller says: days since the epoch.
    pub day: i64,
    /// What one cost when it was ordered, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// When it was placed, in microseconds since the epoch.
    pub placed_at_us: i64,
    /// Rises by one with every change.
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What an order is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewOrder {
    /// Whose it is.
    pub user_id: i64,
    /// What is ordered.
    pub product_id: i64,
    /// How many, at least one.
    pub quantity: i64,
    /// The date of the order, in days since the epoch.
    pub day: i64,
}

/// New values for some of an order's columns; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderChange {
    /// What is ordered. Another product costs what it costs now.
    pub product_id: Option<i64>,
    /// How many, at least one.
    pub quantity: Option<i64>,
    /// The date of the order, in days since the epoch.
    pub day: Option<i64>,
}

/// An order after a write, and every product that has more or less available now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The order; of a deleted one, what it was.
    pub order: Model,
    /// The products as they are now.
    pub products: Vec<product::Model>,
}

/// Why an order is not what was asked for. Whoever meets one has to give up the transaction: what came before it is not
/// undone by itself.
#[derive(Debug)]
pub enum Refused {
    /// There is no such order, or it belongs to somebody else.
    NoOrder,
    /// There is no such product.
    NoProduct,
    /// There is not enough of the product.
    NotEnough,
    /// It would cost more than there is money.
    TooDear,
    /// Somebody else changed the order at the same moment.
    Overtaken,
    /// The database failed.
    Database(DbErr),
}

impl From<DbErr> for Refused {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

/// Somebody's orders.
pub fn of_user(user_id: i64) -> Select<Entity> {
    Entity::find().filter(Column::UserId.eq(user_id))
}

/// The order with that id; where `owner` is given, only if it is theirs.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &impl ConnectionTrait, id: i64, owner: Option<i64>) -> Result<Option<Model>, DbErr> {
    let found = Entity::find_by_id(id).one(db).await?;
    Ok(found.filter(|order| owner.is_none_or(|owner| order.user_id == owner)))
}

/// Places an order.
///
/// # Errors
/// [`Refused`].
pub async fn place(tx: &impl ConnectionTrait, new: NewOrder, now_us: i64) -> Result<Written, Refused> {
    let product = take(tx, new.product_id, new.quantity, now_us).await?;
    affordable(product.price_minor, new.quantity)?;
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
    Ok(Written {
        order: sql::made(tx, sql, values).await?,
        products: vec![product],
    })
}

/// Changes an order that was just found to be `before`.
///
/// More of the same product costs what the first ones did.
///
/// # Errors
/// [`Refused`].
pub async fn change(
    tx: &impl ConnectionTrait,
    before: Model,
    change: OrderChange,
    now_us: i64,
) -> Result<Written, Refused> {
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
    affordable(after.price_minor, after.quantity)?;
    // What was taken and given back above follows from `before`: it has to be what is replaced here.
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
    let order = sql::changed(tx, sql, values).await?.ok_or(Refused::Overtaken)?;
    Ok(Written { order, products })
}

/// Deletes an order and gives back what it had; where `owner` is given, only if it is theirs.
///
/// One guarded `DELETE` decides: whoever deletes it a second time finds nothing to give back.
///
/// # Errors
/// [`Refused`].
pub async fn remove(tx: &impl ConnectionTrait, id: i64, owner: Option<i64>, now_us: i64) -> Result<Written, Refused> {
    let removed: Option<Model> = match owner {
        Some(owner) => {
            let sql = "DELETE FROM shop_order WHERE id = $1 AND user_id = $2 RETURNING *";
            sql::changed(tx, sql, [id.into(), owner.into()]).await?
        }
        None => sql::changed(tx, "DELETE FROM shop_order WHERE id = $1 RETURNING *", [id.into()]).await?,
    };
    let order = removed.ok_or(Refused::NoOrder)?;
    let products = vec![give_back(tx, &order, now_us).await?];
    Ok(Written { order, products })
}

async fn take(tx: &impl ConnectionTrait, id: i64, quantity: i64, now_us: i64) -> Result<product::Model, Refused> {
    if let Some(product) = product::take(tx, id, quantity, now_us).await? {
        return Ok(product);
    }
    match product::Entity::find_by_id(id).one(tx).await? {
        Some(_) => Err(Refused::NotEnough),
        None => Err(Refused::NoProduct),
    }
}

/// What the order has is available again.
async fn give_back(tx: &impl ConnectionTrait, order: &Model, now_us: i64) -> Result<product::Model, Refused> {
    let given = product::take(tx, order.product_id, -order.quantity, now_us).await?;
    // It was taken from there, so there is room for it.
    given.ok_or(Refused::Database(DbErr::RecordNotUpdated))
}

/// What an order costs is money, and there is no more of it than that.
fn affordable(price_minor: i64, quantity: i64) -> Result<(), Refused> {
    let cost = price_minor.checked_mul(quantity);
    match cost.is_some_and(|cost| cost <= COST_MINOR_MAX) {
        true => Ok(()),
        false => Err(Refused::TooDear),
    }
}
