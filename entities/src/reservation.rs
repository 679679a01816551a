//! Reservations: trades on their way into the replicated order log, created here and numbered there.
//!
//! There are two kinds. A *binding* one is a trade that this database has executed completely; only its number is
//! missing. It always gets one, however often the system has to ask the log. A non-binding one only sets shares
//! aside for a client that asks the log itself. It is confirmed with its number, or cancelled once the log states
//! that it will never get one.

use database::DbConnection;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::error::{EntityError, Violation};
use crate::exchange_order::{self, NewTrade};
use crate::side::Side;
use crate::stock::{self, StockRef};
use crate::text_enum::text_enum;
use crate::{brokerage_order, is_among, sql};

/// One reservation.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "reservation")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The log's id of this attempt to record the trade; never reused, whatever the outcome.
    #[sea_orm(unique)]
    pub attempt: String,
    /// The idempotency key under which the log records the trade at most once.
    pub log_key: String,
    /// Whether the trade is already executed and only waits for its number.
    pub binding: bool,
    /// The stock.
    pub stock_id: i64,
    /// The direction of the trade.
    pub side: Side,
    /// The number of shares.
    pub quantity: i64,
    /// The price of one share, in minor units.
    pub price_minor: i64,
    /// The price's ISO 4217 currency code.
    pub currency: String,
    /// The user who trades; `None` when a program trades without a user.
    pub trader_id: Option<i64>,
    /// The time of the trade, in microseconds since the epoch.
    pub at_us: i64,
    /// Its state; it leaves [`ReservationState::Reserved`] once and never returns.
    pub state: ReservationState,
    /// The number that the log gave it.
    #[sea_orm(unique)]
    pub number: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

text_enum! {
    /// The state of a reservation.
    pub enum ReservationState {
        /// It waits for its number, or for its cancellation.
        Reserved = "RESERVED",
        /// The log has recorded the trade.
        Confirmed = "CONFIRMED",
        /// The log will never record the trade.
        Cancelled = "CANCELLED",
    }
}

impl Model {
    /// Returns the trade in the form in which it is recorded under that number.
    pub fn to_exchange_order(&self, number: i64) -> exchange_order::Model {
        exchange_order::Model {
            number,
            stock_id: self.stock_id,
            side: self.side,
            quantity: self.quantity,
            price_minor: self.price_minor,
            currency: self.currency.clone(),
            trader_id: self.trader_id,
            at_us: self.at_us,
        }
    }
}

/// An upper bound on the trades that wait for their numbers at once. This many numbers stay free, because every
/// waiting trade is guaranteed to get one.
const UNNUMBERED_MAX: i64 = 65_536;

/// The ids of a trade in the log.
#[derive(Clone, Copy, Debug)]
pub struct TradeIds<'a> {
    /// The id of this attempt to record it.
    pub attempt: &'a str,
    /// The idempotency key of the trade.
    pub key: &'a str,
}

/// The rows that the end of a reservation changed.
#[derive(Clone, Debug, Default)]
pub struct ReservationEnd {
    /// The stock, if its shares changed.
    pub stock: Option<stock::Model>,
    /// The brokerage order that got its number.
    pub order: Option<brokerage_order::Model>,
}

/// The reason why a reservation is not made, or does not end as requested.
#[derive(Debug)]
pub enum ReservationError {
    /// It has already ended differently; `unknown` when no such reservation exists.
    AlreadyEnded(String),
    /// The exchange lacks the shares, or has no room for them; or the database failed.
    Entity(EntityError),
}

impl<E: Into<EntityError>> From<E> for ReservationError {
    fn from(error: E) -> Self {
        Self::Entity(error.into())
    }
}

/// Records that a trade of `stock`, which this transaction executes, waits for its number.
///
/// # Errors
/// [`Violation::NumbersUsedUp`], or when the database fails.
pub async fn insert_binding(
    tx: &impl DbConnection,
    attempt: &str,
    stock: &stock::Model,
    order: &NewTrade,
    now_us: i64,
) -> Result<Model, EntityError> {
    let ids = TradeIds { attempt, key: attempt };
    insert(tx, ids, true, stock, order, now_us).await
}

