//! The order log as separate replicas: this database executes a trade, the replicas number it.
//!
//! One transaction contains a trade with everything that belongs to it, and a row for its missing number
//! (`entities::reservation`). One task sends such rows to the log, the oldest first and many at once, and writes the
//! numbers back. A crash at any point leaves the row, and the task sends a row again until it has its number; the log
//! records a key once. So every executed trade gets a number, and none gets two.
//!
//! While no majority lives, no new trades are executed. A trade that was in progress at that time is in one of three
//! states:
//!
//! - The log never received it, and only shares moved: it is withdrawn, and its caller learns that it did not happen.
//! - It has a key: its caller gets an unknown outcome, and may retry with the key.
//! - Otherwise its caller waits until the outcome is known, and holds one of the limited trade permits meanwhile.

mod agreement;
mod fates;
mod withdrawals;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contract::{
    Changed, Db, Error, Event, NO_REPLICA, OrderLog, Recorded, Replica, Result, Services, Trade, TradePermit, Traded,
    Tx, Unnumbered,
};
use entities::exchange_order;
use entities::reservation::{self, EndError, Ended, Fate};
use futures_util::future::{BoxFuture, FutureExt, LocalBoxFuture};
use order_log::order::{Command, Outcome, Price, Shares, Side};
use order_log::{FrontEnd, Status};
use rand::Rng;
use sea_orm::EntityTrait;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use self::fates::Fates;
use self::withdrawals::Withdrawals;

/// The poll interval for trades without a number whose caller does not wait: automated orders, and trades left by a
/// crash.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The log of several replicas.
pub struct ReplicatedLog {
    front: FrontEnd,
    /// Notified when a caller waits for a number.
    wanted: Notify,
    fates: Fates,
    withdrawals: Withdrawals,
    /// Whether log and table are known to agree.
    agreed: watch::Sender<bool>,
    /// A number up to which the table has no gap.
    whole: AtomicI64,
}

impl ReplicatedLog {
    /// The log of these replicas. Trades get numbers only while [`OrderLog::work`] runs.
    pub fn new(front: FrontEnd) -> Self {
        Self {
            front,
            wanted: Notify::new(),
            fates: Fates::default(),
            withdrawals: Withdrawals::default(),
            agreed: watch::Sender::new(false),
            whole: AtomicI64::new(-1),
        }
    }

    fn until(&self) -> Instant {
        Instant::now() + self.front.settings().answer_within
    }
}

