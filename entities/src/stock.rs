//! Stocks of the exchange: a price, the shares it has to sell, and the day's figures.
//!
//! A day is a UTC day. Its figures begin with its first change; until then a reader sees the last price
//! ([`Model::today`]).

use database::DbConnection;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{EntityError, Violation};
use crate::side::Side;
use crate::{KeyedQuery, sql};

/// The most shares of a stock that the exchange can have.
pub const QUANTITY_MAX: i64 = 2_147_483_647;
const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// One stock. Never deleted, never renamed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "stock")]
pub struct Model {
    /// The stock's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Its name; upper and lower case differ.
    #[sea_orm(unique)]
    pub name: String,
    /// The price of one share, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// Shares that the exchange has to sell.
    pub quantity: i64,
    /// The day of the next four columns: days since the epoch.
    pub day: i64,
    /// The price when that day began.
    pub open_minor: i64,
    /// The highest price of that day.
    pub high_minor: i64,
    /// The lowest price of that day.
    pub low_minor: i64,
    /// Shares traded on that day, both ways.
    pub volume: i64,
    /// Rises by one with every change.
    pub version: i64,
    /// When it last changed, in microseconds since the epoch.
    pub changed_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Stocks by id.
pub static BY_ID: KeyedQuery<Entity> = KeyedQuery::new(Column::Id);

/// The day's figures, in minor units and shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayFigures {
    /// The price when the day began.
    pub open_minor: i64,
    /// The highest price.
    pub high_minor: i64,
    /// The lowest price.
    pub low_minor: i64,
    /// The last price.
    pub close_minor: i64,
    /// Shares traded, both ways.
    pub volume: i64,
}

impl Model {
    /// Returns the figures of the day that contains `now_us`.
    pub fn today(&self, now_us: i64) -> DayFigures {
        let price = self.price_minor;
        let (open_minor, high_minor, low_minor, volume) = if self.day == day_of(now_us) {
            (self.open_minor, self.high_minor, self.low_minor, self.volume)
        } else {
            (price, price, price, 0)
        };
        DayFigures {
            open_minor,
            high_minor,
            low_minor,
            close_minor: price,
            volume,
        }
    }
}

/// Days since the epoch.
pub fn day_of(now_us: i64) -> i64 {
    now_us.div_euclid(DAY_US)
}

/// A reference to a stock.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StockRef {
    /// By its id.
    Id(i64),
    /// By its name.
    Name(String),
}

/// The attributes of a new stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewStock {
    /// Its name.
    pub name: String,
    /// The price of one share, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// Shares to sell.
    pub quantity: i64,
}

/// Returns the stock of that name.
pub async fn by_name(db: &impl DbConnection, name: &str) -> Result<Option<Model>, DbErr> {
    db.row(Entity::find().filter(Column::Name.eq(name))).await
}

/// Returns the stocks of those names; unknown names are skipped.
pub async fn by_names(db: &impl DbConnection, names: impl IntoIterator<Item = &String>) -> Result<Vec<Model>, DbErr> {
    static BY_NAME: KeyedQuery<Entity> = KeyedQuery::new(Column::Name);
    BY_NAME.find(db, names.into_iter().map(String::as_str)).await
}

/// Returns the stock that `stock_ref` refers to.
pub async fn find(db: &impl DbConnection, stock_ref: &StockRef) -> Result<Option<Model>, DbErr> {
    match stock_ref {
        StockRef::Id(id) => db.row(Entity::find_by_id(*id)).await,
        StockRef::Name(name) => by_name(db, name).await,
    }
}

/// Lists a new stock; `None` when the name is taken.
pub async fn add(tx: &impl DbConnection, new: NewStock, now_us: i64) -> Result<Option<Model>, DbErr> {
    let sql = "INSERT INTO stock (name, price_minor, currency, quantity, day, open_minor, high_minor, low_minor, volume, version, changed_at_us)
         VALUES ($1, $2, $3, $4, $5, $2, $2, $2, 0, 1, $6) ON CONFLICT (name) DO NOTHING RETURNING *";
    let values = [
        new.name.into(),
        new.price_minor.into(),
        new.currency.into(),
        new.quantity.into(),
        day_of(now_us).into(),
        now_us.into(),
    ];
    sql::fetch_optional(tx, sql, values).await
}

