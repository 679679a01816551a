//! A trade: shares are reserved, the order is proposed, the reservation is confirmed. Both systems in the end say the same.

use std::sync::Arc;

use tokio::time::Instant;

use crate::batch::Proposals;
use crate::catalog::{CatalogError, Reservation};
use crate::leader::ReadPoint;
use crate::order::{Command, ExchangeOrder, Outcome, Shares, Trade};
use crate::replica::{Core, Error};
use crate::{Replica, settle};

/// A trade that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The key under which it may be sent again; without one it is carried out each time it is sent.
    pub key: Option<String>,
    /// What is traded.
    pub shares: Shares,
    /// Who trades.
    pub trader_id: Option<i64>,
}

/// Why a trade was not carried out.
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
    /// No such trade can be.
    #[error("{0}")]
    Invalid(String),
    /// No majority answers. It was not carried out and never will be.
    #[error("order service unavailable")]
    Unavailable,
    /// Whether it was carried out, or will be, nobody knows yet: sent again with its key, it tells.
    #[error("order service unavailable")]
    OutcomeUnknown,
}

impl From<Error> for TradeError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(why) => Self::Invalid(why),
            Error::Unavailable | Error::NoLeader => Self::Unavailable,
            Error::Store(error) => {
                tracing::error!(%error, "the replica's file");
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
                tracing::error!(%error, "the catalog");
                Self::Unavailable
            }
        }
    }
}

impl Replica {
    /// Carries a trade out, whether or not this replica leads. An answer means: a majority has the order on its disks, and
    /// the catalog has moved the shares.
    ///
    /// A trade without a key, which was on its way when the majority went, is answered when its outcome is known.
    ///
    /// # Errors
    /// Each but `OutcomeUnknown` means that nothing was changed and will not be.
    pub async fn trade(&self, wanted: &Wanted) -> Result<ExchangeOrder, TradeError> {
        wanted.shares.check().map_err(TradeError::Invalid)?;
        let carried_out = carry_out(&self.core, &self.proposals, wanted, self.core.until()).await;
        match carried_out {
            // An earlier request under the key may be on its way.
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
    // A client's key and a name of our own must not meet.
    let key = match &wanted.key {
        Some(key) => format!("k:{key}"),
        None => format!("r:{}", core.one_of_a_kind()),
    };
    loop {
        if let Some(known) = core.store.order_of_key(&key).await.map_err(Error::from)? {
            return answer_again(core, wanted, known).await;
        }
        // Nothing is set aside while there is no majority to confirm it.
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
        // Without an answer the reservation stays: the leader finds it and finishes or cancels it.
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
            // The key had its order before. This attempt lost for good: a key is recorded once.
            Outcome::Recorded { .. } => {
                catalog.cancel(&attempt).await?;
                core.up_to_date(until).await?;
            }
            Outcome::Mismatch => {
                catalog.cancel(&attempt).await?;
                return Err(TradeError::Mismatch);
            }
            Outcome::Cancelled if Instant::now() >= until => return Err(TradeError::Unavailable),
            // A leader took this attempt for abandoned. It never comes back, but another one may be made.
            Outcome::Cancelled => catalog.cancel(&attempt).await?,
        }
    }
}

/// Has a record decided; the shares of one that is recorded are where they belong.
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

/// Sees to it that an attempt of which nothing was heard is never recorded, or learns that it is. Its client cannot ask again,
/// so it waits until one of both is known.
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

/// The order of a key that had one: again, if it is the same request. Its shares are moved before anybody hears of it.
async fn answer_again(core: &Core, wanted: &Wanted, known: ExchangeOrder) -> Result<ExchangeOrder, TradeError> {
    if known.trade.shares != wanted.shares || known.trade.trader_id != wanted.trader_id {
        return Err(TradeError::Mismatch);
    }
    core.around.catalog.confirm(&known.attempt, known.number).await?;
    Ok(known)
}

/// Whether an earlier attempt under the key may be why the catalog refuses this one: it has its order, or it held the shares.
/// Otherwise a client that asks again could be refused what it has.
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