/// Sets shares aside for an attempt and returns their price. For a purchase, the shares are no longer available to
/// others. For a sale, the exchange keeps room for them, and they count once they are confirmed. A repeated call
/// returns the same reservation.
///
/// # Errors
/// A refusal as in [`stock::trade`], [`ReservationError::AlreadyEnded`] for an attempt that has ended, or an error when the
/// database fails.
pub async fn reserve(
    tx: &impl DbConnection,
    ids: TradeIds<'_>,
    stock_ref: &StockRef,
    side: Side,
    quantity: i64,
    now_us: i64,
) -> Result<(Model, Option<stock::Model>), ReservationError> {
    if let Some(known) = by_attempt(tx, ids.attempt).await? {
        return match known.state {
            ReservationState::Reserved => Ok((known, None)),
            ReservationState::Confirmed | ReservationState::Cancelled => Err(already_ended(Some(known))),
        };
    }
    let stock = stock::reserve(tx, stock_ref, side, quantity, now_us).await?;
    let order = NewTrade {
        side,
        quantity,
        price_minor: stock.price_minor,
        trader_id: None,
    };
    let made = insert(tx, ids, false, &stock, &order, now_us).await?;
    Ok((made, (side == Side::Buy).then_some(stock)))
}

/// Confirms an attempt that the log has recorded under this number: records the trade in the ledger, books its
/// shares, and stores the number in the brokerage order that the trade executed. A repeated call changes nothing.
///
/// # Errors
/// [`ReservationError::AlreadyEnded`], or when the database fails.
pub async fn confirm(
    tx: &impl DbConnection,
    attempt: &str,
    number: i64,
    now_us: i64,
) -> Result<ReservationEnd, ReservationError> {
    let sql = "UPDATE reservation SET state = 'CONFIRMED', number = $1
         WHERE attempt = $2 AND state = 'RESERVED' RETURNING *";
    let ended: Option<Model> = sql::fetch_optional(tx, sql, [number.into(), attempt.into()]).await?;
    let Some(ended) = ended else {
        return match by_attempt(tx, attempt).await? {
            Some(known) if known.number == Some(number) => Ok(ReservationEnd::default()),
            // The row was swept, long after the number was recorded.
            None if exchange_order::last_number(tx).await? >= number => Ok(ReservationEnd::default()),
            known => Err(already_ended(known)),
        };
    };
    exchange_order::insert(tx, &ended.to_exchange_order(number)).await?;
    if ended.binding {
        Ok(ReservationEnd {
            stock: None,
            order: brokerage_order::set_number(tx, ended.id, number, now_us).await?,
        })
    } else {
        Ok(ReservationEnd {
            stock: Some(release(tx, &ended, ended.side == Side::Sell, true, now_us).await?),
            order: None,
        })
    }
}

/// A number that the log gave to a binding reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedNumber {
    /// The id of the reservation.
    pub id: i64,
    /// Its attempt.
    pub attempt: String,
    /// The number.
    pub number: i64,
}

/// Confirms many binding reservations, each as [`confirm`] does, with three statements for all of them. Returns the
/// brokerage orders that got their numbers.
///
/// # Errors
/// As [`confirm`].
pub async fn confirm_all(
    tx: &impl DbConnection,
    numbers: &[AssignedNumber],
    now_us: i64,
) -> Result<Vec<brokerage_order::Model>, ReservationError> {
    let pairs: Vec<_> = numbers.iter().map(|assigned| (assigned.id, assigned.number)).collect();
    let pairs = serde_json::to_string(&pairs).map_err(|error| DbErr::Custom(error.to_string()))?;
    // The trades are recorded first: the second statement takes them out of the reservations that are open.
    let recorded = "INSERT INTO exchange_order
             (number, stock_id, side, quantity, price_minor, currency, trader_id, at_us)
         SELECT n.value ->> 1, r.stock_id, r.side, r.quantity, r.price_minor, r.currency, r.trader_id, r.at_us
         FROM json_each($1) n CROSS JOIN reservation r ON r.id = n.value ->> 0
         WHERE r.state = 'RESERVED' AND r.binding";
    let recorded = sql::execute(tx, recorded, [pairs.as_str().into()]).await?;
    let confirmed = "UPDATE reservation SET state = 'CONFIRMED', number = n.value ->> 1 FROM json_each($1) n
         WHERE reservation.id = n.value ->> 0 AND state = 'RESERVED' AND binding";
    sql::execute(tx, confirmed, [pairs.as_str().into()]).await?;
    if recorded < numbers.len() as u64 {
        // A reader may have confirmed some of them before; each of the others is an error.
        for assigned in numbers {
            confirm(tx, &assigned.attempt, assigned.number, now_us).await?;
        }
    }
    let ordered =
        "UPDATE brokerage_order SET exchange_number = n.value ->> 1, changed_at_us = $2, version = version + 1
         FROM json_each($1) n WHERE reservation_id = n.value ->> 0 AND exchange_number IS NULL RETURNING *";
    Ok(sql::fetch_all(tx, ordered, [pairs.into(), now_us.into()]).await?)
}