/// Takes shares out of the exchange (a buy) or puts shares in (a sell), and adds them to the day's volume.
///
/// One guarded statement: even under concurrent trades, the exchange never has a negative number of shares.
///
/// # Errors
/// [`Violation::NoStock`], [`Violation::InsufficientStock`], [`Violation::StockFull`], or when the database fails.
pub async fn trade(
    tx: &impl DbConnection,
    stock_ref: &StockRef,
    side: Side,
    quantity: i64,
    now_us: i64,
) -> Result<Model, EntityError> {
    move_shares(tx, stock_ref, side, quantity, quantity, now_us).await
}

/// Like [`trade`], but leaves the volume unchanged: a correction of the catalog, not a trade.
///
/// # Errors
/// As [`trade`].
pub async fn adjust(
    tx: &impl DbConnection,
    stock_ref: &StockRef,
    side: Side,
    quantity: i64,
    now_us: i64,
) -> Result<Model, EntityError> {
    move_shares(tx, stock_ref, side, quantity, 0, now_us).await
}

async fn move_shares(
    tx: &impl DbConnection,
    stock_ref: &StockRef,
    side: Side,
    quantity: i64,
    volume: i64,
    now_us: i64,
) -> Result<Model, EntityError> {
    let change = match side {
        Side::Buy => -quantity,
        Side::Sell => quantity,
    };
    let (column, key) = column(stock_ref);
    let sql = format!(
        "UPDATE stock SET quantity = quantity + $1,
             volume = CASE WHEN day = $2 THEN volume ELSE 0 END + $3,
             {NEW_DAY_PRICES}, day = $2, version = version + 1, changed_at_us = $4
         WHERE {column} = $5 AND quantity + $1 >= 0 AND quantity + held + $1 <= {QUANTITY_MAX} RETURNING *"
    );
    let values = [change.into(), day_of(now_us).into(), volume.into(), now_us.into(), key];
    if let Some(stock) = sql::fetch_optional(tx, &sql, values).await? {
        return Ok(stock);
    }
    Err(violation(tx, stock_ref, side).await?)
}

/// Takes shares out of the exchange for a purchase, or keeps room for the shares of a sale, until [`release`]. The
/// returned row has the price and, for a purchase, the reduced quantity.
///
/// # Errors
/// As [`trade`].
pub async fn reserve(
    tx: &impl DbConnection,
    stock_ref: &StockRef,
    side: Side,
    quantity: i64,
    now_us: i64,
) -> Result<Model, EntityError> {
    let (column, key) = column(stock_ref);
    let (sql, values) = match side {
        Side::Buy => (
            format!(
                "UPDATE stock SET quantity = quantity - $1, held = held + $1, version = version + 1, changed_at_us = $3
                 WHERE {column} = $2 AND quantity >= $1 RETURNING *"
            ),
            vec![quantity.into(), key, now_us.into()],
        ),
        // Reserved room is not visible to clients, so the version stays.
        Side::Sell => (
            format!(
                "UPDATE stock SET held = held + $1
                 WHERE {column} = $2 AND quantity + held + $1 <= {QUANTITY_MAX} RETURNING *"
            ),
            vec![quantity.into(), key],
        ),
    };
    match sql::fetch_optional(tx, &sql, values).await? {
        Some(stock) => Ok(stock),
        None => Err(violation(tx, stock_ref, side).await?),
    }
}

