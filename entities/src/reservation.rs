//! Trades on their way into the replicated order log: made here, numbered there.
//!
//! Two kinds. A *binding* one is a trade that this database has carried out with everything that belongs to it; what is
//! missing is its number, and it gets one, however often the log has to be asked. Any other one only sets shares aside
//! for somebody who asks the log themselves: it is confirmed with its number, or cancelled once the log says that it never
//! gets one.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::exchange_order::{self, NewOrder};
use crate::failed::{Failed, Refusal};
use crate::side::Side;
use crate::stock::{self, Which};
use crate::{brokerage_order, sql};

/// One trade on its way.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "reservation")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// What the log calls this try to record the trade: never used again, whatever becomes of it.
    #[sea_orm(unique)]
    pub attempt: String,
    /// The key under which the log records the trade once.
    pub log_key: String,
    /// Whether it is carried out already, and only waits for its number.
    pub binding: bool,
    /// What is traded.
    pub stock_id: i64,
    /// `BUY` or `SELL`.
    pub side: String,
    /// How many shares.
    pub quantity: i64,
    /// The price of one share, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// Who trades; nobody when a program does for nobody in particular.
    pub trader_id: Option<i64>,
    /// When, in microseconds since the epoch.
    pub at_us: i64,
    /// `RESERVED`, `CONFIRMED` or `CANCELLED`; it stops being reserved once.
    pub state: String,
    /// The number that the log gave it.
    #[sea_orm(unique)]
    pub number: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The trade as it is recorded under that number.
    pub fn numbered(&self, number: i64) -> exchange_order::Model {
        exchange_order::Model {
            number,
            stock_id: self.stock_id,
            side: self.side.clone(),
            quantity: self.quantity,
            price_minor: self.price_minor,
            currency: self.currency.clone(),
            trader_id: self.trader_id,
            at_us: self.at_us,
        }
    }
}

/// More trades than can wait for their numbers at once. So many numbers are kept free, because a trade that waits gets one
/// for certain.
const UNNUMBERED_MAX: i64 = 65_536;

/// How the log knows a trade.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// This try to record it.
    pub attempt: &'a str,
    /// What is recorded once.
    pub key: &'a str,
}

/// What the end of a reservation changed.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// The stock, where shares came or went.
    pub stock: Option<stock::Model>,
    /// The order of the brokerage that has its number now.
    pub order: Option<brokerage_order::Model>,
}

/// Why a reservation is not made, or does not end so.
#[derive(Debug)]
pub enum EndError {
    /// It came to another end before; `unknown` when there is none of that name.
    Otherwise(String),
    /// The exchange has no such shares, or no room for them; or the database failed.
    Failed(Failed),
}

impl<E: Into<Failed>> From<E> for EndError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Notes that a trade of `stock`, which this transaction carries out, waits for its number.
///
/// # Errors
/// [`Refusal::NumbersUsedUp`], or when the database fails.
pub async fn bind(
    tx: &impl ConnectionTrait,
    attempt: &str,
    stock: &stock::Model,
    order: &NewOrder,
    now_us: i64,
) -> Result<Model, Failed> {
    let names = Names { attempt, key: attempt };
    insert(tx, names, true, stock, order, now_us).await
}

/// Sets shares aside for an attempt and says at which price: a buyer's are nobody else's from now on, a seller's count when
/// they are confirmed, and there is room for them. Asked again, it answers the same.
///
/// # Errors
/// A refusal as [`stock::trade`] has it, [`EndError::Otherwise`] for an attempt that has ended, or when the database fails.
pub async fn reserve(
    tx: &impl ConnectionTrait,
    names: Names<'_>,
    which: &Which,
    side: Side,
    quantity: i64,
    now_us: i64,
) -> Result<(Model, Option<stock::Model>), EndError> {
    if let Some(known) = of_attempt(tx, names.attempt).await? {
        return match known.state.as_str() {
            "RESERVED" => Ok((known, None)),
            _ => Err(EndError::Otherwise(known.state.to_lowercase())),
        };
    }
    let stock = stock::hold(tx, which, side, quantity, now_us).await?;
    let order = NewOrder {
        side,
        quantity,
        price_minor: stock.price_minor,
        trader_id: None,
    };
    let made = insert(tx, names, false, &stock, &order, now_us).await?;
    Ok((made, (side == Side::Buy).then_some(stock)))
}

