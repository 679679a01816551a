//! A trade: it reserves the shares, proposes an entry of the log and confirms the reservation. In the end catalog and log agree.

use std::sync::Arc;

use tokio::time::Instant;

use crate::batch::Proposals;
use crate::catalog::{CatalogError, Reservation};
use crate::command::{CommandOutcome, LogCommand, LoggedTrade, NumberedTrade, Shares};
use crate::leader::ReadPoint;
use crate::replica::{Core, Error};
use crate::{Replica, resolve_orphans};

/// A requested trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeRequest {
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
    /// Executes a trade, whether or not this replica leads. When it succeeds, a majority has the trade on its disks,
    /// and the catalog has moved the shares.
    ///
    /// If the majority is lost during a trade without a key, the answer waits until the outcome is known.
    ///
    /// # Errors
    /// Each error but `OutcomeUnknown` means that the trade changed nothing and never will.
    pub async fn trade(&self, request: &TradeRequest) -> Result<NumberedTrade, TradeError> {
        request.shares.check().map_err(TradeError::Invalid)?;
        let result = execute(&self.core, &self.proposals, request, self.core.deadline()).await;
        match result {
            // An earlier request under the key may still be in progress.
            Err(TradeError::Unavailable) if request.key.is_some() => Err(TradeError::OutcomeUnknown),
            done => done,
        }
    }
}

async fn execute(
    core: &Arc<Core>,
    proposals: &Proposals,
    request: &TradeRequest,
    deadline: Instant,
) -> Result<NumberedTrade, TradeError> {
    let catalog = &core.dependencies.catalog;
    // The prefixes keep clients' keys apart from our own names.
    let key = match &request.key {
        Some(key) => format!("k:{key}"),
        None => format!("r:{}", core.unique_id()),
    };
    loop {
        if let Some(known) = core.store.trade_of_key(&key).await.map_err(Error::from)? {
            return replay(core, request, known).await;
        }
        // Reserves no shares while no majority could confirm the reservation.
        core.run_on_leader(&ReadPoint, deadline).await?;
        let reservation = Reservation {
            attempt: format!("{key}#{}", core.unique_id()),
            key: key.clone(),
        };
        let price = match catalog.reserve(&reservation, &request.shares).await {
            Ok(price) => price,
            Err(refusal) => {
                if request.key.is_some() && has_earlier_attempt(core, proposals, &key, deadline).await? {
                    continue;
                }
                return Err(refusal.into());
            }
        };
        let attempt = reservation.attempt;
        let trade = LoggedTrade {
            shares: request.shares.clone(),
            price,
            trader_id: request.trader_id,
            at_us: (core.dependencies.now_us)(),
        };
        let record = LogCommand::Record {
            key: key.clone(),
            attempt: attempt.clone(),
            trade: trade.clone(),
        };
        // Without an answer the reservation stays: the leader finds it, and confirms or cancels it.
        let outcome = match commit_and_confirm(core, proposals, record, deadline).await {
            Err(TradeError::Unavailable) if request.key.is_none() => cancel_attempt(core, proposals, &attempt).await?,
            outcome => outcome?,
        };
        match outcome {
            CommandOutcome::Recorded { number, attempt: by } if by == attempt => {
                return Ok(NumberedTrade {
                    number,
                    key,
                    attempt,
                    trade,
                });
            }
            // The key had its trade before. The log records a key once, so this attempt has failed for good.
            CommandOutcome::Recorded { .. } => {
                catalog.cancel(&attempt).await?;
                core.ensure_linearizable(deadline).await?;
            }
            CommandOutcome::Mismatch => {
                catalog.cancel(&attempt).await?;
                return Err(TradeError::Mismatch);
            }
            CommandOutcome::Cancelled if Instant::now() >= deadline => return Err(TradeError::Unavailable),
            // A leader considered this attempt abandoned. It stays cancelled, but the request may make another one.
            CommandOutcome::Cancelled => catalog.cancel(&attempt).await?,
        }
    }
}

/// Commits a record, and confirms its reservation if the log recorded it.
async fn commit_and_confirm(
    core: &Core,
    proposals: &Proposals,
    record: LogCommand,
    deadline: Instant,
) -> Result<CommandOutcome, TradeError> {
    let outcome = proposals.commit(record.clone(), deadline).await?;
    match (&outcome, &record) {
        (CommandOutcome::Recorded { number, attempt: by }, LogCommand::Record { attempt, .. }) if by == attempt => {
            core.dependencies.catalog.confirm(attempt, *number).await?;
        }
        _ => {}
    }
    Ok(outcome)
}

/// Cancels an attempt whose outcome is unknown, or learns that it was recorded. The client has no key to retry with, so
/// this waits for the outcome.
async fn cancel_attempt(core: &Arc<Core>, proposals: &Proposals, attempt: &str) -> Result<CommandOutcome, TradeError> {
    let outcome_deadline = Instant::now() + core.settings.outcome_timeout;
    while Instant::now() < outcome_deadline {
        match resolve_orphans::resolve(core, proposals, attempt, core.deadline()).await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => tracing::debug!(%error, attempt, "the outcome of a trade is not known yet"),
        }
        tokio::time::sleep(core.settings.heartbeat).await;
    }
    Err(TradeError::OutcomeUnknown)
}

/// Returns the trade that the key has already, if it comes from the same request. It confirms the reservation first, so
/// that the shares are moved before the client gets an answer.
async fn replay(core: &Core, request: &TradeRequest, known: NumberedTrade) -> Result<NumberedTrade, TradeError> {
    if known.trade.shares != request.shares || known.trade.trader_id != request.trader_id {
        return Err(TradeError::Mismatch);
    }
    core.dependencies.catalog.confirm(&known.attempt, known.number).await?;
    Ok(known)
}

/// Whether an earlier attempt under the key may be the reason why the catalog refuses this one: the key has its trade,
/// or an earlier attempt held the shares. Without this check the exchange could refuse a retry of a trade that it has
/// executed.
async fn has_earlier_attempt(
    core: &Arc<Core>,
    proposals: &Proposals,
    key: &str,
    deadline: Instant,
) -> Result<bool, TradeError> {
    let left = core
        .dependencies
        .catalog
        .reserved(Some(key), core.settings.orphan_scan_rows_max)
        .await?;
    for reservation in &left {
        resolve_orphans::resolve(core, proposals, &reservation.attempt, deadline).await?;
    }
    core.ensure_linearizable(deadline).await?;
    let known = core.store.trade_of_key(key).await.map_err(Error::from)?;
    Ok(!left.is_empty() || known.is_some())
}
