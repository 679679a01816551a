//! The order log, through which trades with the exchange are executed and get their numbers
//! (docs/ORDER_REPLICAS.md).

use entities::brokerage_order::TradeRef;
use entities::exchange_order::{self, NewTrade};
use entities::reservation;
use entities::side::Side;
use entities::stock::{self, StockRef};
use futures_util::future::{BoxFuture, FutureExt, LocalBoxFuture};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use crate::{Db, Error, Result, Services, Tx, TxExt};

/// One trade with the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeTrade {
    /// The stock.
    pub stock: StockRef,
    /// The direction of the trade.
    pub side: Side,
    /// The number of shares, from 1.
    pub quantity: i64,
    /// The price of a share, in minor units; `None` for the stock's own price.
    pub price_minor: Option<i64>,
    /// The user who trades; `None` when a program trades without a user.
    pub trader_id: Option<i64>,
}

impl ExchangeTrade {
    /// Moves the shares at the exchange, and publishes the change of the stock. Returns the stock after the trade, and
    /// the order to record in the same transaction, regardless of how it gets its number.
    ///
    /// # Errors
    /// As [`OrderLog::trade`].
    pub async fn execute(&self, tx: &Tx, now_us: i64) -> Result<(stock::Model, NewTrade)> {
        let stock = stock::trade(tx, &self.stock, self.side, self.quantity, now_us).await?;
        tx.invalidate(&stock);
        let order = NewTrade {
            side: self.side,
            quantity: self.quantity,
            price_minor: self.price_minor.unwrap_or(stock.price_minor),
            trader_id: self.trader_id,
        };
        Ok((stock, order))
    }
}

/// An executed trade: its entry and the change of the stock are committed together, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedTrade {
    /// Its entry in the log.
    pub recorded: TradeRecord,
    /// The stock after the trade.
    pub stock: stock::Model,
}

/// The record of an executed trade, with or without its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TradeRecord {
    /// The trade has its number.
    Numbered(exchange_order::Model),
    /// The trade is executed for good and will get its number: [`OrderLog::number`] waits for it.
    Reserved(reservation::Model),
}

impl TradeRecord {
    /// The price of one share, in minor units, and its ISO 4217 currency code.
    pub fn price(&self) -> (i64, &str) {
        match self {
            Self::Numbered(order) => (order.price_minor, &order.currency),
            Self::Reserved(reserved) => (reserved.price_minor, &reserved.currency),
        }
    }

    /// Returns the reference to the trade, for the order that it belongs to.
    pub fn trade_ref(&self) -> TradeRef {
        match self {
            Self::Numbered(order) => TradeRef::Number(order.number),
            Self::Reserved(reserved) => TradeRef::Reservation(reserved.id),
        }
    }
}

/// A trade that is committed and has no number yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnnumberedTrade {
    /// The reservation of the trade.
    pub reservation_id: i64,
    /// Whether the caller sent an idempotency key, by which it can ask again.
    pub has_key: bool,
    /// Whether only shares of the exchange moved: such a trade can be withdrawn until it is sent to the log.
    pub moved_shares_only: bool,
}

/// A permit for one of the trades that may be under way at once, held until the trade is answered.
#[derive(Debug, Default)]
pub struct TradePermit {
    _permit: Option<OwnedSemaphorePermit>,
}

impl From<OwnedSemaphorePermit> for TradePermit {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: Some(permit) }
    }
}

/// One replica of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// Its id, from 1.
    pub id: i64,
    /// Whether the replica responds.
    pub alive: bool,
    /// Whether the replica is the leader.
    pub leader: bool,
    /// Its current term; 0 where there are no elections.
    pub term: i64,
    /// The number of the last trade that it has; -1 before the first.
    pub applied: i64,
}

