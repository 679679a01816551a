//! A trade: it reserves the shares, proposes the order and confirms the reservation. In the end catalog and log agree.

use std::sync::Arc;

use tokio::time::Instant;

use crate::batch::Proposals;
use crate::catalog::{CatalogError, Reservation};
use crate::leader::ReadPoint;
use crate::order::{Command, ExchangeOrder, Outcome, Shares, Trade};
use crate::replica::{Core, Error};
use crate::{Replica, settle};

/// A requested trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The idempotency key; a request without a key is executed each time it is sent.
    pub key: Option<String>,
    /// The shares to trade.
    pub shares: Shares,
    /// The user who trades.
    pub trader_id: Option<i64>,
}

/// The reason why a trade was not executed.
#[derive(Debug, thiserror::Error)]
pub enum TradeError {
    /// There is no such stock.
    #[error("stock not found")]
    NoStock,
    /// There are too few shares to buy.
    #[error("too few shares are left")]
    TooFew,
    /// There would be more shares than can be counted.
    #[error("there would be too many shares")]
    TooMany,
    /// The key belongs to another request.
    #[error("this idempotency key was used for another request")]
    Mismatch,
    /// The request is not a valid trade.
    #[error("{0}")]
    Invalid(String),
    /// No majority answers. The trade was not executed and never will be.
    #[error("order service unavailable")]
    Unavailable,
    /// It is not known yet whether the trade was or will be executed. The client learns it by a retry with the same
    /// key.
    #[error("order service unavailable")]
    OutcomeUnknown,
}

impl From<Error> for TradeError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(why) => Self::Invalid(why),
            Error::Unavailable | Error::NoLeader => Self::Unavailable,
            Error::Store(error) => {
                tracing::error!(%error, "the replica's file failed");
                Self::Unavailable
            }
        }
    }
}

impl From<CatalogError> for TradeError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NoStock => Self::NoStock,
            CatalogError::TooFew => Self::TooFew,
            CatalogError::TooMany => Self::TooMany,
            CatalogError::Finished(_) | CatalogError::Unavailable(_) => {
                tracing::error!(%error, "the catalog failed");
                Self::Unavailable
            }
        }
    }
}

impl Replica {
    /// Executes a trade, whether or not this replica leads. When it succeeds, a majority has the order on its disks,
    /// and the catalog has moved the shares.
    ///
    /// If the majority is lost during a trade without a key, the answer waits until the outcome is known.
    ///
    /// # Errors
    /// Each error but `OutcomeUnknown` means that the trade changed nothing and never will.
    pub async fn trade(&self, wanted: &Wanted) -> Result<ExchangeOrder, TradeError> {
        wanted.shares.check().map_err(TradeError::Invalid)?;
        let carried_out = carry_out(&self.core, &self.proposals, wanted, self.core.until()).await;
        match carried_out {
            // An earlier request under the key may still be in progress.
            Err(TradeError::Unavailable) if wanted.key.is_some() => Err(TradeError::OutcomeUnknown),
            done => done,
        }
    }
}