impl OrderLog for ReplicatedLog {
    fn ready(&self) -> BoxFuture<'_, Result<TradePermit>> {
        async {
            let permit = self.front.permit().map_err(unavailable)?;
            let until = self.until();
            let mut agreed = self.agreed.subscribe();
            let agreed = tokio::time::timeout_at(until, agreed.wait_for(|agreed| *agreed)).await;
            agreed.ok().and_then(std::result::Result::ok).ok_or(NO_REPLICA)?;
            self.front.ready(until).await.map_err(unavailable)?;
            Ok(permit.into())
        }
        .boxed()
    }

    fn trade<'a>(&'a self, tx: &'a Tx, trade: &'a Trade, now_us: i64) -> LocalBoxFuture<'a, Result<Traded>> {
        async move {
            let (stock, order) = trade.carry_out(tx, now_us).await?;
            let reserved = reservation::bind(tx, &unheard_of(), &stock, &order, now_us).await?;
            Ok(Traded {
                recorded: Recorded::Reserved(reserved),
                stock,
            })
        }
        .boxed_local()
    }

    fn number<'a>(&'a self, db: &'a Db, trade: Unnumbered) -> BoxFuture<'a, Result<i64>> {
        async move {
            let id = trade.reservation_id;
            let mut news = self.fates.subscribe();
            let answered_by = self.until();
            let known_by = Instant::now() + self.front.settings().outcome_within;
            let mut is_patient = true;
            loop {
                match self.fates.of(db, id).await? {
                    Fate::Numbered(number) => return Ok(number),
                    Fate::Gone => return Err(NO_REPLICA),
                    Fate::Open => self.wanted.notify_one(),
                }
                tokio::select! {
                    changed = news.changed() => changed.map_err(|_| Error::OutcomeUnknown)?,
                    () = self.front.lost(answered_by), if is_patient => {
                        if trade.has_key {
                            return Err(Error::OutcomeUnknown);
                        }
                        // A caller without a key cannot retry, so it waits until the outcome of the trade is known.
                        is_patient = false;
                        if trade.moved_shares_only {
                            self.withdrawals.ask(id);
                        }
                    }
                    () = tokio::time::sleep_until(known_by) => return Err(Error::OutcomeUnknown),
                }
            }
        }
        .boxed()
    }

    fn has<'a>(&'a self, services: &'a Services, number: i64) -> BoxFuture<'a, Result<bool>> {
        async move {
            if number < 0 {
                return Ok(false);
            }
            let order = self.front.order(number, self.until()).await.map_err(unavailable)?;
            let Some(order) = order else { return Ok(false) };
            // The replica that recorded the order may not have written its number back yet.
            let known = exchange_order::Entity::find_by_id(number)
                .one(services.db.read())
                .await?;
            if known.is_none() {
                write_back(services, vec![(order.attempt, number)]).await?;
            }
            Ok(true)
        }
        .boxed()
    }

    /// A replica writes back the numbers of the trades that it was asked for itself, so a later number may arrive
    /// first.
    fn whole_through<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Option<i64>>> {
        async move {
            let known = self.whole.load(Ordering::Relaxed);
            let whole = exchange_order::whole_through(db.read(), known).await?;
            self.whole.fetch_max(whole, Ordering::Relaxed);
            Ok(Some(whole))
        }
        .boxed()
    }

    fn replicas<'a>(&'a self, _: &'a Db) -> BoxFuture<'a, Result<Vec<Replica>>> {
        async { Ok(self.front.statuses().await.iter().map(shown).collect()) }.boxed()
    }

    fn propose_leader<'a>(&'a self, _: &'a Db, replica: i64) -> BoxFuture<'a, Result<i64>> {
        async move {
            let id = u64::try_from(replica).map_err(|_| NO_REPLICA)?;
            let leader = self.front.propose_leader(id, self.until()).await.map_err(unavailable)?;
            i64::try_from(leader).map_err(|_| NO_REPLICA)
        }
        .boxed()
    }

    fn work(&self, services: Services) -> BoxFuture<'_, Result<()>> {
        async move {
            agreement::reach(&self.front, &services).await?;
            self.agreed.send_replace(true);
            loop {
                let looked = self.number_some(&services).await?;
                if !looked {
                    let _ = tokio::time::timeout(LOOK_EVERY, self.wanted.notified()).await;
                }
            }
        }
        .boxed()
    }
}

impl ReplicatedLog {
    /// Numbers the oldest trades that have no number. Returns whether there were any.
    async fn number_some(&self, services: &Services) -> Result<bool> {
        let limit = self.front.settings().batch_max.max(1);
        let open = reservation::unnumbered(services.db.read(), limit as u64).await?;
        if open.is_empty() {
            return Ok(false);
        }
        let commands: Vec<_> = open.iter().map(|(open, name)| record(open, name)).collect();
        let Some(outcomes) = self
            .decided(services, &commands, open.last().map_or(0, |(open, _)| open.id))
            .await?
        else {
            return Ok(true);
        };
        let mut numbers = Vec::with_capacity(open.len());
        for ((open, _), outcome) in open.iter().zip(outcomes) {
            match outcome {
                Outcome::Recorded { number, attempt } if attempt == open.attempt => {
                    numbers.push((open.id, attempt, number));
                }
                other => {
                    let why = format!(
                        "the log did not record trade {}, which is carried out: {other:?}",
                        open.id
                    );
                    return Err(Error::Internal(why.into()));
                }
            }
        }
        let told = numbers.iter().map(|(_, attempt, number)| (attempt.clone(), *number));
        write_back(services, told.collect()).await?;
        if let Some((last, _, _)) = numbers.last() {
            self.withdrawals.numbered_up_to(*last);
        }
        self.fates
            .tell(numbers.iter().map(|(id, _, number)| (*id, Fate::Numbered(*number))));
        Ok(true)
    }

