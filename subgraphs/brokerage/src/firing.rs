//! Automated orders whose price has come, carried out.
//!
//! Firing has two steps. Whoever sets a price marks the orders it fires in the same transaction, so that no crossing is
//! missed however soon it passes. Here the marked ones are carried out at the price that marked them, each in a
//! savepoint of its own; what a crash leaves undone is still marked, and done at the next start.

use std::collections::BTreeSet;

use contract::{Delivery, Error, Event, EventStream, Result, Services, Tx};
use entities::{brokerage_order, stock};
use futures_util::{FutureExt, StreamExt};
use sea_orm::EntityTrait;

use crate::automated::try_carry_out;
use crate::place::Desk;

/// How many orders one write carries out at most: others wait behind it.
const BATCH: u64 = 32;

/// Carries out automated orders that a price has fired, and those that waited for shares when shares come back, until
/// there are no more events. To be started once beside the domain, and again when it fails: it begins with a look at
/// everything.
///
/// # Errors
/// When the database fails.
pub async fn carry_out_fired(services: Services) -> Result<()> {
    // Listen first, then look: what is fired in between is told.
    let mut events = services.bus.subscribe();
    let mut news = Some(News::everything());
    while let Some(what) = news {
        if what.refire(&services).await? || what.fired {
            carry_out_marked(&services).await?;
        }
        news = News::next(&mut events).await;
    }
    Ok(())
}

/// One look at everything: carries out what can be carried out now.
///
/// # Errors
/// When the database fails.
pub async fn carry_out_now(services: &Services) -> Result<()> {
    News::everything().refire(services).await?;
    carry_out_marked(services).await
}

/// What there may be to do.
struct News {
    /// A price fired orders.
    fired: bool,
    /// Stocks that changed: shares may have come back; `None` for all of them.
    stocks: Option<BTreeSet<i64>>,
}

impl News {
    fn nothing() -> Self {
        Self {
            fired: false,
            stocks: Some(BTreeSet::new()),
        }
    }

    fn everything() -> Self {
        Self {
            fired: true,
            stocks: None,
        }
    }

    /// What has happened meanwhile, and if nothing has, what happens next; `None` when there are no more events.
    ///
    /// Events that came in a burst are one piece of news.
    async fn next(events: &mut EventStream) -> Option<Self> {
        let mut news = Self::nothing();
        while !news.is_any() {
            news.take_in(&events.next().await?);
        }
        while let Some(Some(delivery)) = events.next().now_or_never() {
            news.take_in(&delivery);
        }
        Some(news)
    }

    fn is_any(&self) -> bool {
        self.fired || self.stocks.as_ref().is_none_or(|stocks| !stocks.is_empty())
    }

    fn take_in(&mut self, delivery: &Delivery) {
        let event = match delivery {
            Delivery::Lagged(_) => return *self = Self::everything(),
            Delivery::Event(event) => &**event,
        };
        match event {
            Event::OrdersFired { .. } => self.fired = true,
            Event::Invalidated {
                typename: "Stock", key, ..
            } => {
                if let (Some(stocks), Ok(id)) = (&mut self.stocks, key.parse()) {
                    stocks.insert(id);
                }
            }
            _ => {}
        }
    }

    /// Marks orders again that came to their price when the exchange had too few shares, if it has them now and the
    /// price is still right; answers whether there are any.
    async fn refire(&self, services: &Services) -> Result<bool> {
        let stocks: Option<Vec<i64>> = self.stocks.as_ref().map(|stocks| stocks.iter().copied().collect());
        if stocks.as_ref().is_some_and(Vec::is_empty) {
            return Ok(false);
        }
        let waiting = brokerage_order::waiting_for_shares(stocks.as_deref());
        let stocks: Vec<i64> = waiting.into_tuple().all(services.db.read()).await?;
        if stocks.is_empty() {
            return Ok(false);
        }
        let now_us = services.clock.now_us();
        let mark = async move |tx: &Tx| {
            for id in &stocks {
                if let Some(stock) = stock::Entity::find_by_id(*id).one(tx).await? {
                    brokerage_order::fire(tx, stock.id, stock.price_minor, now_us).await?;
                }
            }
            Ok(true)
        };
        services.db.write(mark).await
    }
}

/// Carries out what is marked, the first placed first.
async fn carry_out_marked(services: &Services) -> Result<()> {
    let mut after = 0;
    loop {
        let (on, now_us) = (services.clone(), services.clock.now_us());
        let batch = services
            .write_and_tell(
                async move |tx| {
                    let desk = Desk {
                        tx,
                        log: &*on.orders,
                        now_us,
                    };
                    carry_out_batch(&desk, after).await
                },
                |batch| batch.events.clone(),
            )
            .await?;
        match batch.last {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

/// What one write came to.
struct Batch {
    /// The last order that was looked at; none when there was none.
    last: Option<i64>,
    events: Vec<Event>,
}

async fn carry_out_batch(desk: &Desk<'_>, after: i64) -> Result<Batch> {
    let fired = brokerage_order::fired(after, BATCH).all(desk.tx).await?;
    let last = fired.last().map(|order| order.id);
    let mut events = Vec::new();
    for order in fired {
        let Some(price_minor) = order.fired_minor else { continue };
        match try_carry_out(desk, &order, price_minor).await {
            Ok(Some(done)) => events.extend(done.events),
            Ok(None) => brokerage_order::unfire(desk.tx, order.id).await?,
            Err(error @ Error::Unavailable(_)) => return Err(error),
            // It stays marked. That one cannot be carried out is no reason to keep the others waiting.
            Err(error) => {
                tracing::error!(
                    order = order.id,
                    error = error.in_full(),
                    "a fired order could not be carried out"
                );
            }
        }
    }
    Ok(Batch { last, events })
}
