//! What became of trades lately, for those who wait for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use contract::{Db, Result};
use entities::reservation::{self, Fate};
use tokio::sync::watch;

/// How many are remembered; who comes later looks into the table.
const REMEMBERED_MAX: usize = 16_384;

/// The trades that came to an end lately.
#[derive(Default)]
pub(super) struct Fates {
    lately: Mutex<BTreeMap<i64, Fate>>,
    version: watch::Sender<u64>,
}

impl Fates {
    /// Changes with every trade that comes to an end.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// What became of a trade.
    pub(super) async fn of(&self, db: &Db, id: i64) -> Result<Fate> {
        // Trades come to their ends about in the order of their ids: one that is newer than all that is remembered is open.
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

    /// These came to an end.
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
