//! The execution of triggered automated orders.
//!
//! It has two steps. The transaction that sets a price also marks the orders that the price triggers, so that even a
//! short crossing is not missed. This module then executes the marked orders at the price that marked them, each in a
//! savepoint of its own. Orders that a crash leaves unexecuted are still marked, and are executed at the next start.

use std::collections::BTreeSet;

use contract::{Audience, DbConnection, Delivery, EntityType, Error, Event, EventStream, Result, Services, Tx};
use entities::blocked::{self, OrderCandidates};
use entities::brokerage_order;
use futures_util::{FutureExt, StreamExt};

use crate::automated_order::try_execute;
use crate::order_context::OrderContext;

/// The largest number of orders that one write transaction executes: other transactions wait for it.
const BATCH: u64 = 32;
/// The largest number of changed stocks and people whose orders are looked up; beyond it, all orders are checked.
const LOOKUPS_MAX: usize = 500;

/// Executes automated orders that a price has triggered, until there are no more events. Triggered orders that could not
/// be executed are retried as soon as they can be. The host process has to start this task once beside the domain, and
/// again when it fails: it begins with a check of all orders.
pub async fn execute_triggered(services: Services) -> Result<()> {
    // Subscribe first, then check: an order that is triggered in between sends an event.
    let mut events = services.bus.subscribe();
    let mut changes = Some(RelevantChanges::everything());
    while let Some(checked) = changes {
        if checked.retrigger(&services).await? || checked.triggered {
            execute_marked(&services).await?;
        }
        changes = RelevantChanges::next(&mut events).await;
    }
    Ok(())
}

/// Checks all orders once and executes those that can be executed now.
pub async fn execute_ready(services: &Services) -> Result<()> {
    RelevantChanges::everything().retrigger(services).await?;
    execute_marked(services).await
}

/// The changes since the last check that may allow orders to be executed.
#[derive(Default)]
struct RelevantChanges {
    /// A price triggered orders.
    triggered: bool,
    /// Anything may have changed.
    anything: bool,
    /// Stocks that changed: the exchange may have shares again, or room for them.
    stocks: BTreeSet<i64>,
    /// People whose money or shares changed: their wallet or their holding may have room again.
    people: BTreeSet<i64>,
}

impl RelevantChanges {
    fn everything() -> Self {
        Self {
            triggered: true,
            anything: true,
            ..Self::default()
        }
    }

    /// Returns the changes since the last call, or waits for the next one; `None` when there are no more events.
    ///
    /// A burst of events becomes one value.
    async fn next(events: &mut EventStream) -> Option<Self> {
        let mut changes = Self::default();
        while !changes.is_any() {
            changes.add(&events.next().await?);
        }
        while let Some(Some(delivery)) = events.next().now_or_never() {
            changes.add(&delivery);
        }
        Some(changes)
    }

    fn is_any(&self) -> bool {
        self.triggered || self.anything || !self.stocks.is_empty() || !self.people.is_empty()
    }

    fn add(&mut self, delivery: &Delivery) {
        let event = match delivery {
            Delivery::Lagged(_) => return *self = Self::everything(),
            Delivery::Event(event) => &**event,
        };
        match event {
            Event::OrdersTriggered { .. } => self.triggered = true,
            Event::Invalidated {
                typename: "Stock", key, ..
            } => self.stocks.extend(EntityType::Stock.number(key)),
            Event::Invalidated {
                typename: "Wallet" | "Holding",
                audience: Audience::Users(people),
                ..
            } => self.people.extend(people),
            _ => {}
        }
        if self.stocks.len() + self.people.len() > LOOKUPS_MAX {
            self.anything = true;
            self.stocks.clear();
            self.people.clear();
        }
    }

    /// Marks triggered orders that could not be executed again, if they can be executed now and the price still meets their
    /// limit. Returns whether there are any.
    async fn retrigger(&self, services: &Services) -> Result<bool> {
        let stocks: Vec<i64> = self.stocks.iter().copied().collect();
        let people: Vec<i64> = self.people.iter().copied().collect();
        let anything = self.anything;
        let now_us = services.clock.now_us();
        if !blocked::is_any_executable(services.db.read(), candidates(anything, &stocks, &people), now_us).await? {
            return Ok(false);
        }
        let mark =
            async move |tx: &Tx| Ok(blocked::trigger(tx, candidates(anything, &stocks, &people), now_us).await? > 0);
        services.db.write(mark).await
    }
}

fn candidates<'a>(anything: bool, stocks: &'a [i64], investors: &'a [i64]) -> OrderCandidates<'a> {
    if anything {
        OrderCandidates::All
    } else {
        OrderCandidates::AffectedBy { stocks, investors }
    }
}

/// Executes the marked orders, oldest first.
async fn execute_marked(services: &Services) -> Result<()> {
    let mut after = 0;
    loop {
        let (on, now_us) = (services.clone(), services.clock.now_us());
        let last = services
            .write(async move |tx| {
                let context = OrderContext {
                    tx,
                    log: &*on.order_log,
                    now_us,
                };
                execute_batch(&context, after).await
            })
            .await?;
        match last {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

/// Executes the next marked orders after that id. Returns the id of the last one; `None` if there was no order.
async fn execute_batch(context: &OrderContext<'_>, after: i64) -> Result<Option<i64>> {
    let triggered = context.tx.rows(brokerage_order::triggered(after, BATCH)).await?;
    let last = triggered.last().map(|order| order.id);
    for order in triggered {
        let Some(price_minor) = order.fired_minor else { continue };
        match try_execute(context, &order, price_minor).await {
            Ok(Some(_)) => {}
            Ok(None) => brokerage_order::untrigger(context.tx, order.id).await?,
            Err(error @ Error::Unavailable(_)) => return Err(error),
            // An order that fails must not block the others, and its reserved funds or shares must not stay past its expiry.
            Err(error) => {
                tracing::error!(
                    order = order.id,
                    error = error.details(),
                    "cannot execute a triggered order"
                );
                brokerage_order::untrigger(context.tx, order.id).await?;
            }
        }
    }
    Ok(last)
}
