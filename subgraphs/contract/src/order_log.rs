//! Where trades with the exchange are carried out and get their numbers (docs/ORDER_REPLICAS.md).

use entities::brokerage_order::TradeRef;
use entities::exchange_order::{self, NewOrder};
use entities::reservation;
use entities::side::Side;
use entities::stock::{self, Which};
use futures_util::future::{BoxFuture, FutureExt, LocalBoxFuture};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use crate::{Db, Error, Result, Services, Tx};

/// One trade with the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Which stock.
    pub stock: Which,
    /// Which way the shares go.
    pub side: Side,
    /// How many, from 1.
    pub quantity: i64,
    /// At which price a share, in minor units; the stock's own, if none.
    pub price_minor: Option<i64>,
    /// Who trades; nobody when a program does for nobody in particular.
    pub trader_id: Option<i64>,
}

impl Trade {
    /// Moves the shares at the exchange; answers the stock after it, and what is to be recorded of the trade in the same
    /// transaction, whichever way it gets its number.
    ///
    /// # Errors
    /// As [`OrderLog::trade`].
    pub async fn carry_out(&self, tx: &Tx, now_us: i64) -> Result<(stock::Model, NewOrder)> {
        let stock = stock::trade(tx, &self.stock, self.side, self.quantity, now_us).await?;
        let order = NewOrder {
            side: self.side,
            quantity: self.quantity,
            price_minor: self.price_minor.unwrap_or(stock.price_minor),
            trader_id: self.trader_id,
        };
        Ok((stock, order))
    }
}

/// A trade that was carried out: both are true, or neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traded {
    /// Its entry in the log.
    pub recorded: Recorded,
    /// The stock after it.
    pub stock: stock::Model,
}

/// A trade that is carried out, as far as the log has got with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Recorded {
    /// It has its number.
    Numbered(exchange_order::Model),
    /// It is carried out for good and gets its number: [`OrderLog::number`] waits for it.
    Reserved(reservation::Model),
}

impl Recorded {
    /// The price of one share, in minor units, and its ISO 4217 currency code.
    pub fn price(&self) -> (i64, &str) {
        match self {
            Self::Numbered(order) => (order.price_minor, &order.currency),
            Self::Reserved(reserved) => (reserved.price_minor, &reserved.currency),
        }
    }

    /// How what it belongs to refers to it.
    pub fn trade_ref(&self) -> TradeRef {
        match self {
            Self::Numbered(order) => TradeRef::Number(order.number),
            Self::Reserved(reserved) => TradeRef::Reservation(reserved.id),
        }
    }
}

/// A trade that is committed and has no number yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnumbered {
    /// The reservation that stands for it.
    pub reservation_id: i64,
    /// Whether the caller sent an idempotency key, by which it can ask again.
    pub has_key: bool,
    /// Whether nothing but shares of the exchange moved: such a trade can be taken back until the log was told of it.
    pub moved_shares_only: bool,
}

/// A place among the trades that may be under way at once, held until the trade is answered.
#[derive(Debug, Default)]
pub struct TradePermit {
    _place: Option<OwnedSemaphorePermit>,
}

impl From<OwnedSemaphorePermit> for TradePermit {
    fn from(place: OwnedSemaphorePermit) -> Self {
        Self { _place: Some(place) }
    }
}

/// One copy of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its id, from 1.
    pub id: i64,
    /// Whether it answers.
    pub alive: bool,
    /// Whether it leads.
    pub leader: bool,
    /// The term it is in; 0 where nobody is elected.
    pub term: i64,
    /// The number of the last trade it holds; -1 before the first.
    pub applied: i64,
}

