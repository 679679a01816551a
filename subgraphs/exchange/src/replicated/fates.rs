//! The outcomes of recent trades, for callers that wait for them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use contract::{Db, Result};
use entities::reservation::{self, Fate};
use tokio::sync::watch;

/// How many outcomes are kept in memory; older ones are read from the table.
const REMEMBERED_MAX: usize = 16_384;

/// The outcomes of recent trades.
#[derive(Default)]
pub(super) struct Fates {
    lately: Mutex<BTreeMap<i64, Fate>>,
    version: watch::Sender<u64>,
}

impl Fates {
    /// A receiver that changes with every new outcome.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The outcome of a trade.
    pub(super) async fn of(&self, db: &Db, id: i64) -> Result<Fate> {
        // Trades get their outcomes roughly in the order of their ids: one that is newer than all known ones is open.
        let known = {
            let lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
            match (lately.get(&id), lately.last_key_value()) {
                (Some(fate), _) => Some(*fate),
                (None, Some((newest, _))) if id > *newest => Some(Fate::Open),
                _ => None,
            }
        };
        match known {
            Some(fate) => Ok(fate),
            None => Ok(reservation::fate(db.read(), id).await?),
        }
    }

    /// Stores new outcomes and notifies the waiting callers.
    pub(super) fn tell(&self, ended: impl Iterator<Item = (i64, Fate)>) {
        {
            let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
            lately.extend(ended);
            while lately.len() > REMEMBERED_MAX {
                lately.pop_first();
            }
        }
        self.version.send_modify(|version| *version = version.wrapping_add(1));
    }
}
