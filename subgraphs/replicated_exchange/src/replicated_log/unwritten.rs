//! The trades that have their numbers and are answered, and that the table does not have yet.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use entities::exchange_order;
use entities::reservation::AssignedNumber;
use tokio::sync::{Notify, watch};

/// A trade that has its number.
pub(super) struct UnwrittenTrade {
    pub(super) assigned: AssignedNumber,
    pub(super) order: exchange_order::Model,
}

/// These trades, in the order in which they got their numbers.
#[derive(Default)]
pub(super) struct UnwrittenTrades {
    trades: Mutex<Trades>,
    added: Notify,
    requested: Notify,
    /// How many trades were written since the start.
    written: watch::Sender<u64>,
}

#[derive(Default)]
struct Trades {
    queue: VecDeque<AssignedNumber>,
    by_number: HashMap<i64, exchange_order::Model>,
    /// How many trades were added since the start.
    added: u64,
}

impl UnwrittenTrades {
    fn trades(&self) -> MutexGuard<'_, Trades> {
        self.trades.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, trades: Vec<UnwrittenTrade>) {
        {
            let mut known = self.trades();
            known.added += trades.len() as u64;
            for UnwrittenTrade { assigned, order } in trades {
                known.by_number.insert(assigned.number, order);
                known.queue.push_back(assigned);
            }
        }
        self.added.notify_one();
    }

    /// Removes the oldest trades, since the table has them.
    pub(super) fn remove(&self, count: usize) {
        {
            let mut known = self.trades();
            let count = count.min(known.queue.len());
            let written: Vec<_> = known.queue.drain(..count).collect();
            for assigned in written {
                known.by_number.remove(&assigned.number);
            }
        }
        self.written.send_modify(|written| *written += count as u64);
    }

    /// The numbers of the oldest trades.
    pub(super) fn oldest(&self, limit: usize) -> Vec<AssignedNumber> {
        self.trades().queue.iter().take(limit).cloned().collect()
    }

    /// The trade with that number.
    pub(super) fn order(&self, number: i64) -> Option<exchange_order::Model> {
        self.trades().by_number.get(&number).cloned()
    }

    pub(super) fn has(&self, number: i64) -> bool {
        self.trades().by_number.contains_key(&number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.trades().queue.is_empty()
    }

    /// The id of the newest reservation; 0 if there is none. Trades get their numbers in the order of their ids.
    pub(super) fn last_id(&self) -> i64 {
        self.trades().queue.back().map_or(0, |last| last.id)
    }

    /// Waits until there is a trade.
    pub(super) async fn wait_until_any(&self) {
        while self.is_empty() {
            self.added.notified().await;
        }
    }

    /// Waits until there are fewer than `max` trades. Returns for how many there is room.
    pub(super) async fn wait_for_room(&self, max: usize) -> usize {
        let mut written = self.written.subscribe();
        loop {
            written.borrow_and_update();
            let known = self.trades().queue.len();
            if known < max.max(1) {
                return max.max(1) - known;
            }
            self.requested.notify_one();
            let _ = written.changed().await;
        }
    }

    /// Waits until the table has all trades that were added before the call.
    pub(super) async fn wait_until_written(&self) {
        let added = {
            let known = self.trades();
            if known.queue.is_empty() {
                return;
            }
            known.added
        };
        self.requested.notify_one();
        let _ = self.written.subscribe().wait_for(|written| *written >= added).await;
    }

    /// Returns when a reader waits for the trades.
    pub(super) async fn requested(&self) {
        self.requested.notified().await;
    }
}