/// The log of trades with the exchange: numbers 0, 1, 2 … without gaps; a refused trade uses none.
///
/// A trade has three steps: [`ready`](Self::ready) before the transaction, [`trade`](Self::trade) in it, and
/// [`number`](Self::number) after its commit. What has a body here is right where the log is a table of the same database:
/// there the second step does it all.
pub trait OrderLog: Send + Sync {
    /// Waits until the log takes trades, and for as long as the permit is held counts the caller among those under way: to be
    /// called before a transaction that trades, so that who is told that it does not has changed nothing.
    ///
    /// # Errors
    /// `UNAVAILABLE` when it does not in time, or when too many trades are under way.
    fn ready(&self) -> BoxFuture<'_, Result<TradePermit>> {
        async { Ok(TradePermit::default()) }.boxed()
    }

    /// Moves the shares at the exchange and records the trade, in the caller's transaction: what else belongs to the trade is
    /// in it too, and an error undoes all of it. Once it is committed, the trade is carried out for good.
    ///
    /// # Errors
    /// `NOT_FOUND` for no such stock, `INSUFFICIENT_STOCK`, `CONFLICT` when the exchange cannot take more, and when the
    /// database fails.
    fn trade<'a>(&'a self, tx: &'a Tx, trade: &'a Trade, now_us: i64) -> LocalBoxFuture<'a, Result<Traded>>;

    /// Waits for the number of a trade that is committed and still had none.
    ///
    /// # Errors
    /// `UNAVAILABLE` for a trade that was taken back: it has not happened and never will. [`Error::OutcomeUnknown`] for one
    /// with a key that may still get its number; one without a key waits until its outcome is known.
    fn number<'a>(&'a self, db: &'a Db, trade: Unnumbered) -> BoxFuture<'a, Result<i64>> {
        async move {
            let number = reservation::number_of(db.read(), trade.reservation_id).await?;
            number.ok_or(Error::OutcomeUnknown)
        }
        .boxed()
    }

    /// Whether the log may have an order of that number: if it says so, one that the table does not have is none.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the log does not answer, and when the database fails.
    fn has<'a>(&'a self, services: &'a Services, number: i64) -> BoxFuture<'a, Result<bool>> {
        let _ = (services, number);
        async { Ok(true) }.boxed()
    }

    /// Up to which number the table has all trades, where it may lack some behind that for a moment; `None` where it never does.
    ///
    /// # Errors
    /// When the database fails.
    fn whole_through<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Option<i64>>> {
        let _ = db;
        async { Ok(None) }.boxed()
    }

    /// The copies of the log there are.
    ///
    /// # Errors
    /// When the database fails.
    fn replicas<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Vec<Replica>>>;

    /// Asks a copy to lead, and answers which one really does.
    ///
    /// # Errors
    /// `UNAVAILABLE` when none does in time.
    fn propose_leader<'a>(&'a self, db: &'a Db, replica: i64) -> BoxFuture<'a, Result<i64>> {
        let _ = db;
        async move { Ok(replica) }.boxed()
    }

    /// What has to run beside the requests for trades to get their numbers; ends when there is nothing to run, or fails and
    /// has to be run again.
    ///
    /// # Errors
    /// When the database fails.
    fn work(&self, services: Services) -> BoxFuture<'_, Result<()>> {
        drop(services);
        async { Ok(()) }.boxed()
    }
}

/// The log as a table of the main database: one replica, and the trade is one transaction.
pub struct TableLog;

impl OrderLog for TableLog {
    fn trade<'a>(&'a self, tx: &'a Tx, trade: &'a Trade, now_us: i64) -> LocalBoxFuture<'a, Result<Traded>> {
        async move {
            let (stock, order) = trade.carry_out(tx, now_us).await?;
            let order = exchange_order::append(tx, &stock, &order, now_us).await?;
            Ok(Traded {
                recorded: Recorded::Numbered(order),
                stock,
            })
        }
        .boxed_local()
    }

    fn replicas<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Vec<Replica>>> {
        async move {
            Ok(vec![Replica {
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

/// What is said while no replica of the log can be reached.
pub const NO_REPLICA: Error = Error::Unavailable("order service unavailable");
