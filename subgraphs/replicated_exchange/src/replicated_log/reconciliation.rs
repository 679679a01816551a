//! The check that log and table agree, before any trade is numbered. The log gets the trades that were numbered before
//! there were replicas, and it must hold no trade that this database does not know.

use contract::{Error, Result, Services};
use entities::{exchange_order, is_among, reservation, stock};
use futures_util::future::{BoxFuture, FutureExt};
use order_log::FrontEnd;
use order_log::command::{CommandOutcome, LogCommand, NumberedTrade};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::Instant;

use super::{log_error, to_log_trade};

/// Waits for the replicas, and ensures that they hold what this database holds.
///
/// # Errors
/// `CONFLICT` when the replicas belong to another database, or to another state of this one.
pub(super) async fn reconcile(front: &FrontEnd, services: &Services) -> Result<()> {
    let known = exchange_order::last_number(services.db.read()).await?;
    let held = last_common_number(front, known).await?;
    if held >= 0 {
        let ours = stored_trades(services, held, 1).await?;
        let theirs = retry_until_answered(front, |deadline| front.trade_by_number(held, deadline).boxed()).await?;
        if !theirs
            .zip(ours.first())
            .is_some_and(|(theirs, ours)| is_same_trade(&theirs, ours))
        {
            return Err(mismatch(held));
        }
    }
    copy_to_log(front, services, held + 1, known).await?;
    require_all_known(front, services, known).await
}

type StoredTrade = (exchange_order::Model, String);

/// The highest number up to `known` that the log has; -1 if it has none. The log has no gaps, so a binary search finds
/// it.
async fn last_common_number(front: &FrontEnd, known: i64) -> Result<i64> {
    let (mut has, mut lacks) = (-1, known + 1);
    // Usually the log has all of them.
    let mut look = known;
    while lacks - has > 1 {
        match retry_until_answered(front, |deadline| front.trade_by_number(look, deadline).boxed()).await? {
            Some(_) => has = look,
            None => lacks = look,
        }
        look = has + (lacks - has) / 2;
    }
    Ok(has)
}

/// Records the trades from `next` to `known` in the log, in their order and many at once: the log assigns them the
/// numbers that they have.
///
/// These are trades from before there were replicas, or trades that all replicas lost when their files were restored
/// from older copies. The latter keep their original keys, as long as this database knows them.
async fn copy_to_log(front: &FrontEnd, services: &Services, mut next: i64, known: i64) -> Result<()> {
    let many = front.settings().batch_max.max(1);
    while next <= known {
        let orders = stored_trades(services, next, many as u64).await?;
        let numbers = orders.iter().map(|(order, _)| order.number);
        let reserved = reservation::by_numbers(services.db.read(), numbers).await?;
        let commands = orders.iter().map(|(order, name)| {
            let known = reserved.iter().find(|known| known.number == Some(order.number));
            // The same names in each attempt, so that a repetition is idempotent.
            let of_table = || format!("table:{}", order.number);
            LogCommand::Record {
                key: known.map_or_else(of_table, |known| known.log_key.clone()),
                attempt: known.map_or_else(of_table, |known| known.attempt.clone()),
                trade: to_log_trade(order, name),
            }
        });
        let commands: Vec<_> = commands.collect();
        let sent = |deadline| {
            let commands = commands.clone();
            async move { front.commit(&commands, deadline).await }.boxed()
        };
        let outcomes = retry_until_answered(front, sent).await?;
        for ((order, _), outcome) in orders.iter().zip(outcomes) {
            match outcome {
                CommandOutcome::Recorded { number, .. } if number == order.number => next = number + 1,
                _ => return Err(mismatch(order.number)),
            }
        }
        if orders.is_empty() {
            return Err(Error::Internal(format!("order {next} is gone").into()));
        }
    }
    Ok(())
}

/// Checks that this database knows each order of the log after its last number. Such orders were reserved here and not
/// written back yet; any other one belongs to another database, or to this one before it was restored.
async fn require_all_known(front: &FrontEnd, services: &Services, mut last: i64) -> Result<()> {
    loop {
        let more = retry_until_answered(front, |deadline| front.trades_after(last, deadline).boxed()).await?;
        for order in &more {
            let reserved = reservation::by_attempt(services.db.read(), &order.attempt).await?;
            if reserved.is_none() {
                return Err(mismatch(order.number));
            }
        }
        match more.last() {
            Some(order) => last = order.number,
            None => return Ok(()),
        }
    }
}

/// The trades of this database from a number on, each with its stock's name.
async fn stored_trades(services: &Services, from: i64, limit: u64) -> Result<Vec<StoredTrade>> {
    let db = services.db.read();
    let orders = exchange_order::Entity::find()
        .filter(exchange_order::Column::Number.gte(from))
        .order_by_asc(exchange_order::Column::Number)
        .limit(limit);
    let orders = db.rows(orders).await?;
    let traded = orders.iter().map(|order| order.stock_id);
    let stocks = db
        .rows(stock::Entity::find().filter(is_among(stock::Column::Id, traded)))
        .await?;
    let named = orders.into_iter().filter_map(|order| {
        let stock = stocks.iter().find(|stock| stock.id == order.stock_id)?;
        Some((order, stock.name.clone()))
    });
    Ok(named.collect())
}

/// Whether both are the same trade. The times may differ: a replica that executes a trade itself uses its own clock.
fn is_same_trade(theirs: &NumberedTrade, (order, name): &StoredTrade) -> bool {
    let ours = to_log_trade(order, name);
    (&theirs.trade.shares, &theirs.trade.price, theirs.trade.trader_id) == (&ours.shares, &ours.price, ours.trader_id)
}

/// Retries until there is an answer: the exchange cannot start without it.
async fn retry_until_answered<'f, T>(
    front: &'f FrontEnd,
    ask: impl Fn(Instant) -> BoxFuture<'f, std::result::Result<T, order_log::Error>>,
) -> Result<T> {
    loop {
        let deadline = Instant::now() + front.settings().answer_timeout;
        match ask(deadline).await {
            Ok(answer) => return Ok(answer),
            Err(order_log::Error::Unavailable) => tracing::warn!("no replica of the order log answers"),
            Err(error) => return Err(log_error(&error)),
        }
    }
}

fn mismatch(number: i64) -> Error {
    Error::Conflict(
        format!(
            "the order replicas and this database do not belong together: they differ in order {number}. Give the replicas the \
             database they were filled from, or start new ones with empty folders"
        )
        .into(),
    )
}
