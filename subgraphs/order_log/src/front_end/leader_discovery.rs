//! The search for the leader. It follows the documented protocol: it pings the replicas, asks the one with the highest
//! id that answers to lead, and tells the others. Only a majority decides which replica leads. So the front end
//! accepts a leader only when it proves that a majority follows it, and it finds a working leader without a broadcast.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::{FrontEnd, trim_base};
use crate::command::ReplicaId;
use crate::leader::{LeaderTask, ReadPoint};
use crate::network::{LeaderHint, PeerError};
use crate::replica::Error;
use crate::store::LogId;

/// The state that all clones share.
#[derive(Default)]
pub(super) struct LeaderState {
    pub(super) leader: Option<LeaderHint>,
    /// Counts the leaders found. A failure is reported against this number, since the leader may have been replaced
    /// meanwhile.
    generation: u64,
    /// Whether a search runs; there is at most one, however many requests wait.
    is_discovering: bool,
    /// How many searches in a row found no leader.
    failed_discoveries: usize,
    /// Whether the last search reached no majority; false from the leader's failure until the first search after it.
    no_majority: bool,
    /// Whether a confirmation of the leader runs; there is at most one, however many requests wait.
    is_confirming: bool,
}

impl LeaderState {
    fn leader(&self) -> Option<(LeaderHint, u64)> {
        self.leader.clone().map(|leader| (leader, self.generation))
    }
}

#[derive(Deserialize)]
struct BroadcastResponse {
    success: BroadcastSuccess,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BroadcastSuccess {
    leader_id: Option<ReplicaId>,
}

impl FrontEnd {
    /// The leader and its generation, once one is known.
    pub(super) async fn wait_for_leader(&self, deadline: Instant) -> Result<(LeaderHint, u64), Error> {
        let mut state = self.inner.state.subscribe();
        loop {
            let leader = state.borrow_and_update().leader();
            if Instant::now() >= deadline {
                return Err(Error::NoLeader);
            }
            if let Some(leader) = leader {
                return Ok(leader);
            }
            self.start_discovery();
            if self.is_lost() {
                return Err(Error::NoLeader);
            }
            // Time alone can make `is_lost` true, without a change of the state: check again soon.
            let soon = Instant::now() + self.settings().heartbeat;
            let _ = tokio::time::timeout_at(soon.min(deadline), state.changed()).await;
        }
    }

    /// Whether no leader has been known for a while, and no majority answers that could elect one.
    pub fn is_lost(&self) -> bool {
        let lost = {
            let state = self.inner.state.borrow();
            state.leader.is_none() && state.no_majority
        };
        lost && self.since_confirmation() >= self.settings().leaderless_grace
    }

    /// Returns when [`is_lost`](Self::is_lost) holds, or at the deadline.
    pub async fn wait_until_lost(&self, deadline: Instant) {
        let mut state = self.inner.state.subscribe();
        loop {
            let leaderless = state.borrow_and_update().leader.is_none();
            let now = Instant::now();
            if self.is_lost() || now >= deadline {
                return;
            }
            let wake = if leaderless {
                deadline.min(now + self.settings().heartbeat)
            } else {
                deadline
            };
            let _ = tokio::time::timeout_at(wake, state.changed()).await;
        }
    }

