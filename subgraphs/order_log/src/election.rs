//! Elections that start as soon as they can be won.
//!
//! A replica that hears from its leader grants no other replica its vote for the length of a lease. A candidate that
//! asks before all leases have expired only raises the term, and so deposes a leader that is about to come back.
//! openraft's own candidates wait for the lease and for a random time after it. Here the replicas ask each other first
//! (a pre-vote). When a majority has missed the leader for the length of the lease, the most up-to-date of them asks
//! for votes at once, and the others leave it to that one. openraft's elections remain as the fallback for when this
//! one fails.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use openraft::ServerState;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Settings;
use crate::order::ReplicaId;
use crate::replica::Core;
use crate::store::LogId;

/// The path where a replica reports its state for a pre-vote.
pub(crate) const STANDING: &str = "/raft/standing";

/// The state of a replica that the others need for a pre-vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    id: ReplicaId,
    /// Whether the replica leads.
    leads: bool,
    /// For how many milliseconds it has heard no leader.
    unheard_ms: u64,
    /// The last entry of its log: a candidate with an older one does not win.
    last_log: Option<LogId>,
}

impl Settings {
    /// How long a replica that heard from a leader grants no other replica its vote.
    pub(crate) fn lease(&self) -> Duration {
        self.election + self.election / 4
    }
}

/// Starts an election when the leader is missed by a majority and this replica is the most up-to-date of them.
pub(crate) async fn run(core: Arc<Core>) {
    loop {
        tokio::time::sleep(core.settings.heartbeat / 2).await;
        if !core.misses_a_leader() || !is_the_best(&core).await {
            continue;
        }
        tracing::info!(id = core.id, "the leader is missing; this replica starts an election");
        if core.raft.trigger().elect().await.is_err() {
            return;
        }
        // An election is in progress: a new one would take back the votes that are granted.
        let mut leaders = core.raft.server_metrics();
        let elected = leaders.wait_for(|now| now.current_leader.is_some());
        let _ = tokio::time::timeout(core.settings.election, elected).await;
    }
}

async fn is_the_best(core: &Core) -> bool {
    let voters = core.voters();
    let own = core.standing();
    let others = voters.iter().filter(|id| **id != core.id).map(async |id| {
        let url = core.url(*id)?;
        let within = core.settings.heartbeat;
        let standing: Standing = core.peers.get(&url, STANDING, within).await.ok()?;
        (standing.id == *id).then_some(standing)
    });
    let others: Vec<_> = join_all(others).await.into_iter().flatten().collect();
    let missed = |standing: &&Standing| Duration::from_millis(standing.unheard_ms) > core.settings.lease();
    let missing = others.iter().filter(missed).count() + 1;
    let is_majority = missing * 2 > voters.len();
    let works = others.iter().any(|standing| standing.leads);
    let better = |standing: &Standing| (standing.last_log, standing.id) > (own.last_log, own.id);
    voters.contains(&core.id) && is_majority && !works && !others.iter().any(better)
}

impl Core {
    /// Whether the lease of the last known leader has expired.
    fn misses_a_leader(&self) -> bool {
        let leads = self.raft.metrics().borrow().state == ServerState::Leader;
        *self.takes_part.borrow() && !leads && self.unheard() > self.settings.lease()
    }

    fn unheard(&self) -> Duration {
        let heard = self.leader_heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.elapsed()
    }

    /// Notes that a leader has just sent a heartbeat or entries.
    pub(crate) fn hears_a_leader(&self) {
        *self.leader_heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// This replica's state for a pre-vote.
    pub(crate) fn standing(&self) -> Standing {
        let metrics = self.raft.metrics();
        let now = metrics.borrow();
        Standing {
            id: self.id,
            leads: now.state == ServerState::Leader,
            unheard_ms: u64::try_from(self.unheard().as_millis()).unwrap_or(u64::MAX),
            last_log: self.raft.data_metrics().borrow().last_log,
        }
    }

    fn voters(&self) -> Vec<ReplicaId> {
        let metrics = self.raft.metrics();
        let now = metrics.borrow();
        now.membership_config.voter_ids().collect()
    }
}
