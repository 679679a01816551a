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

mod reconciliation;
mod trade_outcomes;
mod withdrawals;

use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contract::{
    Db, Error, ExchangeTrade, ExecutedTrade, NO_REPLICA, OrderLog, ReplicaStatus, Result, Services, TradePermit,
    TradeRecord, Tx, TxExt, UnnumberedTrade,
};
use entities::exchange_order;
use entities::reservation::{self, ReservationError, TradeOutcome};
use futures_util::future::{BoxFuture, FutureExt, LocalBoxFuture};
use order_log::command::{CommandOutcome, LogCommand, Price, Shares, TradeSide};
use order_log::{FrontEnd, NodeStatus};
use rand::Rng;
use sea_orm::EntityTrait;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use self::trade_outcomes::TradeOutcomes;
use self::withdrawals::Withdrawals;

/// The poll interval for trades without a number whose caller does not wait: automated orders, and trades left by a
/// crash.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The log of several replicas.
pub struct ReplicatedLog {
    front: FrontEnd,
    /// Notified when a caller waits for a number.
    number_requested: Notify,
    trade_outcomes: TradeOutcomes,
    withdrawals: Withdrawals,
    /// Whether log and table are known to agree.
    agreed: watch::Sender<bool>,
    /// A number up to which the table has no gap.
    contiguous: AtomicI64,
}

impl ReplicatedLog {
    /// The log of these replicas. Trades get numbers only while [`OrderLog::work`] runs.
    pub fn new(front: FrontEnd) -> Self {
        Self {
            front,
            number_requested: Notify::new(),
            trade_outcomes: TradeOutcomes::default(),
            withdrawals: Withdrawals::default(),
            agreed: watch::Sender::new(false),
            contiguous: AtomicI64::new(-1),
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.front.settings().answer_timeout
    }
}

impl OrderLog for ReplicatedLog {
    fn ready(&self) -> BoxFuture<'_, Result<TradePermit>> {
        async {
            let permit = self.front.permit().map_err(unavailable)?;
            let deadline = self.deadline();
            let mut agreed = self.agreed.subscribe();
            let agreed = tokio::time::timeout_at(deadline, agreed.wait_for(|agreed| *agreed)).await;
            agreed.ok().and_then(std::result::Result::ok).ok_or(NO_REPLICA)?;
            self.front.ready(deadline).await.map_err(unavailable)?;
            Ok(permit.into())
        }
        .boxed()
    }