/// Cancels an attempt that the log will never record: releases the shares set aside. A repeated call changes
/// nothing, and neither does a call for an attempt that was never reserved. A binding reservation is never
/// cancelled.
///
/// # Errors
/// [`ReservationError::AlreadyEnded`], or when the database fails.
pub async fn cancel(tx: &impl DbConnection, attempt: &str, now_us: i64) -> Result<ReservationEnd, ReservationError> {
    let sql = "UPDATE reservation SET state = 'CANCELLED'
         WHERE attempt = $1 AND state = 'RESERVED' AND NOT binding RETURNING *";
    let ended: Option<Model> = sql::fetch_optional(tx, sql, [attempt.into()]).await?;
    if let Some(ended) = ended {
        let stock = release(tx, &ended, ended.side == Side::Buy, false, now_us).await?;
        return Ok(ReservationEnd {
            stock: Some(stock),
            order: None,
        });
    }
    match by_attempt(tx, attempt).await? {
        None => Ok(ReservationEnd::default()),
        Some(known) if known.state == ReservationState::Cancelled => Ok(ReservationEnd::default()),
        known => Err(already_ended(known)),
    }
}

/// Withdraws a binding reservation that was never sent to the log: its shares go back, and the row is deleted.
/// `None` when it has its number, or when the exchange has traded the shares on or has no room for them any more.
///
/// Use it only for a trade that consists of nothing but shares of the exchange.
pub async fn withdraw(tx: &impl DbConnection, id: i64, now_us: i64) -> Result<Option<stock::Model>, DbErr> {
    let Some(known) = tx.row(Entity::find_by_id(id).filter(open())).await? else {
        return Ok(None);
    };
    let (side, at_us) = (known.side, known.at_us);
    let Some(stock) = stock::reverse_trade(tx, known.stock_id, side, known.quantity, at_us, now_us).await? else {
        return Ok(None);
    };
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(Some(stock))
}

/// The outcome of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeOutcome {
    /// It has this number.
    Numbered(i64),
    /// It has none yet.
    Open,
    /// It was withdrawn or cancelled: the trade did not happen and never will.
    Gone,
}

/// Returns the outcome of the trade that was reserved under this id.
pub async fn trade_outcome(db: &impl DbConnection, id: i64) -> Result<TradeOutcome, DbErr> {
    let found = db.row(Entity::find_by_id(id)).await?;
    Ok(match found {
        Some(Model {
            number: Some(number), ..
        }) => TradeOutcome::Numbered(number),
        Some(known) if known.state == ReservationState::Reserved => TradeOutcome::Open,
        _ => TradeOutcome::Gone,
    })
}

/// Returns binding reservations that have no number yet and are newer than the one with id `after`, in order of creation,
/// each with its stock's name.
pub async fn unnumbered(db: &impl DbConnection, after: i64, limit: u64) -> Result<Vec<(Model, String)>, DbErr> {
    let open = Entity::find()
        .filter(open())
        .filter(Column::Binding.eq(true))
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    let stocks = stock::Entity::find().filter(is_among(stock::Column::Id, open.iter().map(|open| open.stock_id)));
    let stocks = db.rows(stocks).await?;
    let named = open.into_iter().filter_map(|open| {
        let stock = stocks.iter().find(|stock| stock.id == open.stock_id)?;
        Some((open, stock.name.clone()))
    });
    Ok(named.collect())
}