/// The log has recorded the attempt under this number: the trade is in the ledger, its shares are where they belong, and an
/// order of the brokerage that it carried out knows its number. Asked again, it changes nothing.
///
/// # Errors
/// [`EndError::Otherwise`], or when the database fails.
pub async fn confirm(tx: &impl ConnectionTrait, attempt: &str, number: i64, now_us: i64) -> Result<Ended, EndError> {
    let sql = "UPDATE reservation SET state = 'CONFIRMED', number = $1
         WHERE attempt = $2 AND state = 'RESERVED' RETURNING *";
    let ended: Option<Model> = sql::changed(tx, sql, [number.into(), attempt.into()]).await?;
    let Some(ended) = ended else {
        return match of_attempt(tx, attempt).await? {
            Some(known) if known.number == Some(number) => Ok(Ended::default()),
            // Its row was swept, long after the number was written down.
            None if exchange_order::last_number(tx).await? >= number => Ok(Ended::default()),
            known => Err(otherwise(known)),
        };
    };
    exchange_order::insert(tx, &ended.numbered(number)).await?;
    match ended.binding {
        true => Ok(Ended {
            stock: None,
            order: brokerage_order::number(tx, ended.id, number, now_us).await?,
        }),
        false => Ok(Ended {
            stock: Some(let_go(tx, &ended, ended.side == Side::Sell.as_str(), true, now_us).await?),
            order: None,
        }),
    }
}

/// The log never records the attempt: its shares are as if nobody had set them aside. Asked again, it changes nothing, and
/// what was never reserved has nothing to give back. A binding one is never cancelled.
///
/// # Errors
/// [`EndError::Otherwise`], or when the database fails.
pub async fn cancel(tx: &impl ConnectionTrait, attempt: &str, now_us: i64) -> Result<Ended, EndError> {
    let sql = "UPDATE reservation SET state = 'CANCELLED'
         WHERE attempt = $1 AND state = 'RESERVED' AND NOT binding RETURNING *";
    let ended: Option<Model> = sql::changed(tx, sql, [attempt.into()]).await?;
    if let Some(ended) = ended {
        let stock = let_go(tx, &ended, ended.side == Side::Buy.as_str(), false, now_us).await?;
        return Ok(Ended {
            stock: Some(stock),
            order: None,
        });
    }
    match of_attempt(tx, attempt).await? {
        None => Ok(Ended::default()),
        Some(known) if known.state == "CANCELLED" => Ok(Ended::default()),
        known => Err(otherwise(known)),
    }
}

/// Takes back a binding one of which the log was never told: its shares go back to where they came from, and nothing of it is
/// left. `None` when it has its number, or the exchange has traded the shares on, or has no room for them any more.
///
/// Only for a trade to which nothing belongs but shares of the exchange.
///
/// # Errors
/// When the database fails.
pub async fn withdraw(tx: &impl ConnectionTrait, id: i64, now_us: i64) -> Result<Option<stock::Model>, DbErr> {
    let Some(known) = Entity::find_by_id(id).filter(open()).one(tx).await? else {
        return Ok(None);
    };
    let side = Side::of(&known.side);
    let Some(stock) = stock::take_back(tx, known.stock_id, side, known.quantity, known.at_us, now_us).await? else {
        return Ok(None);
    };
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(Some(stock))
}

/// What became of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has this number.
    Numbered(i64),
    /// It has none yet.
    Open,
    /// It was taken back or cancelled: it has not happened and never will.
    Gone,
}

/// What became of a trade that was reserved under this id.
///
/// # Errors
/// When the database fails.
pub async fn fate(db: &impl ConnectionTrait, id: i64) -> Result<Fate, DbErr> {
    let found = Entity::find_by_id(id).one(db).await?;
    Ok(match found {
        Some(Model {
            number: Some(number), ..
        }) => Fate::Numbered(number),
        Some(known) if known.state == "RESERVED" => Fate::Open,
        _ => Fate::Gone,
    })
}