    fn trade<'a>(
        &'a self,
        tx: &'a Tx,
        trade: &'a ExchangeTrade,
        now_us: i64,
    ) -> LocalBoxFuture<'a, Result<ExecutedTrade>> {
        async move {
            let (stock, order) = trade.execute(tx, now_us).await?;
            let reserved = reservation::insert_binding(tx, &unique_attempt(), &stock, &order, now_us).await?;
            Ok(ExecutedTrade {
                recorded: TradeRecord::Reserved(reserved),
                stock,
            })
        }
        .boxed_local()
    }

    fn number<'a>(&'a self, db: &'a Db, trade: UnnumberedTrade) -> BoxFuture<'a, Result<i64>> {
        async move {
            let id = trade.reservation_id;
            let mut changes = self.trade_outcomes.subscribe();
            let loss_deadline = self.deadline();
            let outcome_deadline = Instant::now() + self.front.settings().outcome_timeout;
            let mut is_patient = true;
            // Made once: every new outcome wakes all waiting callers, and making these arms timers.
            let mut lost = pin!(self.front.wait_until_lost(loss_deadline));
            let mut too_late = pin!(tokio::time::sleep_until(outcome_deadline));
            loop {
                match self.trade_outcomes.get(db, id).await? {
                    TradeOutcome::Numbered(number) => return Ok(number),
                    TradeOutcome::Gone => return Err(NO_REPLICA),
                    TradeOutcome::Open => self.number_requested.notify_one(),
                }
                tokio::select! {
                    changed = changes.changed() => changed.map_err(|_| Error::OutcomeUnknown)?,
                    () = &mut lost, if is_patient => {
                        if trade.has_key {
                            return Err(Error::OutcomeUnknown);
                        }
                        // A caller without a key cannot retry, so it waits until the outcome of the trade is known.
                        is_patient = false;
                        if trade.moved_shares_only {
                            self.withdrawals.request(id);
                        }
                    }
                    () = &mut too_late => return Err(Error::OutcomeUnknown),
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
            let order = self.front.order(number, self.deadline()).await.map_err(unavailable)?;
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
    fn contiguous_through<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Option<i64>>> {
        async move {
            let known = self.contiguous.load(Ordering::Relaxed);
            let contiguous = exchange_order::contiguous_through(db.read(), known).await?;
            self.contiguous.fetch_max(contiguous, Ordering::Relaxed);
            Ok(Some(contiguous))
        }
        .boxed()
    }

    fn replicas<'a>(&'a self, _: &'a Db) -> BoxFuture<'a, Result<Vec<ReplicaStatus>>> {
        async { Ok(self.front.statuses().await.iter().map(to_replica).collect()) }.boxed()
    }

    fn propose_leader<'a>(&'a self, _: &'a Db, replica: i64) -> BoxFuture<'a, Result<i64>> {
        async move {
            let id = u64::try_from(replica).map_err(|_| NO_REPLICA)?;
            let leader = self
                .front
                .propose_leader(id, self.deadline())
                .await
                .map_err(unavailable)?;
            i64::try_from(leader).map_err(|_| NO_REPLICA)
        }
        .boxed()
    }

    fn work(&self, services: Services) -> BoxFuture<'_, Result<()>> {
        async move {
            reconciliation::reconcile(&self.front, &services).await?;
            self.agreed.send_replace(true);
            loop {
                let has_numbered = self.number_batch(&services).await?;
                if !has_numbered {
                    let _ = tokio::time::timeout(POLL_INTERVAL, self.number_requested.notified()).await;
                }
            }
        }
        .boxed()
    }
}

impl ReplicatedLog {
    /// Numbers the oldest trades that have no number. Returns whether there were any.
    async fn number_batch(&self, services: &Services) -> Result<bool> {
        let limit = self.front.settings().batch_max.max(1);
        let open = reservation::unnumbered(services.db.read(), limit as u64).await?;
        if open.is_empty() {
            return Ok(false);
        }
        let commands: Vec<_> = open.iter().map(|(open, name)| record_command(open, name)).collect();
        let Some(outcomes) = self
            .commit_batch(services, &commands, open.last().map_or(0, |(open, _)| open.id))
            .await?
        else {
            return Ok(true);
        };
        let mut numbers = Vec::with_capacity(open.len());
        for ((open, _), outcome) in open.iter().zip(outcomes) {
            match outcome {
                CommandOutcome::Recorded { number, attempt } if attempt == open.attempt => {
                    numbers.push((open.id, attempt, number));
                }
                other => {
                    let why = format!("the log did not record trade {}, which is executed: {other:?}", open.id);
                    return Err(Error::Internal(why.into()));
                }
            }
        }
        let written = numbers.iter().map(|(_, attempt, number)| (attempt.clone(), *number));
        write_back(services, written.collect()).await?;
        if let Some((last, _, _)) = numbers.last() {
            self.withdrawals.drop_through(*last);
        }
        self.trade_outcomes.add(
            numbers
                .iter()
                .map(|(id, _, number)| (*id, TradeOutcome::Numbered(*number))),
        );
        Ok(true)
    }

    /// Commits these trades, the last of which is `last`. Returns `None` when no replica received them, so that some of
    /// them may have been withdrawn since.
    async fn commit_batch(
        &self,
        services: &Services,
        commands: &[LogCommand],
        last: i64,
    ) -> Result<Option<Vec<CommandOutcome>>> {
        loop {
            let sent_before = self.withdrawals.mark_sent_through(last);
            let commit = self.front.commit(commands, self.deadline());
            tokio::pin!(commit);
            let outcomes = loop {
                tokio::select! {
                    outcomes = &mut commit => break outcomes,
                    () = self.withdrawals.requested() => self.withdraw(services).await?,
                }
            };
            match outcomes {
                Ok(outcomes) => return Ok(Some(outcomes)),
                Err(order_log::Error::NoLeader) => {
                    self.withdrawals.restore_sent_through(sent_before);
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
                Err(error) => return Err(log_error(&error)),
            }
        }
    }

    /// Withdraws the trades whose callers asked for it, if the log never received them.
    async fn withdraw(&self, services: &Services) -> Result<()> {
        let asked = self.withdrawals.take_unsent();
        if asked.is_empty() {
            return Ok(());
        }
        let now_us = services.clock.now_us();
        let write = async move |tx: &Tx| {
            let mut withdrawn = Vec::new();
            for id in &asked {
                if let Some(stock) = reservation::withdraw(tx, *id, now_us).await? {
                    tx.invalidate(&stock);
                    withdrawn.push(*id);
                }
            }
            Ok(withdrawn)
        };
        let withdrawn = services.write(write).await?;
        tracing::warn!(
            trades = withdrawn.len(),
            "no replica answers in time; trades that the log never received are withdrawn"
        );
        self.trade_outcomes
            .add(withdrawn.iter().map(|id| (*id, TradeOutcome::Gone)));
        Ok(())
    }
}

/// The command that records a trade.
fn record_command(reserved: &reservation::Model, name: &str) -> LogCommand {
    LogCommand::Record {
        key: reserved.log_key.clone(),
        attempt: reserved.attempt.clone(),
        // The log assigns the number.
        trade: to_log_trade(&reserved.to_exchange_order(0), name),
    }
}

/// A trade as the log represents it.
fn to_log_trade(order: &exchange_order::Model, name: &str) -> order_log::command::LoggedTrade {
    let side = match order.side {
        entities::side::Side::Buy => TradeSide::Buy,
        entities::side::Side::Sell => TradeSide::Sell,
    };
    order_log::command::LoggedTrade {
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
        for (attempt, number) in &numbers {
            match reservation::confirm(tx, attempt, *number, now_us).await {
                Ok(ended) => tx.invalidate(&ended),
                Err(ReservationError::Entity(error)) => return Err(error.into()),
                Err(ReservationError::AlreadyEnded(state)) => {
                    let why = format!("the log has order {number}, whose reservation {attempt} is {state}");
                    return Err(Error::Internal(why.into()));
                }
            }
        }
        Ok(())
    };
    services.write(write).await
}

/// A random name that is unique among all databases that use these replicas.
fn unique_attempt() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

fn to_replica(status: &NodeStatus) -> ReplicaStatus {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    ReplicaStatus {
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
        other => log_error(&other),
    }
}

fn log_error(error: &order_log::Error) -> Error {
    Error::Internal(format!("the order log: {error}").into())
}
