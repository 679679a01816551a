//! The order log as separate replicas: this database executes a trade, the replicas number it.
//!
//! One transaction contains a trade with everything that belongs to it, and a row for its missing number
//! (`entities::reservation`). One task sends such rows to the log, the oldest first and many at once. A caller is answered
//! when a majority of the replicas has the trade; the same task writes the number back behind the answer, along with the
//! next commit ([`unwritten`]). A crash at any point leaves the row, and the task sends a row again until it has its
//! number; the log records a key once. So every executed trade gets a number, and none gets two.
//!
//! Until a number is written back, the task's memory has it: look-ups by number ask it, and lists wait for the write-back.
//! After a crash the memory is lost. Then readers wait until the log has told the numbers of all trades that the earlier
//! process may have answered ([`recovery`]).
//!
//! While no majority lives, no new trades are executed. A trade that was in progress at that time is in one of three
//! states:
//!
//! - The log never received it, and only shares moved: it is withdrawn, and its caller learns that it did not happen.
//! - It has a key: its caller gets an unknown outcome, and may retry with the key.
//! - Otherwise its caller waits until the outcome is known, and holds one of the limited trade permits meanwhile.

mod reconciliation;
mod recovery;
mod trade_outcomes;
mod unwritten;
mod withdrawals;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contract::{
    Db, Error, ExchangeTrade, ExecutedTrade, NO_REPLICA, OrderLog, ReplicaStatus, Result, Services, TradePermit,
    TradeRecord, Tx, TxExt, UnnumberedTrade,
};
use entities::exchange_order;
use entities::reservation::{self, AssignedNumber, ReservationError, TradeOutcome};
use futures_util::future::{BoxFuture, FutureExt, LocalBoxFuture, try_join};
use order_log::command::{CommandOutcome, LogCommand, Price, Shares, TradeSide};
use order_log::{FrontEnd, NodeStatus};
use rand::Rng;
use sea_orm::EntityTrait;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use self::recovery::Recovery;
use self::trade_outcomes::TradeOutcomes;
use self::unwritten::{UnwrittenTrade, UnwrittenTrades};
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
    unwritten: Arc<UnwrittenTrades>,
    recovery: Recovery,
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
            unwritten: Arc::default(),
            recovery: Recovery::default(),
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
            let reserved = reservation::insert_binding(tx, &unique_attempt(now_us), &stock, &order, now_us).await?;
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
            let mut waiter = self.trade_outcomes.wait_for(id);
            let loss_deadline = self.deadline();
            let outcome_deadline = Instant::now() + self.front.settings().outcome_timeout;
            let mut is_patient = true;
            let mut lost = pin!(self.front.wait_until_lost(loss_deadline));
            let mut too_late = pin!(tokio::time::sleep_until(outcome_deadline));
            let mut outcome = self.trade_outcomes.get(db, id).await?;
            loop {
                match outcome {
                    TradeOutcome::Numbered(number) => return Ok(number),
                    TradeOutcome::Gone => return Err(NO_REPLICA),
                    TradeOutcome::Open => self.number_requested.notify_one(),
                }
                tokio::select! {
                    known = waiter.outcome() => outcome = match known {
                        Some(outcome) => outcome,
                        None => self.trade_outcomes.get(db, id).await?,
                    },
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

    fn assigned_number<'a>(&'a self, db: &'a Db, reservation_id: i64) -> BoxFuture<'a, Result<Option<i64>>> {
        async move {
            let mut outcome = self.trade_outcomes.get(db, reservation_id).await?;
            if outcome == TradeOutcome::Open && self.recovery.concerns(db, reservation_id).await? {
                self.wait_until_recovered(db).await?;
                outcome = self.trade_outcomes.get(db, reservation_id).await?;
            }
            Ok(match outcome {
                TradeOutcome::Numbered(number) => Some(number),
                TradeOutcome::Open | TradeOutcome::Gone => None,
            })
        }
        .boxed()
    }

    fn unwritten(&self, number: i64) -> Option<exchange_order::Model> {
        self.unwritten.order(number)
    }

    fn has<'a>(&'a self, services: &'a Services, number: i64) -> BoxFuture<'a, Result<bool>> {
        async move {
            if number < 0 {
                return Ok(false);
            }
            if self.unwritten.has(number) {
                return Ok(true);
            }
            let trade = self
                .front
                .trade_by_number(number, self.deadline())
                .await
                .map_err(unavailable)?;
            let Some(trade) = trade else { return Ok(false) };
            // The replica that recorded the trade may not have written its number back yet.
            let known = exchange_order::Entity::find_by_id(number)
                .one(services.db.read())
                .await?;
            if known.is_none() {
                write_back_attempt(services, trade.attempt, number).await?;
                self.trade_outcomes.reread();
            }
            Ok(true)
        }
        .boxed()
    }

    /// A replica writes back the numbers of the trades that it was asked for itself, so a later number may arrive
    /// first.
    fn contiguous_through<'a>(&'a self, db: &'a Db) -> BoxFuture<'a, Result<Option<i64>>> {
        async move {
            self.wait_until_recovered(db).await?;
            tokio::time::timeout_at(self.deadline(), self.unwritten.wait_until_written())
                .await
                .map_err(|_| NOT_WRITTEN)?;
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

    fn flush<'a>(&'a self, services: &'a Services) -> BoxFuture<'a, Result<()>> {
        async move {
            while !self.unwritten.is_empty() {
                let written = services.write(self.write_back(services)).await?;
                self.unwritten.remove(written);
            }
            Ok(())
        }
        .boxed()
    }

    fn work(&self, services: Services) -> BoxFuture<'_, Result<()>> {
        async move {
            self.recovery.start(&services.db).await?;
            reconciliation::reconcile(&self.front, &services).await?;
            self.agreed.send_replace(true);
            let number: BoxFuture<'_, Result<()>> = self.number_trades(&services).boxed();
            try_join(number, self.write_back_trades(&services)).await?;
            Ok(())
        }
        .boxed()
    }
}

/// The error of a reader that waited in vain for the database.
const NOT_WRITTEN: Error = Error::Unavailable("the database does not take the numbers of trades");

impl ReplicatedLog {
    /// Waits until the numbers of all trades are known that an earlier process may have answered.
    async fn wait_until_recovered(&self, db: &Db) -> Result<()> {
        if self.recovery.start(db).await? {
            return Ok(());
        }
        tokio::select! {
            () = self.recovery.done() => Ok(()),
            () = self.front.wait_until_lost(self.deadline()) => Err(NO_REPLICA),
        }
    }

    /// Numbers the trades that have no number, until it fails.
    async fn number_trades(&self, services: &Services) -> Result<()> {
        loop {
            let has_numbered = self.number_batch(services).await?;
            if !has_numbered {
                let _ = tokio::time::timeout(POLL_INTERVAL, self.number_requested.notified()).await;
            }
        }
    }

    /// Writes the numbers back, until it fails. A number joins the next commit, and is written alone when there is none
    /// for a while, or when a reader waits for it.
    async fn write_back_trades(&self, services: &Services) -> Result<()> {
        let delay = self.front.settings().write_back_delay;
        loop {
            self.unwritten.wait_until_any().await;
            let due = async {
                let _ = tokio::time::timeout(delay, self.unwritten.requested()).await;
            };
            let written = services.db.write_along(self.write_back(services), due).await?;
            self.unwritten.remove(written);
        }
    }

    /// The write that writes the oldest numbers back, as many as are one entry of the log, and publishes the changes.
    /// Returns how many it wrote.
    fn write_back(&self, services: &Services) -> impl AsyncFn(&Tx) -> Result<usize> + Send + use<> {
        let (unwritten, limit) = (Arc::clone(&self.unwritten), self.batch_max());
        let clock = Arc::clone(&services.clock);
        async move |tx: &Tx| {
            // Read here, so that it writes those too that were added while it waited for its turn.
            let numbers = unwritten.oldest(limit);
            let confirmed = reservation::confirm_all(tx, &numbers, clock.now_us()).await;
            for order in confirmed.map_err(confirmation_error)? {
                tx.invalidate(&order);
            }
            Ok(numbers.len())
        }
    }

    fn batch_max(&self) -> usize {
        self.front.settings().batch_max.max(1)
    }

    /// Numbers the oldest trades that have no number. Returns whether there were any.
    async fn number_batch(&self, services: &Services) -> Result<bool> {
        let room = self.unwritten.wait_for_room(self.front.settings().unwritten_max).await;
        let limit = self.batch_max().min(room);
        let after = self.unwritten.last_id();
        let open = reservation::unnumbered(services.db.read(), after, limit as u64).await?;
        if open.is_empty() {
            self.recovery.finish();
            return Ok(false);
        }
        let commands: Vec<_> = open.iter().map(|(open, name)| record_command(open, name)).collect();
        let Some(outcomes) = self
            .commit_batch(services, &commands, open.last().map_or(0, |(open, _)| open.id))
            .await?
        else {
            return Ok(true);
        };
        let mut numbered = Vec::with_capacity(open.len());
        for ((open, _), outcome) in open.iter().zip(outcomes) {
            match outcome {
                CommandOutcome::Recorded { number, attempt } if attempt == open.attempt => {
                    let order = open.to_exchange_order(number);
                    let assigned = AssignedNumber {
                        id: open.id,
                        attempt,
                        number,
                    };
                    numbered.push(UnwrittenTrade { assigned, order });
                }
                other => {
                    let why = format!("the log did not record trade {}, which is executed: {other:?}", open.id);
                    return Err(Error::Internal(why.into()));
                }
            }
        }
        let outcomes: Vec<_> = numbered
            .iter()
            .map(|trade| (trade.assigned.id, TradeOutcome::Numbered(trade.assigned.number)))
            .collect();
        // Readers must find a trade before its caller is answered.
        self.unwritten.add(numbered);
        if let Some((last, _)) = outcomes.last() {
            self.withdrawals.drop_through(*last);
            self.recovery.advance(*last);
        }
        self.trade_outcomes.add(outcomes.into_iter());
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
        let unsent = self.withdrawals.take_unsent();
        if unsent.is_empty() {
            return Ok(());
        }
        let now_us = services.clock.now_us();
        let write = async move |tx: &Tx| {
            let mut withdrawn = Vec::new();
            for id in &unsent {
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

/// Writes back the number under which the log recorded an attempt, and publishes the changes.
async fn write_back_attempt(services: &Services, attempt: String, number: i64) -> Result<()> {
    let now_us = services.clock.now_us();
    let write = async move |tx: &Tx| {
        let ended = reservation::confirm(tx, &attempt, number, now_us).await;
        tx.invalidate(&ended.map_err(confirmation_error)?);
        Ok(())
    };
    services.write(write).await
}

fn confirmation_error(error: ReservationError) -> Error {
    match error {
        ReservationError::Entity(error) => error.into(),
        ReservationError::AlreadyEnded(state) => {
            Error::Internal(format!("the log has an order whose reservation is {state}").into())
        }
    }
}

/// A name that is unique among all databases that use these replicas: the time, and 72 random bits.
///
/// The names of successive trades follow each other, so the indexes of this database and of every replica grow at their ends.
/// Entirely random names would change a page of each index for every trade.
fn unique_attempt(now_us: i64) -> String {
    const RANDOM_BITS: u32 = 72;
    let random = rand::rng().random::<u128>() >> (u128::BITS - RANDOM_BITS);
    let time = u128::from(now_us.unsigned_abs()) << RANDOM_BITS;
    format!("{:032x}", time | random)
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