/// Releases shares that [`reserve`] reserved: `to_exchange` of them go to the exchange and the rest is dropped; `volume` of
/// them were traded.
pub async fn release(
    tx: &impl DbConnection,
    id: i64,
    quantity: i64,
    to_exchange: i64,
    volume: i64,
    now_us: i64,
) -> Result<Model, DbErr> {
    let sql = format!(
        "UPDATE stock SET held = held - $5, quantity = quantity + $1,
             volume = CASE WHEN day = $2 THEN volume ELSE 0 END + $3,
             {NEW_DAY_PRICES}, day = $2, version = version + 1, changed_at_us = $4
         WHERE id = $6 RETURNING *"
    );
    let values = [
        to_exchange.into(),
        day_of(now_us).into(),
        volume.into(),
        now_us.into(),
        quantity.into(),
        id.into(),
    ];
    sql::fetch_one(tx, &sql, values).await
}

/// Reverses a trade made at `at_us`, including its part of the day's volume; `None` when the exchange has traded
/// its shares on, or has no room for them.
pub async fn reverse_trade(
    tx: &impl DbConnection,
    id: i64,
    side: Side,
    quantity: i64,
    at_us: i64,
    now_us: i64,
) -> Result<Option<Model>, DbErr> {
    let change = match side {
        Side::Buy => quantity,
        Side::Sell => -quantity,
    };
    let sql = format!(
        "UPDATE stock SET quantity = quantity + $1,
             volume = CASE WHEN day = $2 THEN max(volume - $3, 0) ELSE volume END,
             version = version + 1, changed_at_us = $4
         WHERE id = $5 AND quantity + $1 >= 0 AND quantity + held + $1 <= {QUANTITY_MAX} RETURNING *"
    );
    let values = [
        change.into(),
        day_of(at_us).into(),
        quantity.into(),
        now_us.into(),
        id.into(),
    ];
    sql::fetch_optional(tx, &sql, values).await
}

fn column(stock_ref: &StockRef) -> (&'static str, Value) {
    match stock_ref {
        StockRef::Id(id) => ("id", (*id).into()),
        StockRef::Name(name) => ("name", name.as_str().into()),
    }
}

/// Returns the reason why a guarded statement matched no row.
async fn violation(tx: &impl DbConnection, stock_ref: &StockRef, side: Side) -> Result<EntityError, DbErr> {
    let violation = match (find(tx, stock_ref).await?, side) {
        (None, _) => Violation::NoStock,
        (Some(_), Side::Buy) => Violation::InsufficientStock,
        (Some(_), Side::Sell) => Violation::StockFull,
    };
    Ok(violation.into())
}

/// A new day begins with the last price of the day before.
const NEW_DAY_PRICES: &str = "open_minor = CASE WHEN day = $2 THEN open_minor ELSE price_minor END,
             high_minor = CASE WHEN day = $2 THEN high_minor ELSE price_minor END,
             low_minor = CASE WHEN day = $2 THEN low_minor ELSE price_minor END";

/// Sets the price of a share; `None` when no such stock exists. The caller then calls
/// [`crate::brokerage_order::trigger`] in the same transaction, which marks the orders that the price triggers.
pub async fn set_price(
    tx: &impl DbConnection,
    stock_ref: &StockRef,
    price_minor: i64,
    now_us: i64,
) -> Result<Option<Model>, DbErr> {
    let (column, key) = column(stock_ref);
    let sql = format!(
        "UPDATE stock SET price_minor = $1,
             open_minor = CASE WHEN day = $2 THEN open_minor ELSE price_minor END,
             high_minor = CASE WHEN $1 > CASE WHEN day = $2 THEN high_minor ELSE price_minor END THEN $1
                               WHEN day = $2 THEN high_minor ELSE price_minor END,
             low_minor = CASE WHEN $1 < CASE WHEN day = $2 THEN low_minor ELSE price_minor END THEN $1
                              WHEN day = $2 THEN low_minor ELSE price_minor END,
             volume = CASE WHEN day = $2 THEN volume ELSE 0 END,
             day = $2, version = version + 1, changed_at_us = $3
         WHERE {column} = $4 RETURNING *"
    );
    let values = [price_minor.into(), day_of(now_us).into(), now_us.into(), key];
    sql::fetch_optional(tx, &sql, values).await
}
