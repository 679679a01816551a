//! Automated orders whose price has come, carried out.
//!
//! Firing has two steps. Whoever sets a price marks the orders it fires in the same transaction, so that no crossing is
//! missed however soon it passes. Here the marked ones are carried out at the price that marked them, each in a
//! savepoint of its own; what a crash leaves undone is still marked, and done at the next start.

use std::collections::BTreeSet;

use contract::{Audience, Delivery, Error, Event, EventStream, Result, Services, Tx};
use entities::brokerage_order;
use entities::waiting::{self, Among};
use futures_util::{FutureExt, StreamExt};

use crate::automated::try_carry_out;
use crate::place::Desk;

/// How many orders one write carries out at most: others wait behind it.
const BATCH: u64 = 32;
/// Stocks and people that are looked up one by one; when more of them changed at once, all are looked at.
const LOOKED_UP_MAX: usize = 500;

/// Carries out automated orders that a price has fired, and those that came to their price in vain as soon as they can
/// be carried out, until there are no more events. To be started once beside the domain, and again when it fails: it begins with a look at
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
#[derive(Default)]
struct News {
    /// A price fired orders.
    fired: bool,
    /// Anything may have changed.
    anything: bool,
    /// Stocks that changed: the exchange may have shares again, or room for them.
    stocks: BTreeSet<i64>,
    /// People whose money or shares changed: their wallet or their holding may have room again.
    people: BTreeSet<i64>,
}

impl News {
    fn everything() -> Self {
        Self {
            fired: true,
            anything: true,
            ..Self::default()
        }
    }

    /// What has happened meanwhile, and if nothing has, what happens next; `None` when there are no more events.
    ///
    /// Events that came in a burst are one piece of news.
    async fn next(events: &mut EventStream) -> Option<Self> {
        let mut news = Self::default();
        while !news.is_any() {
            news.take_in(&events.next().await?);
        }
        while let Some(Some(delivery)) = events.next().now_or_never() {
            news.take_in(&delivery);
        }
        Some(news)
    }

    fn is_any(&self) -> bool {
        self.fired || self.anything || !self.stocks.is_empty() || !self.people.is_empty()
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
            } => self.stocks.extend(key.parse::<i64>()),
            Event::Invalidated {
                typename: "Wallet" | "Holding",
                audience: Audience::Users(people),
                ..
            } => self.people.extend(people),
            _ => {}
        }
        if self.stocks.len() + self.people.len() > LOOKED_UP_MAX {
            self.anything = true;
            self.stocks.clear();
            self.people.clear();
        }
    }

    /// Marks orders again that came to their price when they could not be carried out, if they can be now and the price
    /// is still right; answers whether there are any.
    async fn refire(&self, services: &Services) -> Result<bool> {
        let stocks: Vec<i64> = self.stocks.iter().copied().collect();
        let people: Vec<i64> = self.people.iter().copied().collect();
        let anything = self.anything;
        let now_us = services.clock.now_us();
        if !waiting::can_any_go(services.db.read(), among(anything, &stocks, &people), now_us).await? {
            return Ok(false);
        }
        let mark = async move |tx: &Tx| Ok(waiting::fire(tx, among(anything, &stocks, &people), now_us).await? > 0);
        services.db.write(mark).await
    }
}

fn among<'a>(anything: bool, stocks: &'a [i64], investors: &'a [i64]) -> Among<'a> {
    match anything {
        true => Among::All,
        false => Among::Of { stocks, investors },
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
            // That one cannot be carried out is no reason to keep the others waiting, nor its cover for longer than its time.
            Err(error) => {
                tracing::error!(
                    order = order.id,
                    error = error.in_full(),
                    "a fired order could not be carried out"
                );
                brokerage_order::unfire(desk.tx, order.id).await?;
            }
        }
    }
    Ok(Batch { last, events })
}