    /// Commits these trades, the last of which is `last`. Returns `None` when no replica received them, so that some of
    /// them may have been withdrawn since.
    async fn decided(&self, services: &Services, commands: &[Command], last: i64) -> Result<Option<Vec<Outcome>>> {
        loop {
            let told_before = self.withdrawals.tell_up_to(last);
            let commit = self.front.commit(commands, self.until());
            tokio::pin!(commit);
            let outcomes = loop {
                tokio::select! {
                    outcomes = &mut commit => break outcomes,
                    () = self.withdrawals.asked() => self.withdraw(services).await?,
                }
            };
            match outcomes {
                Ok(outcomes) => return Ok(Some(outcomes)),
                Err(order_log::Error::NoLeader) => {
                    self.withdrawals.told_only_up_to(told_before);
                    self.withdraw(services).await?;
                    tokio::time::sleep(self.front.settings().heartbeat).await;
                    return Ok(None);
                }
                Err(order_log::Error::Unavailable) => {
                    tracing::warn!(
                        trades = commands.len(),
                        "the order service is unavailable; the trades are sent again"
                    );
                    tokio::time::sleep(self.front.settings().heartbeat).await;
                }
                Err(error) => return Err(failed(&error)),
            }
        }
    }

    /// Withdraws the trades whose callers asked for it, if the log never received them.
    async fn withdraw(&self, services: &Services) -> Result<()> {
        let asked = self.withdrawals.take();
        if asked.is_empty() {
            return Ok(());
        }
        let now_us = services.clock.now_us();
        let write = async move |tx: &Tx| {
            let mut withdrawn = Vec::new();
            for id in &asked {
                if let Some(stock) = reservation::withdraw(tx, *id, now_us).await? {
                    withdrawn.push((*id, stock));
                }
            }
            Ok(withdrawn)
        };
        let tell = |withdrawn: &Vec<(i64, entities::stock::Model)>| {
            let stocks = withdrawn.iter().map(|(_, stock)| Some(stock.clone()));
            stocks.flat_map(|stock| stock.events()).collect::<Vec<Event>>()
        };
        let withdrawn = services.write_and_tell(write, tell).await?;
        tracing::warn!(
            trades = withdrawn.len(),
            "no replica answers in time; trades that the log never received are withdrawn"
        );
        self.fates.tell(withdrawn.iter().map(|(id, _)| (*id, Fate::Gone)));
        Ok(())
    }
}

/// The command that records a trade.
fn record(reserved: &reservation::Model, name: &str) -> Command {
    Command::Record {
        key: reserved.log_key.clone(),
        attempt: reserved.attempt.clone(),
        // The log assigns the number.
        trade: told(&reserved.numbered(0), name),
    }
}

/// A trade as the log represents it.
fn told(order: &exchange_order::Model, name: &str) -> order_log::order::Trade {
    let side = match entities::side::Side::of(&order.side) {
        entities::side::Side::Buy => Side::Buy,
        entities::side::Side::Sell => Side::Sell,
    };
    order_log::order::Trade {
        shares: Shares {
            name: name.to_owned(),
            side,
            quantity: order.quantity,
        },
        price: Price {
            minor: order.price_minor,
            currency: order.currency.clone(),
        },
        trader_id: order.trader_id,
        at_us: order.at_us,
    }
}

/// Writes back the numbers under which the log recorded these attempts, in one transaction, and publishes the changes.
async fn write_back(services: &Services, numbers: Vec<(String, i64)>) -> Result<()> {
    let now_us = services.clock.now_us();
    let write = async move |tx: &Tx| {
        let mut ended = Vec::with_capacity(numbers.len());
        for (attempt, number) in &numbers {
            match reservation::confirm(tx, attempt, *number, now_us).await {
                Ok(one) => ended.push(one),
                Err(EndError::Failed(error)) => return Err(error.into()),
                Err(EndError::Otherwise(state)) => {
                    let why = format!("the log has order {number}, whose reservation {attempt} is {state}");
                    return Err(Error::Internal(why.into()));
                }
            }
        }
        Ok(ended)
    };
    let tell = |ended: &Vec<Ended>| ended.iter().flat_map(Changed::events).collect::<Vec<Event>>();
    services.write_and_tell(write, tell).await?;
    Ok(())
}

/// A random name that is unique among all databases that use these replicas.
fn unheard_of() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

fn shown(status: &Status) -> Replica {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Replica {
        id: whole(status.id),
        alive: status.alive,
        leader: status.leader,
        term: whole(status.term),
        applied: status.applied,
    }
}

fn unavailable(error: order_log::Error) -> Error {
    match error {
        order_log::Error::Unavailable | order_log::Error::NoLeader => NO_REPLICA,
        other => failed(&other),
    }
}

fn failed(error: &order_log::Error) -> Error {
    Error::Internal(format!("the order log: {error}").into())
}