async fn carry_out(
    core: &Arc<Core>,
    proposals: &Proposals,
    wanted: &Wanted,
    until: Instant,
) -> Result<ExchangeOrder, TradeError> {
    let catalog = &core.around.catalog;
    // The prefixes keep clients' keys apart from our own names.
    let key = match &wanted.key {
        Some(key) => format!("k:{key}"),
        None => format!("r:{}", core.one_of_a_kind()),
    };
    loop {
        if let Some(known) = core.store.order_of_key(&key).await.map_err(Error::from)? {
            return answer_again(core, wanted, known).await;
        }
        // Reserves no shares while no majority could confirm the reservation.
        core.at_leader(&ReadPoint, until).await?;
        let reservation = Reservation {
            attempt: format!("{key}#{}", core.one_of_a_kind()),
            key: key.clone(),
        };
        let price = match catalog.reserve(&reservation, &wanted.shares).await {
            Ok(price) => price,
            Err(refusal) => {
                if wanted.key.is_some() && came_before(core, proposals, &key, until).await? {
                    continue;
                }
                return Err(refusal.into());
            }
        };
        let attempt = reservation.attempt;
        let trade = Trade {
            shares: wanted.shares.clone(),
            price,
            trader_id: wanted.trader_id,
            at_us: (core.around.now_us)(),
        };
        let record = Command::Record {
            key: key.clone(),
            attempt: attempt.clone(),
            trade: trade.clone(),
        };
        // Without an answer the reservation stays: the leader finds it, and confirms or cancels it.
        let outcome = match decided(core, proposals, record, until).await {
            Err(TradeError::Unavailable) if wanted.key.is_none() => withdrawn(core, proposals, &attempt).await?,
            outcome => outcome?,
        };
        match outcome {
            Outcome::Recorded { number, attempt: by } if by == attempt => {
                return Ok(ExchangeOrder {
                    number,
                    key,
                    attempt,
                    trade,
                });
            }
            // The key had its order before. The log records a key once, so this attempt has failed for good.
            Outcome::Recorded { .. } => {
                catalog.cancel(&attempt).await?;
                core.up_to_date(until).await?;
            }
            Outcome::Mismatch => {
                catalog.cancel(&attempt).await?;
                return Err(TradeError::Mismatch);
            }
            Outcome::Cancelled if Instant::now() >= until => return Err(TradeError::Unavailable),
            // A leader considered this attempt abandoned. It stays cancelled, but the request may make another one.
            Outcome::Cancelled => catalog.cancel(&attempt).await?,
        }
    }
}

/// Commits a record, and confirms its reservation if the log recorded it.
async fn decided(core: &Core, proposals: &Proposals, record: Command, until: Instant) -> Result<Outcome, TradeError> {
    let outcome = proposals.decide(record.clone(), until).await?;
    match (&outcome, &record) {
        (Outcome::Recorded { number, attempt: by }, Command::Record { attempt, .. }) if by == attempt => {
            core.around.catalog.confirm(attempt, *number).await?;
        }
        _ => {}
    }
    Ok(outcome)
}

/// Cancels an attempt whose outcome is unknown, or learns that it was recorded. The client has no key to retry with, so
/// this waits for the outcome.
async fn withdrawn(core: &Arc<Core>, proposals: &Proposals, attempt: &str) -> Result<Outcome, TradeError> {
    let known_by = Instant::now() + core.settings.outcome_within;
    while Instant::now() < known_by {
        match settle::settle(core, proposals, attempt, core.until()).await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => tracing::debug!(%error, attempt, "the outcome of a trade is not known yet"),
        }
        tokio::time::sleep(core.settings.heartbeat).await;
    }
    Err(TradeError::OutcomeUnknown)
}

/// Returns the order that the key has already, if it comes from the same request. It confirms the reservation first, so
/// that the shares are moved before the client gets an answer.
async fn answer_again(core: &Core, wanted: &Wanted, known: ExchangeOrder) -> Result<ExchangeOrder, TradeError> {
    if known.trade.shares != wanted.shares || known.trade.trader_id != wanted.trader_id {
        return Err(TradeError::Mismatch);
    }
    core.around.catalog.confirm(&known.attempt, known.number).await?;
    Ok(known)
}

/// Whether an earlier attempt under the key may be the reason why the catalog refuses this one: the key has its order,
/// or an earlier attempt held the shares. Without this check the exchange could refuse a retry of a trade that it has
/// executed.
async fn came_before(core: &Arc<Core>, proposals: &Proposals, key: &str, until: Instant) -> Result<bool, TradeError> {
    let left = core
        .around
        .catalog
        .reserved(Some(key), core.settings.settle_rows_max)
        .await?;
    for reservation in &left {
        settle::settle(core, proposals, &reservation.attempt, until).await?;
    }
    core.up_to_date(until).await?;
    let known = core.store.order_of_key(key).await.map_err(Error::from)?;
    Ok(!left.is_empty() || known.is_some())
}