/// The log of trades with the exchange: numbers 0, 1, 2 … without gaps; a rejected trade uses none.
///
/// A trade has three steps: [`ready`](Self::ready) before the transaction, [`trade`](Self::trade) in it, and
/// [`number`](Self::number) after its commit. The default methods suit a log that is a table of the same database:
/// there the second step does everything.
pub trait OrderLog: Send + Sync {
    /// Waits until the log accepts trades. As long as the permit is held, the caller counts as a trade under way.
    /// Call it before a transaction that trades, so that a rejected caller has not changed anything.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the log does not accept trades in time, or when too many trades are under way.
    fn ready(&self) -> BoxFuture<'_, Result<TradePermit>> {
        async { Ok(TradePermit::default()) }.boxed()
    }

    /// Moves the shares at the exchange, publishes the change of the stock and records the trade, in the caller's
    /// transaction. The other changes of
    /// the trade are in the same transaction, and an error undoes all of them. After the commit, the trade is
    /// executed for good.
    ///
    /// # Errors
    /// `NOT_FOUND` when no such stock exists, `INSUFFICIENT_STOCK`, `CONFLICT` when the exchange cannot take more
    /// shares, and an error when the database fails.
    fn trade<'a>(
        &'a self,
        tx: &'a Tx,
        trade: &'a ExchangeTrade,
        now_us: i64,
    ) -> LocalBoxFuture<'a, Result<ExecutedTrade>>;

    /// Waits for the number of a committed trade that had none yet.
    ///
    /// # Errors
    /// `UNAVAILABLE` for a trade that was withdrawn: it did not happen and never will. [`Error::OutcomeUnknown`]
    /// for a trade with a key that may still get its number; a trade without a key waits until its outcome is
    /// known.
    fn number<'a>(&'a self, db: &'a Db, trade: UnnumberedTrade) -> BoxFuture<'a, Result<i64>> {
        async move {
            let number = reservation::number_of(db.read(), trade.reservation_id).await?;
            number.ok_or(Error::OutcomeUnknown)
        }
        .boxed()
    }

    /// Returns the number of a committed trade, if it was assigned, and does not wait for a trade whose caller was never
    /// answered.
    ///
    /// # Errors
    /// `UNAVAILABLE` when an earlier process may have answered the trade, and the log does not answer; and an error
    /// when the database fails.
    fn assigned_number<'a>(&'a self, db: &'a Db, reservation_id: i64) -> BoxFuture<'a, Result<Option<i64>>> {
        async move { Ok(reservation::number_of(db.read(), reservation_id).await?) }.boxed()
    }

    /// Returns the trade with that number if it was answered, and the table does not have it yet.
    fn unwritten(&self, number: i64) -> Option<exchange_order::Model> {
        let _ = number;
        None
    }

    /// Whether the log may have an order of that number. After `true`, an order that neither
    /// [`unwritten`](Self::unwritten) nor the table has does not exist.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the log does not answer, and an error when the database fails.
    fn has<'a>(&'a self, services: &'a Services, number: i64) -> BoxFuture<'a, Result<bool>> {
        let _ = (services, number);
        async { Ok(true) }.boxed()
    }

    /// Returns the number up to which the table has all trades, if it may briefly lack later ones; `None` if it
    /// never does. First it waits until the table has all trades that were answered before the call.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the log does not answer although an earlier process may have answered trades that the table
    /// lacks, and an error when the database fails.
    fn contiguous_through<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Option<i64>>> {
        let _ = db;
        async { Ok(None) }.boxed()
    }

    /// Returns the replicas of the log.
    fn replicas<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Vec<ReplicaStatus>>>;

    /// Asks a replica to become the leader, and returns the actual leader.
    ///
    /// # Errors
    /// `UNAVAILABLE` when no replica leads in time.
    fn propose_leader<'a>(&'a self, db: &'a Db, replica: i64) -> BoxFuture<'a, Result<i64>> {
        let _ = db;
        async move { Ok(replica) }.boxed()
    }

    /// Writes the numbers into the table that it does not have yet. Call it before the database closes, after the end
    /// of [`work`](Self::work).
    ///
    /// # Errors
    /// When the database fails.
    fn flush<'a>(&'a self, services: &'a Services) -> BoxFuture<'a, Result<()>> {
        let _ = services;
        async { Ok(()) }.boxed()
    }

    /// Runs the background work through which trades get their numbers. It ends when there is nothing to run, or
    /// fails and has to be run again.
    fn work(&self, services: Services) -> BoxFuture<'_, Result<()>> {
        drop(services);
        async { Ok(()) }.boxed()
    }
}

/// The log as a table of the main database: one replica, and the trade is one transaction.
pub struct TableLog;

impl OrderLog for TableLog {
    fn trade<'a>(
        &'a self,
        tx: &'a Tx,
        trade: &'a ExchangeTrade,
        now_us: i64,
    ) -> LocalBoxFuture<'a, Result<ExecutedTrade>> {
        async move {
            let (stock, order) = trade.execute(tx, now_us).await?;
            let order = exchange_order::append(tx, &stock, &order, now_us).await?;
            Ok(ExecutedTrade {
                recorded: TradeRecord::Numbered(order),
                stock,
            })
        }
        .boxed_local()
    }

    fn replicas<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Vec<ReplicaStatus>>> {
        async move {
            Ok(vec![ReplicaStatus {
                id: 1,
                alive: true,
                leader: true,
                term: 0,
                applied: exchange_order::last_number(db.read()).await?,
            }])
        }
        .boxed()
    }
}

/// The error while no replica of the log is reachable.
pub const NO_REPLICA: Error = Error::Unavailable("order service unavailable");
