//! The outcomes of recent trades, for callers that wait for them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use contract::{Db, Result};
use entities::reservation::{self, TradeOutcome};
use tokio::sync::watch;

/// How many outcomes are kept in memory; older ones are read from the table.
const REMEMBERED_MAX: usize = 16_384;

/// The outcomes of recent trades.
#[derive(Default)]
pub(super) struct TradeOutcomes {
    recent: Mutex<BTreeMap<i64, TradeOutcome>>,
    version: watch::Sender<u64>,
}

impl TradeOutcomes {
    /// A receiver that changes with every new outcome.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The outcome of a trade.
    pub(super) async fn get(&self, db: &Db, id: i64) -> Result<TradeOutcome> {
        // Trades get their outcomes roughly in the order of their ids: one that is newer than all known ones is open.
        let known = {
            let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            match (recent.get(&id), recent.last_key_value()) {
                (Some(outcome), _) => Some(*outcome),
                (None, Some((newest, _))) if id > *newest => Some(TradeOutcome::Open),
                _ => None,
            }
        };
        match known {
            Some(outcome) => Ok(outcome),
            None => Ok(reservation::trade_outcome(db.read(), id).await?),
        }
    }

    /// Stores new outcomes and notifies the waiting callers.
    pub(super) fn add(&self, ended: impl Iterator<Item = (i64, TradeOutcome)>) {
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.extend(ended);
            while recent.len() > REMEMBERED_MAX {
                recent.pop_first();
            }
        }
        self.version.send_modify(|version| *version = version.wrapping_add(1));
    }
}
