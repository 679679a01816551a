//! Elections that start as soon as they can be won.
//!
//! A replica that hears from its leader grants no other replica its vote for the length of a lease. A candidate that
//! asks before all leases have expired only raises the term, and so deposes a leader that is about to come back.
//! openraft's own candidates wait for the lease and for a random time after it. Here the replicas ask each other first
//! (a pre-vote). When a majority has missed the leader for the length of the lease, the most up-to-date of them asks
//! for votes at once, and the others leave it to that one. A replica whose lease still runs, such as a leader that died
//! and was restarted, is not waited for: that majority has every committed entry without it. openraft's elections
//! remain as the fallback for when this one fails.
//!
//! Nothing here is needed for safety: openraft grants a vote to one candidate per term, and only to a candidate whose
//! log is at least as long. A wrong answer to a pre-vote costs time only.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use openraft::ServerState;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::OrderLogSettings;
use crate::command::ReplicaId;
use crate::replica::Core;
use crate::store::LogId;

/// The path where a replica reports its state for a pre-vote.
pub(crate) const PRE_VOTE: &str = "/raft/standing";

/// The state of a replica that the others need for a pre-vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PreVoteState {
    id: ReplicaId,
    /// Whether the replica leads.
    leads: bool,
    /// The milliseconds since its last message from a leader.
    #[serde(rename = "unheard_ms")]
    since_heartbeat_ms: u64,
    /// The last entry of its log: a candidate with an older one does not win.
    last_log: Option<LogId>,
}

impl OrderLogSettings {
    /// How long a replica that heard from a leader grants no other replica its vote.
    pub(crate) fn lease(&self) -> Duration {
        self.election_timeout + self.election_timeout / 4
    }
}

/// Starts an election when the leader is missed by a majority and this replica is the most up-to-date of them.
pub(crate) async fn run(core: Arc<Core>) {
    loop {
        tokio::time::sleep(core.settings.heartbeat / 2).await;
        if !core.has_lease_expired() || !is_most_up_to_date(&core).await {
            continue;
        }
        tracing::info!(id = core.id, "the leader is missing; this replica starts an election");
        if core.raft.trigger().elect().await.is_err() {
            return;
        }
        // An election is in progress: a new one would take back the votes that are granted.
        let mut leaders = core.raft.server_metrics();
        let elected = leaders.wait_for(|now| now.current_leader.is_some());
        let _ = tokio::time::timeout(core.settings.election_timeout, elected).await;
    }
}

async fn is_most_up_to_date(core: &Core) -> bool {
    let voters = core.voters();
    if !voters.contains(&core.id) {
        return false;
    }
    let others = voters.iter().filter(|id| **id != core.id).map(async |id| {
        let url = core.url(*id)?;
        let timeout = core.settings.heartbeat;
        let state: PreVoteState = core.peers.get(&url, PRE_VOTE, timeout).await.ok()?;
        (state.id == *id).then_some(state)
    });
    let others: Vec<_> = join_all(others).await.into_iter().flatten().collect();
    core.pre_vote_state()
        .should_start_election(&others, voters.len(), core.settings.lease())
}

impl PreVoteState {
    /// Whether this replica starts the election: a majority of the voters, this one included, has missed the leader for
    /// the lease, and this one precedes all of that majority. `others` are the answers of the other voters.
    ///
    /// Of replicas that know each other's states, exactly one starts. A replica leaves the election only to one that
    /// precedes it, and `precedes` is a strict total order. So no two replicas leave it to each other, and no circle of
    /// them does.
    fn should_start_election(&self, others: &[Self], voters: usize, lease: Duration) -> bool {
        let missed = |state: &&Self| Duration::from_millis(state.since_heartbeat_ms) > lease;
        let is_majority = (others.iter().filter(missed).count() + 1) * 2 > voters;
        let has_leader = others.iter().any(|state| state.leads);
        let is_first = others.iter().filter(missed).all(|other| self.precedes(other));
        missed(&self) && !self.leads && is_majority && !has_leader && is_first
    }

    /// Whether this replica is a better candidate. The replicas that missed the leader grant the best of them their
    /// votes, since their logs are not longer.
    fn precedes(&self, other: &Self) -> bool {
        (self.last_log, self.id) > (other.last_log, other.id)
    }
}

impl Core {
    /// Whether the lease of the last known leader has expired.
    fn has_lease_expired(&self) -> bool {
        let leads = self.raft.metrics().borrow().state == ServerState::Leader;
        *self.is_member.borrow() && !leads && self.since_heartbeat() > self.settings.lease()
    }

    fn since_heartbeat(&self) -> Duration {
        let last = self.last_heartbeat.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed()
    }

    /// Notes that a leader has just sent a heartbeat or entries.
    pub(crate) fn record_heartbeat(&self) {
        *self.last_heartbeat.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// This replica's state for a pre-vote.
    pub(crate) fn pre_vote_state(&self) -> PreVoteState {
        let metrics = self.raft.metrics();
        let now = metrics.borrow();
        PreVoteState {
            id: self.id,
            leads: now.state == ServerState::Leader,
            since_heartbeat_ms: u64::try_from(self.since_heartbeat().as_millis()).unwrap_or(u64::MAX),
            last_log: self.raft.data_metrics().borrow().last_log,
        }
    }

    fn voters(&self) -> Vec<ReplicaId> {
        let metrics = self.raft.metrics();
        let now = metrics.borrow();
        now.membership_config.voter_ids().collect()
    }
}

#[cfg(test)]
mod tests;