    /// Notes that a majority has just confirmed the leader.
    pub(super) fn record_confirmation(&self) {
        *self.inner.confirmed_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn since_confirmation(&self) -> Duration {
        let confirmed_at = *self.inner.confirmed_at.lock().unwrap_or_else(PoisonError::into_inner);
        Instant::now().saturating_duration_since(confirmed_at)
    }

    /// Returns when the leader of this generation has failed or was replaced.
    pub(super) async fn wait_until_superseded(&self, generation: u64) {
        let mut state = self.inner.state.subscribe();
        let _ = state
            .wait_for(|state| state.generation != generation || state.leader.is_none())
            .await;
    }

    /// Starts a confirmation, unless one runs: a task that asks the leader whether a majority follows it now.
    pub(super) fn start_confirmation(&self, leader: LeaderHint, generation: u64) {
        let mut starts = false;
        self.inner.state.send_if_modified(|state| {
            starts = !std::mem::replace(&mut state.is_confirming, true);
            // Only the answer is a change that waiting requests have to see.
            false
        });
        if starts {
            let confirmation = ConfirmationTask(self.clone());
            tokio::spawn(async move { confirmation.run(leader, generation).await });
        }
    }

    /// The leader and its generation, if one is known.
    pub(super) fn known_leader(&self) -> Option<(LeaderHint, u64)> {
        self.inner.state.borrow().leader()
    }

    /// Drops a leader that does not lead any more or does not answer, unless another one has been found since.
    pub(super) fn drop_leader(&self, generation: u64) {
        self.inner.state.send_if_modified(|state| {
            let current = state.generation == generation && state.leader.is_some();
            if current {
                state.leader = None;
                state.no_majority = false;
            }
            current
        });
    }

    /// Replaces a leader by the one that it named, unless another one has been found since.
    pub(super) fn follow_hint(&self, generation: u64, hint: LeaderHint) {
        let leader = self.with_configured_url(hint);
        self.inner.state.send_if_modified(|state| {
            let current = state.generation == generation && state.leader.is_some();
            if current {
                state.leader = Some(leader);
                state.generation += 1;
            }
            current
        });
    }

    /// Stores a leader that a majority follows.
    pub(super) fn set_leader(&self, leader: LeaderHint) {
        tracing::info!(leader = leader.id, "the leader of the order service is known");
        self.record_confirmation();
        self.inner.state.send_modify(|state| {
            state.no_majority = false;
            state.leader = Some(leader);
            state.generation += 1;
            state.failed_discoveries = 0;
        });
    }

    /// Starts a search, unless one runs. It is a task of its own, since the request that started it may be cancelled.
    pub(super) fn start_discovery(&self) {
        let starts = self.inner.state.send_if_modified(|state| {
            let starts = state.leader.is_none() && !state.is_discovering;
            state.is_discovering |= starts;
            starts
        });
        if starts {
            let search = DiscoveryTask(self.clone());
            tokio::spawn(async move { search.run().await });
        }
    }

    /// Tells these replicas that one was chosen to lead. Returns the leader that a majority follows then, if there is
    /// one in time.
    pub(super) async fn broadcast(&self, chosen: ReplicaId, replicas: &[ReplicaId]) -> Option<LeaderHint> {
        let mut answers: FuturesUnordered<_> = replicas.iter().map(|id| self.broadcast_to(*id, chosen)).collect();
        while let Some(leader) = answers.next().await {
            if leader.is_some() {
                return leader;
            }
        }
        None
    }

    /// Returns the leader among these replicas, or one that they name, if a majority confirms it now.
    async fn leader_named_by(&self, replicas: &[ReplicaId]) -> Option<LeaderHint> {
        let mut answers: FuturesUnordered<_> = replicas
            .iter()
            .filter_map(|id| Some((*id, trim_base(self.inner.urls.get(id)?).to_owned())))
            .map(|(id, url)| self.confirm_leader(LeaderHint { id, url }))
            .collect();
        while let Some(leader) = answers.next().await {
            if leader.is_some() {
                return leader;
            }
        }
        None
    }

    /// Tells one replica of the choice, and asks the leader that it names for a confirmation.
    async fn broadcast_to(&self, id: ReplicaId, chosen: ReplicaId) -> Option<LeaderHint> {
        let url = trim_base(self.inner.urls.get(&id)?);
        let (timeout, body) = (self.settings().commit_timeout, json!({ "leader-id": chosen }));
        let answer = self.inner.peers.post(url, "/leader-broadcast", &body, timeout).await;
        let answer: BroadcastResponse = answer
            .inspect_err(|error| tracing::debug!(%error, id, "no answer to the leader broadcast"))
            .ok()?;
        let leader = answer.success.leader_id?;
        // A replica that joined later is not in our settings; the replica that names it knows its address.
        let url = url.to_owned();
        self.confirm_leader(self.with_configured_url(LeaderHint { id: leader, url }))
            .await
    }

    /// Returns this replica, or the leader that it names, if a majority confirms it now.
    async fn confirm_leader(&self, mut leader: LeaderHint) -> Option<LeaderHint> {
        let timeout = self.settings().ping_timeout;
        for _ in 0..2 {
            let point = self
                .inner
                .peers
                .post::<_, Option<LogId>>(&leader.url, ReadPoint::PATH, &ReadPoint, timeout);
            match point.await {
                Ok(_) => return Some(leader),
                Err(PeerError::NotLeader(Some(hint))) => leader = self.with_configured_url(hint),
                Err(error) => {
                    tracing::debug!(%error, id = leader.id, "the named leader is not confirmed");
                    return None;
                }
            }
        }
        None
    }

    /// The replicas that answer a ping, the highest id first. It pings all at once. It waits for the slow ones no
    /// longer than a ping may take, and no longer than a heartbeat after the first answer.
    async fn live_replicas(&self) -> Vec<ReplicaId> {
        let settings = self.settings();
        let pings = self
            .inner
            .urls
            .keys()
            .map(async |id| self.is_responding(*id).await.then_some(*id));
        let mut pings: FuturesUnordered<_> = pings.collect();
        let mut alive = Vec::new();
        let mut patience = std::pin::pin!(tokio::time::sleep(settings.ping_timeout));
        loop {
            tokio::select! {
                answer = pings.next() => match answer {
                    Some(Some(id)) => {
                        if alive.is_empty() {
                            patience.as_mut().reset(Instant::now() + settings.heartbeat);
                        }
                        alive.push(id);
                    }
                    Some(None) => (),
                    None => break,
                },
                () = &mut patience => break,
            }
        }
        alive.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
        alive
    }
}

/// The only running confirmation of the leader.
struct ConfirmationTask(FrontEnd);

impl ConfirmationTask {
    async fn run(self, leader: LeaderHint, generation: u64) {
        let Self(front_end) = &self;
        let timeout = front_end.settings().ping_timeout;
        let point = front_end
            .inner
            .peers
            .post::<_, Option<LogId>>(&leader.url, ReadPoint::PATH, &ReadPoint, timeout);
        match point.await {
            Ok(_) => front_end.record_confirmation(),
            Err(PeerError::NotLeader(Some(hint))) if hint.id != leader.id => front_end.follow_hint(generation, hint),
            Err(error) => {
                tracing::debug!(%error, leader = leader.id, "the leader does not confirm its majority");
                front_end.drop_leader(generation);
            }
        }
    }
}

impl Drop for ConfirmationTask {
    /// Lets the next confirmation start, however this one ends.
    fn drop(&mut self) {
        self.0.inner.state.send_modify(|state| state.is_confirming = false);
    }
}

/// The only running search.
struct DiscoveryTask(FrontEnd);

impl DiscoveryTask {
    /// Searches until a leader is found, or until this search holds the last clone of the front end.
    async fn run(self) {
        let Self(front_end) = &self;
        while Arc::strong_count(&front_end.inner) > 1 {
            if let Some(leader) = self.find_leader().await {
                front_end.set_leader(leader);
                return;
            }
            tokio::time::sleep(front_end.settings().heartbeat).await;
            front_end.inner.state.send_modify(|state| state.failed_discoveries += 1);
        }
    }

    async fn find_leader(&self) -> Option<LeaderHint> {
        let Self(front_end) = self;
        let alive = front_end.live_replicas().await;
        let no_majority = alive.len() * 2 <= front_end.inner.urls.len();
        front_end
            .inner
            .state
            .send_modify(|state| state.no_majority = no_majority);
        // A working leader stays in place: no replica is asked to take over.
        if let Some(leader) = front_end.leader_named_by(&alive).await {
            return Some(leader);
        }
        let failed_discoveries = front_end.inner.state.borrow().failed_discoveries;
        // The replica with the highest id may be cut off from a majority. After each failed search the next one is
        // chosen.
        let chosen = match alive.len() {
            living if no_majority || living == 0 => None,
            living => alive.get(failed_discoveries % living).copied(),
        };
        tracing::debug!(?alive, ?chosen, "no replica leads");
        front_end.broadcast(chosen?, &alive).await
    }
}

impl Drop for DiscoveryTask {
    /// Lets the next search start, however this one ends.
    fn drop(&mut self) {
        self.0.inner.state.send_modify(|state| state.is_discovering = false);
    }
}