/// Binding ones that have no number yet, the first made first, each with its stock's name.
///
/// # Errors
/// When the database fails.
pub async fn unnumbered(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<(Model, String)>, DbErr> {
    let open = Entity::find()
        .filter(open())
        .filter(Column::Binding.eq(true))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    let stocks = stock::Entity::find().filter(stock::Column::Id.is_in(open.iter().map(|open| open.stock_id)));
    let stocks = stocks.all(db).await?;
    let named = open.into_iter().filter_map(|open| {
        let stock = stocks.iter().find(|stock| stock.id == open.stock_id)?;
        Some((open, stock.name.clone()))
    });
    Ok(named.collect())
}

/// At most `limit` that only set shares aside and have not ended, the first made first; those of one key only, if it is given.
///
/// # Errors
/// When the database fails.
pub async fn aside(db: &impl ConnectionTrait, key: Option<&str>, limit: u64) -> Result<Vec<Model>, DbErr> {
    let mut found = Entity::find().filter(open()).filter(Column::Binding.eq(false));
    if let Some(key) = key {
        found = found.filter(Column::LogKey.eq(key));
    }
    found.order_by_asc(Column::Id).limit(limit).all(db).await
}

/// Whether any of either kind waits.
///
/// # Errors
/// When the database fails.
pub async fn are_any_open(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(Entity::find().filter(open()).limit(1).one(db).await?.is_some())
}

/// The reservation of an attempt, if there is one.
///
/// # Errors
/// When the database fails.
pub async fn of_attempt(db: &impl ConnectionTrait, attempt: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::Attempt.eq(attempt)).one(db).await
}

/// The reservations that got these numbers, as far as they have not been swept.
///
/// # Errors
/// When the database fails.
pub async fn of_numbers(
    db: &impl ConnectionTrait,
    numbers: impl IntoIterator<Item = i64>,
) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Number.is_in(numbers)).all(db).await
}

/// Deletes up to `rows_max` that ended and were made before `before_us`; returns how many. The trade stays, and an order
/// that it carried out keeps its number.
///
/// # Errors
/// When the database fails.
pub async fn sweep(tx: &impl ConnectionTrait, before_us: i64, rows_max: u64) -> Result<u64, DbErr> {
    // By id, which is the order in which they were made: no index is needed to find the oldest ones.
    let over = "SELECT id FROM (SELECT id, state, at_us FROM reservation ORDER BY id LIMIT $1)
         WHERE state <> 'RESERVED' AND at_us < $2";
    let values = || [rows_max.into(), before_us.into()];
    let numbered = format!("UPDATE brokerage_order SET reservation_id = NULL WHERE reservation_id IN ({over})");
    sql::count(tx, &numbered, values()).await?;
    sql::count(tx, &format!("DELETE FROM reservation WHERE id IN ({over})"), values()).await
}

/// The number that a trade got, once it has one.
///
/// # Errors
/// When the database fails.
pub async fn number_of(db: &impl ConnectionTrait, id: i64) -> Result<Option<i64>, DbErr> {
    let found = Entity::find_by_id(id).one(db).await?;
    Ok(found.and_then(|found| found.number))
}

// Written out: to a parameter, SQLite does not apply the indexes of open ones.
fn open() -> Expr {
    Expr::cust("reservation.state = 'RESERVED'")
}

async fn insert(
    tx: &impl ConnectionTrait,
    Names { attempt, key }: Names<'_>,
    binding: bool,
    stock: &stock::Model,
    order: &NewOrder,
    now_us: i64,
) -> Result<Model, Failed> {
    let last_number = exchange_order::NUMBER_MAX - UNNUMBERED_MAX;
    let sql = format!(
        "INSERT INTO reservation (attempt, log_key, binding, stock_id, side, quantity, price_minor, currency,
             trader_id, at_us, state)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'RESERVED'
         WHERE coalesce((SELECT max(number) FROM exchange_order), -1) < {last_number} RETURNING *"
    );
    let values = [
        attempt.into(),
        key.into(),
        binding.into(),
        stock.id.into(),
        order.side.as_str().into(),
        order.quantity.into(),
        order.price_minor.into(),
        stock.currency.as_str().into(),
        order.trader_id.into(),
        now_us.into(),
    ];
    let made = sql::changed(tx, &sql, values).await?;
    made.ok_or_else(|| Refusal::NumbersUsedUp.into())
}

/// Shares that were set aside are not any more: they come to the exchange, or are gone. A trade counts into the volume.
async fn let_go(
    tx: &impl ConnectionTrait,
    ended: &Model,
    comes: bool,
    traded: bool,
    now_us: i64,
) -> Result<stock::Model, DbErr> {
    let comes = if comes { ended.quantity } else { 0 };
    let volume = if traded { ended.quantity } else { 0 };
    stock::let_go(tx, ended.stock_id, ended.quantity, comes, volume, now_us).await
}

fn otherwise(known: Option<Model>) -> EndError {
    EndError::Otherwise(known.map_or_else(|| "unknown".to_owned(), |known| known.state.to_lowercase()))
}
