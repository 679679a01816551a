//! Where trades with the exchange are carried out and get their numbers (DESIGN, "The replicated order log").

use entities::exchange_order::{self, NewOrder};
use entities::side::Side;
use entities::stock::{self, Which};
use futures_util::future::{BoxFuture, FutureExt, LocalBoxFuture};

use crate::{Db, Result, Tx};

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

/// A trade that was carried out: both are true, or neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traded {
    /// Its entry in the log.
    pub order: exchange_order::Model,
    /// The stock after it.
    pub stock: stock::Model,
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
pub trait OrderLog: Send + Sync {
    /// Moves the shares at the exchange and records the trade under the next number, in the caller's transaction: what
    /// else belongs to the trade is in it too, and an error undoes all of it.
    ///
    /// # Errors
    /// `NOT_FOUND` for no such stock, `INSUFFICIENT_STOCK`, `CONFLICT` when the exchange cannot take more, and when the
    /// database fails.
    fn trade<'a>(&'a self, tx: &'a Tx, trade: &'a Trade, now_us: i64) -> LocalBoxFuture<'a, Result<Traded>>;

    /// The copies of the log there are.
    ///
    /// # Errors
    /// When the database fails.
    fn replicas<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Vec<Replica>>>;
}

/// The log as a table of the main database: one replica, and the trade is one transaction.
pub struct TableLog;

impl OrderLog for TableLog {
    fn trade<'a>(&'a self, tx: &'a Tx, trade: &'a Trade, now_us: i64) -> LocalBoxFuture<'a, Result<Traded>> {
        async move {
            let stock = stock::trade(tx, &trade.stock, trade.side, trade.quantity, now_us).await?;
            let order = NewOrder {
                side: trade.side,
                quantity: trade.quantity,
                price_minor: trade.price_minor.unwrap_or(stock.price_minor),
                trader_id: trade.trader_id,
            };
            let order = exchange_order::append(tx, &stock, &order, now_us).await?;
            Ok(Traded { order, stock })
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
