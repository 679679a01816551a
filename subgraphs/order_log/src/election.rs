//! Elections that begin as soon as they can be won.
//!
//! A replica that hears of its leader gives nobody else its vote for a while, the lease. Whoever asks for votes before all
//! leases have run out only raises the term, and so deposes a leader that is about to come back. openraft's own candidates wait
//! for the lease and for a random time after it. Here the replicas ask each other first (a pre-vote): when a majority has
//! missed the leader for the length of the lease, the best of them asks for votes at once, and the others leave it to that one.
//! openraft's elections stay behind as what happens when this one fails.

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

/// Where a replica says how it stands before an election.
pub(crate) const STANDING: &str = "/raft/standing";

/// What others have to know of a replica before one of them asks for votes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    id: ReplicaId,
    /// Whether it leads.
    leads: bool,
    /// For how many milliseconds it has not heard of a leader.
    unheard_ms: u64,
    /// The last entry of its log: who has less does not win.
    last_log: Option<LogId>,
}

impl Settings {
    /// How long a replica that heard of a leader gives nobody else its vote.
    pub(crate) fn lease(&self) -> Duration {
        self.election + self.election / 4
    }
}

/// Asks for votes, each time the leader is missed and this replica is the best of a majority.
pub(crate) async fn run(core: Arc<Core>) {
    loop {
        tokio::time::sleep(core.settings.heartbeat / 2).await;
        if !core.misses_a_leader() || !is_the_best(&core).await {
            continue;
        }
        tracing::info!(id = core.id, "the leader is missed: this replica asks for votes");
        if core.raft.trigger().elect().await.is_err() {
            return;
        }
        // Votes are on their way: to ask again would take back those that are given.
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
    /// Whether the lease of the leader that was heard last has run out.
    fn misses_a_leader(&self) -> bool {
        let leads = self.raft.metrics().borrow().state == ServerState::Leader;
        *self.takes_part.borrow() && !leads && self.unheard() > self.settings.lease()
    }

    fn unheard(&self) -> Duration {
        let heard = self.leader_heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.elapsed()
    }

    /// A leader has just said that it leads.
    pub(crate) fn hears_a_leader(&self) {
        *self.leader_heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How this replica stands.
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
