//! Before anything is numbered, log and table tell the same: the log gets the trades that were numbered before there were
//! replicas, and holds none that this database does not know.

use contract::{Error, Result, Services};
use entities::{exchange_order, reservation, stock};
use futures_util::future::{BoxFuture, FutureExt};
use order_log::FrontEnd;
use order_log::order::{Command, ExchangeOrder, Outcome};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::Instant;

use super::{failed, told};

/// Waits for the replicas, and sees to it that they hold what this database holds.
///
/// # Errors
/// `CONFLICT` when they belong to another database, or to another state of this one; and when the database fails.
pub(super) async fn reach(front: &FrontEnd, services: &Services) -> Result<()> {
    let known = exchange_order::last_number(services.db.read()).await?;
    let held = last_of_both(front, known).await?;
    if held >= 0 {
        let ours = ours(services, held, 1).await?;
        let theirs = asked(front, |until| front.order(held, until).boxed()).await?;
        if !theirs
            .zip(ours.first())
            .is_some_and(|(theirs, ours)| is_same(&theirs, ours))
        {
            return Err(differs(held));
        }
    }
    copy(front, services, held + 1, known).await?;
    see_that_all_are_known(front, services, known).await
}

type Ours = (exchange_order::Model, String);

/// The highest number up to `known` that the log has; -1 if it has none. Its numbers have no gaps, so halving finds it.
async fn last_of_both(front: &FrontEnd, known: i64) -> Result<i64> {
    let (mut has, mut lacks) = (-1, known + 1);
    // As a rule the log has all of them.
    let mut look = known;
    while lacks - has > 1 {
        match asked(front, |until| front.order(look, until).boxed()).await? {
            Some(_) => has = look,
            None => lacks = look,
        }
        look = has + (lacks - has) / 2;
    }
    Ok(has)
}

/// Tells the log the trades from `next` to `known`, in their order and many at once: it gives them the numbers they have.
///
/// They are those from before there were replicas, or those that all replicas forgot when their files were set back. The
/// latter keep the keys under which they were recorded first, as long as this database knows them.
async fn copy(front: &FrontEnd, services: &Services, mut next: i64, known: i64) -> Result<()> {
    let many = front.settings().batch_max.max(1);
    while next <= known {
        let orders = ours(services, next, many as u64).await?;
        let numbers = orders.iter().map(|(order, _)| order.number);
        let reserved = reservation::of_numbers(services.db.read(), numbers).await?;
        let commands = orders.iter().map(|(order, name)| {
            let known = reserved.iter().find(|known| known.number == Some(order.number));
            // Sent again, it is the same.
            let of_table = || format!("table:{}", order.number);
            Command::Record {
                key: known.map_or_else(of_table, |known| known.log_key.clone()),
                attempt: known.map_or_else(of_table, |known| known.attempt.clone()),
                trade: told(order, name),
            }
        });
        let commands: Vec<_> = commands.collect();
        let sent = |until| {
            let commands = commands.clone();
            async move { front.commit(&commands, until).await }.boxed()
        };
        let outcomes = asked(front, sent).await?;
        for ((order, _), outcome) in orders.iter().zip(outcomes) {
            match outcome {
                Outcome::Recorded { number, .. } if number == order.number => next = number + 1,
                _ => return Err(differs(order.number)),
            }
        }
        if orders.is_empty() {
            return Err(Error::Internal(format!("order {next} is gone").into()));
        }
    }
    Ok(())
}

/// What the log has behind our last number was reserved here and not written back yet. Anything else happened to another
/// database, or to this one before it was set back.
async fn see_that_all_are_known(front: &FrontEnd, services: &Services, mut last: i64) -> Result<()> {
    loop {
        let more = asked(front, |until| front.since(last, until).boxed()).await?;
        for order in &more {
            let reserved = reservation::of_attempt(services.db.read(), &order.attempt).await?;
            if reserved.is_none() {
                return Err(differs(order.number));
            }
        }
        match more.last() {
            Some(order) => last = order.number,
            None => return Ok(()),
        }
    }
}

/// Our trades from a number on, each with its stock's name.
async fn ours(services: &Services, from: i64, limit: u64) -> Result<Vec<Ours>> {
    let db = services.db.read();
    let orders = exchange_order::Entity::find()
        .filter(exchange_order::Column::Number.gte(from))
        .order_by_asc(exchange_order::Column::Number)
        .limit(limit)
        .all(db)
        .await?;
    let traded = orders.iter().map(|order| order.stock_id);
    let stocks = stock::Entity::find()
        .filter(stock::Column::Id.is_in(traded))
        .all(db)
        .await?;
    let named = orders.into_iter().filter_map(|order| {
        let stock = stocks.iter().find(|stock| stock.id == order.stock_id)?;
        Some((order, stock.name.clone()))
    });
    Ok(named.collect())
}

/// Whether they are the same trade. Each has its own clock's time, where a replica was asked for it.
fn is_same(theirs: &ExchangeOrder, (order, name): &Ours) -> bool {
    let ours = told(order, name);
    (&theirs.trade.shares, &theirs.trade.price, theirs.trade.trader_id) == (&ours.shares, &ours.price, ours.trader_id)
}

/// Asks until there is an answer: there is nothing else to do before.
async fn asked<'f, T>(
    front: &'f FrontEnd,
    ask: impl Fn(Instant) -> BoxFuture<'f, std::result::Result<T, order_log::Error>>,
) -> Result<T> {
    loop {
        let until = Instant::now() + front.settings().answer_within;
        match ask(until).await {
            Ok(answer) => return Ok(answer),
            Err(order_log::Error::Unavailable) => tracing::warn!("no replica of the order log answers"),
            Err(error) => return Err(failed(&error)),
        }
    }
}

fn differs(number: i64) -> Error {
    Error::Conflict(
        format!(
            "the order replicas and this database do not belong together: they differ in order {number}. Give the replicas the \
             database they were filled from, or start new ones with empty folders"
        )
        .into(),
    )
}
