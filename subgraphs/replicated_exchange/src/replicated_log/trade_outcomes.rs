//! The outcomes of recent trades, for callers that wait for them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::{Db, Result};
use entities::reservation::{self, TradeOutcome};
use tokio::sync::{oneshot, watch};

/// How many outcomes are kept in memory; older ones are read from the table.
const REMEMBERED_MAX: usize = 16_384;

/// The outcomes of recent trades.
#[derive(Default)]
pub(super) struct TradeOutcomes {
    outcomes: Mutex<Outcomes>,
    table_changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Outcomes {
    recent: BTreeMap<i64, TradeOutcome>,
    /// The callers that wait, by trade. Their number is bounded by the trade permits.
    waiting: HashMap<i64, Vec<oneshot::Sender<TradeOutcome>>>,
}

/// A caller that waits for the outcome of a trade.
pub(super) struct Waiter<'a> {
    outcomes: &'a TradeOutcomes,
    id: i64,
    outcome: oneshot::Receiver<TradeOutcome>,
    table_changes: watch::Receiver<u64>,
}

impl TradeOutcomes {
    fn outcomes(&self) -> MutexGuard<'_, Outcomes> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to wait for the outcome of a trade. The caller looks for the outcome afterwards: it may be there already.
    pub(super) fn wait_for(&self, id: i64) -> Waiter<'_> {
        let (sender, outcome) = oneshot::channel();
        self.outcomes().waiting.entry(id).or_default().push(sender);
        Waiter {
            outcomes: self,
            id,
            outcome,
            table_changes: self.table_changes.subscribe(),
        }
    }

    /// The outcome of a trade.
    pub(super) async fn get(&self, db: &Db, id: i64) -> Result<TradeOutcome> {
        // Trades get their outcomes roughly in the order of their ids: one that is newer than all known ones is open.
        let known = {
            let recent = &self.outcomes().recent;
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

    /// Stores new outcomes, and gives each of them to the callers that wait for it.
    pub(super) fn add(&self, ended: impl Iterator<Item = (i64, TradeOutcome)>) {
        let mut outcomes = self.outcomes();
        let Outcomes { recent, waiting } = &mut *outcomes;
        for (id, outcome) in ended {
            recent.insert(id, outcome);
            for waiter in waiting.remove(&id).into_iter().flatten() {
                let _ = waiter.send(outcome);
            }
        }
        while recent.len() > REMEMBERED_MAX {
            recent.pop_first();
        }
    }

    /// Has all waiting callers look again: the table has the outcome of a trade of which this was not told.
    pub(super) fn reread(&self) {
        self.table_changes
            .send_modify(|version| *version = version.wrapping_add(1));
    }
}

impl Waiter<'_> {
    /// Returns the outcome when it is known, and `None` when the caller has to look again.
    pub(super) async fn outcome(&mut self) -> Option<TradeOutcome> {
        tokio::select! {
            outcome = &mut self.outcome => outcome.ok(),
            _ = self.table_changes.changed() => None,
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.outcome.close();
        let mut outcomes = self.outcomes.outcomes();
        if let Entry::Occupied(mut waiting) = outcomes.waiting.entry(self.id) {
            waiting.get_mut().retain(|waiter| !waiter.is_closed());
            if waiting.get().is_empty() {
                waiting.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_caller_gets_the_outcome_of_its_trade() {
        let outcomes = TradeOutcomes::default();
        let mut first = outcomes.wait_for(1);
        let mut again = outcomes.wait_for(1);
        let mut second = outcomes.wait_for(2);
        outcomes.add([(1, TradeOutcome::Numbered(7))].into_iter());
        assert_eq!(first.outcome().await, Some(TradeOutcome::Numbered(7)));
        assert_eq!(again.outcome().await, Some(TradeOutcome::Numbered(7)));
        // The second caller is not woken by the outcome of another trade, but by the table.
        outcomes.reread();
        assert_eq!(second.outcome().await, None);
        outcomes.add([(2, TradeOutcome::Gone)].into_iter());
        assert_eq!(second.outcome().await, Some(TradeOutcome::Gone));
    }

    #[test]
    fn callers_that_stop_waiting_leave_nothing_behind() {
        let outcomes = TradeOutcomes::default();
        let (gone, waits) = (outcomes.wait_for(1), outcomes.wait_for(1));
        drop(gone);
        assert_eq!(outcomes.outcomes().waiting[&1].len(), 1);
        drop(waits);
        assert!(outcomes.outcomes().waiting.is_empty());
        let answered = outcomes.wait_for(2);
        outcomes.add([(2, TradeOutcome::Gone)].into_iter());
        drop(answered);
        assert!(outcomes.outcomes().waiting.is_empty());
    }
}