/// Returns the id of the newest binding reservation that has no number yet; 0 if there is none.
pub async fn last_unnumbered(db: &impl DbConnection) -> Result<i64, DbErr> {
    let unnumbered = Entity::find().filter(open()).filter(Column::Binding.eq(true));
    let last = db.row(unnumbered.order_by_desc(Column::Id)).await?;
    Ok(last.map_or(0, |last| last.id))
}

/// Returns at most `limit` open non-binding reservations, in order of creation; only those of `key`, if it is
/// given.
pub async fn open_non_binding(db: &impl DbConnection, key: Option<&str>, limit: u64) -> Result<Vec<Model>, DbErr> {
    let mut found = Entity::find().filter(open()).filter(Column::Binding.eq(false));
    if let Some(key) = key {
        found = found.filter(Column::LogKey.eq(key));
    }
    db.rows(found.order_by_asc(Column::Id).limit(limit)).await
}

/// Whether a reservation of either kind is open.
pub async fn is_any_open(db: &impl DbConnection) -> Result<bool, DbErr> {
    Ok(db.row(Entity::find().filter(open())).await?.is_some())
}

/// Returns the reservation of an attempt, if it exists.
pub async fn by_attempt(db: &impl DbConnection, attempt: &str) -> Result<Option<Model>, DbErr> {
    db.row(Entity::find().filter(Column::Attempt.eq(attempt))).await
}

/// Returns the reservations that got these numbers, unless they have been swept.
pub async fn by_numbers(db: &impl DbConnection, numbers: impl IntoIterator<Item = i64>) -> Result<Vec<Model>, DbErr> {
    db.rows(Entity::find().filter(is_among(Column::Number, numbers))).await
}

/// Deletes up to `rows_max` reservations that have ended and were made before `before_us`; returns the number
/// deleted. The trade stays, and an order that it executed keeps its number.
pub async fn sweep(tx: &impl DbConnection, before_us: i64, rows_max: u64) -> Result<u64, DbErr> {
    // By id, which is the order of creation: finding the oldest rows needs no index.
    let over = "SELECT id FROM (SELECT id, state, at_us FROM reservation ORDER BY id LIMIT $1)
         WHERE state <> 'RESERVED' AND at_us < $2";
    let values = || [rows_max.into(), before_us.into()];
    let numbered = format!("UPDATE brokerage_order SET reservation_id = NULL WHERE reservation_id IN ({over})");
    sql::execute(tx, &numbered, values()).await?;
    sql::execute(tx, &format!("DELETE FROM reservation WHERE id IN ({over})"), values()).await
}

/// Returns the number of a trade; `None` while it has none.
pub async fn number_of(db: &impl DbConnection, id: i64) -> Result<Option<i64>, DbErr> {
    let found = db.row(Entity::find_by_id(id)).await?;
    Ok(found.and_then(|found| found.number))
}

// The status is a literal: SQLite does not use the partial indexes on open reservations for a bound parameter.
fn open() -> Expr {
    Expr::cust("reservation.state = 'RESERVED'")
}

async fn insert(
    tx: &impl DbConnection,
    TradeIds { attempt, key }: TradeIds<'_>,
    binding: bool,
    stock: &stock::Model,
    order: &NewTrade,
    now_us: i64,
) -> Result<Model, EntityError> {
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
        order.side.into(),
        order.quantity.into(),
        order.price_minor.into(),
        stock.currency.as_str().into(),
        order.trader_id.into(),
        now_us.into(),
    ];
    let made = sql::fetch_optional(tx, &sql, values).await?;
    made.ok_or_else(|| Violation::NumbersUsedUp.into())
}

/// Releases shares that were set aside: they are added to the shares of the exchange, or dropped. A trade counts
/// towards the volume.
async fn release(
    tx: &impl DbConnection,
    ended: &Model,
    to_exchange: bool,
    traded: bool,
    now_us: i64,
) -> Result<stock::Model, DbErr> {
    let to_exchange = if to_exchange { ended.quantity } else { 0 };
    let volume = if traded { ended.quantity } else { 0 };
    stock::release(tx, ended.stock_id, ended.quantity, to_exchange, volume, now_us).await
}

fn already_ended(known: Option<Model>) -> ReservationError {
    ReservationError::AlreadyEnded(
        known.map_or_else(|| "unknown".to_owned(), |known| known.state.as_str().to_lowercase()),
    )
}
