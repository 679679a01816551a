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

use super::{FrontEnd, base};
use crate::leader::{ReadPoint, Task};
use crate::network::{Named, PeerError};
use crate::order::ReplicaId;
use crate::replica::Error;
use crate::store::LogId;

/// The state that all clones share.
#[derive(Default)]
pub(super) struct Known {
    pub(super) leader: Option<Named>,
    /// Counts the leaders found. A failure is reported against this number, since the leader may have been replaced
    /// meanwhile.
    found: u64,
    /// Whether a search runs; there is at most one, however many requests wait.
    searching: bool,
    /// How many searches in a row found no leader.
    in_vain: usize,
    /// Whether the last search reached no majority; false from the leader's failure until the first search after it.
    no_majority: bool,
    /// Whether a confirmation of the leader runs; there is at most one, however many requests wait.
    confirming: bool,
}

impl Known {
    fn leader(&self) -> Option<(Named, u64)> {
        self.leader.clone().map(|leader| (leader, self.found))
    }
}

#[derive(Deserialize)]
struct Acknowledged {
    success: Success,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Success {
    leader_id: Option<ReplicaId>,
}

impl FrontEnd {
    /// The leader and its finding number, once one is known.
    pub(super) async fn leader_until(&self, until: Instant) -> Result<(Named, u64), Error> {
        let mut known = self.inner.known.subscribe();
        loop {
            let leader = known.borrow_and_update().leader();
            if Instant::now() >= until {
                return Err(Error::NoLeader);
            }
            if let Some(leader) = leader {
                return Ok(leader);
            }
            self.search();
            if self.is_lost() {
                return Err(Error::NoLeader);
            }
            // A missing leader becomes a lost one by the passing of time alone.
            let soon = Instant::now() + self.settings().heartbeat;
            let _ = tokio::time::timeout_at(soon.min(until), known.changed()).await;
        }
    }

    /// Whether no leader has been known for a while, and no majority answers that could elect one.
    pub fn is_lost(&self) -> bool {
        let lost = {
            let known = self.inner.known.borrow();
            known.leader.is_none() && known.no_majority
        };
        lost && self.since_heard() >= self.settings().leaderless_within
    }

    /// Returns when [`is_lost`](Self::is_lost) holds, or at the deadline.
    pub async fn lost(&self, until: Instant) {
        let mut known = self.inner.known.subscribe();
        loop {
            let leaderless = known.borrow_and_update().leader.is_none();
            let now = Instant::now();
            if self.is_lost() || now >= until {
                return;
            }
            let wake = match leaderless {
                true => until.min(now + self.settings().heartbeat),
                false => until,
            };
            let _ = tokio::time::timeout_at(wake, known.changed()).await;
        }
    }

    /// Notes that a majority has just confirmed the leader.
    pub(super) fn heard(&self) {
        *self.inner.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn since_heard(&self) -> Duration {
        let heard = *self.inner.heard.lock().unwrap_or_else(PoisonError::into_inner);
        Instant::now().saturating_duration_since(heard)
    }

    /// Returns when the finding with this number is out of date.
    pub(super) async fn is_found_no_more(&self, found: u64) {
        let mut known = self.inner.known.subscribe();
        let _ = known
            .wait_for(|known| known.found != found || known.leader.is_none())
            .await;
    }

    /// Starts a confirmation, unless one runs: a task that asks the leader whether a majority follows it now.
    pub(super) fn confirm(&self, leader: Named, found: u64) {
        let mut starts = false;
        self.inner.known.send_if_modified(|known| {
            starts = !std::mem::replace(&mut known.confirming, true);
            // Only the answer is a change that waiting requests have to see.
            false
        });
        if starts {
            let confirmation = Confirmation(self.clone());
            tokio::spawn(async move { confirmation.run(leader, found).await });
        }
    }

    /// The leader and its finding number, if one is known.
    pub(super) fn leader_now(&self) -> Option<(Named, u64)> {
        self.inner.known.borrow().leader()
    }

    /// Drops a leader that does not lead any more or does not answer, unless another one has been found since.
    pub(super) fn failed(&self, found: u64) {
        self.inner.known.send_if_modified(|known| {
            let current = known.found == found && known.leader.is_some();
            if current {
                known.leader = None;
                known.no_majority = false;
            }
            current
        });
    }

    /// Replaces a leader by the one that it named, unless another one has been found since.
    pub(super) fn follow(&self, found: u64, named: Named) {
        let leader = self.place(named);
        self.inner.known.send_if_modified(|known| {
            let current = known.found == found && known.leader.is_some();
            if current {
                known.leader = Some(leader);
                known.found += 1;
            }
            current
        });
    }

    /// Stores a leader that a majority follows.
    pub(super) fn found(&self, leader: Named) {
        tracing::info!(leader = leader.id, "the leader of the order service is known");
        self.heard();
        self.inner.known.send_modify(|known| {
            known.no_majority = false;
            known.leader = Some(leader);
            known.found += 1;
            known.in_vain = 0;
        });
    }

    /// Starts a search, unless one runs. It is a task of its own, since the request that started it may be cancelled.
    pub(super) fn search(&self) {
        let starts = self.inner.known.send_if_modified(|known| {
            let starts = known.leader.is_none() && !known.searching;
            known.searching |= starts;
            starts
        });
        if starts {
            let search = Search(self.clone());
            tokio::spawn(async move { search.run().await });
        }
    }

    /// Tells these replicas that one was chosen to lead. Returns the leader that a majority follows then, if there is
    /// one in time.
    pub(super) async fn broadcast(&self, chosen: ReplicaId, told: &[ReplicaId]) -> Option<Named> {
        let mut answers: FuturesUnordered<_> = told.iter().map(|id| self.tell(*id, chosen)).collect();
        while let Some(leader) = answers.next().await {
            if leader.is_some() {
                return leader;
            }
        }
        None
    }

    /// Returns the leader among these replicas, or one that they name, if a majority confirms it now.
    async fn named_by(&self, asked: &[ReplicaId]) -> Option<Named> {
        let mut answers: FuturesUnordered<_> = asked
            .iter()
            .filter_map(|id| Some((*id, base(self.inner.urls.get(id)?).to_owned())))
            .map(|(id, url)| self.confirmed(Named { id, url }))
            .collect();
        while let Some(leader) = answers.next().await {
            if leader.is_some() {
                return leader;
            }
        }
        None
    }

    /// Tells one replica of the choice, and asks the leader that it names for a confirmation.
    async fn tell(&self, id: ReplicaId, chosen: ReplicaId) -> Option<Named> {
        let url = base(self.inner.urls.get(&id)?);
        let (within, body) = (self.settings().commit_within, json!({ "leader-id": chosen }));
        let answer = self.inner.peers.post(url, "/leader-broadcast", &body, within).await;
        let answer: Acknowledged = answer
            .inspect_err(|error| tracing::debug!(%error, id, "no answer to the leader broadcast"))
            .ok()?;
        let leader = answer.success.leader_id?;
        // A replica that joined later is not in our settings; the replica that names it knows its address.
        let url = url.to_owned();
        self.confirmed(self.place(Named { id: leader, url })).await
    }

    /// Returns this replica, or the leader that it names, if a majority confirms it now.
    async fn confirmed(&self, mut leader: Named) -> Option<Named> {
        let within = self.settings().ping_within;
        for _ in 0..2 {
            let point = self
                .inner
                .peers
                .post::<_, Option<LogId>>(&leader.url, ReadPoint::PATH, &ReadPoint, within);
            match point.await {
                Ok(_) => return Some(leader),
                Err(PeerError::NotLeader(Some(named))) => leader = self.place(named),
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
    async fn alive(&self) -> Vec<ReplicaId> {
        let settings = self.settings();
        let pings = self
            .inner
            .urls
            .keys()
            .map(async |id| self.answers(*id).await.then_some(*id));
        let mut pings: FuturesUnordered<_> = pings.collect();
        let mut alive = Vec::new();
        let mut patience = std::pin::pin!(tokio::time::sleep(settings.ping_within));
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
struct Confirmation(FrontEnd);

impl Confirmation {
    async fn run(self, leader: Named, found: u64) {
        let Self(front_end) = &self;
        let within = front_end.settings().ping_within;
        let point = front_end
            .inner
            .peers
            .post::<_, Option<LogId>>(&leader.url, ReadPoint::PATH, &ReadPoint, within);
        match point.await {
            Ok(_) => front_end.heard(),
            Err(PeerError::NotLeader(Some(named))) if named.id != leader.id => front_end.follow(found, named),
            Err(error) => {
                tracing::debug!(%error, leader = leader.id, "the leader does not confirm its majority");
                front_end.failed(found);
            }
        }
    }
}

impl Drop for Confirmation {
    /// Lets the next confirmation start, however this one ends.
    fn drop(&mut self) {
        self.0.inner.known.send_modify(|known| known.confirming = false);
    }
}

/// The only running search.
struct Search(FrontEnd);

impl Search {
    /// Searches until a leader is found, or until this search holds the last clone of the front end.
    async fn run(self) {
        let Self(front_end) = &self;
        while Arc::strong_count(&front_end.inner) > 1 {
            if let Some(leader) = self.look().await {
                front_end.found(leader);
                return;
            }
            tokio::time::sleep(front_end.settings().heartbeat).await;
            front_end.inner.known.send_modify(|known| known.in_vain += 1);
        }
    }

    async fn look(&self) -> Option<Named> {
        let Self(front_end) = self;
        let alive = front_end.alive().await;
        let no_majority = alive.len() * 2 <= front_end.inner.urls.len();
        front_end
            .inner
            .known
            .send_modify(|known| known.no_majority = no_majority);
        // A working leader stays in place: no replica is asked to take over.
        if let Some(leader) = front_end.named_by(&alive).await {
            return Some(leader);
        }
        let in_vain = front_end.inner.known.borrow().in_vain;
        // The replica with the highest id may be cut off from a majority. After each failed search the next one is
        // chosen.
        let chosen = match alive.len() {
            living if no_majority || living == 0 => None,
            living => alive.get(in_vain % living).copied(),
        };
        tracing::debug!(?alive, ?chosen, "no replica leads");
        front_end.broadcast(chosen?, &alive).await
    }
}

impl Drop for Search {
    /// Lets the next search start, however this one ends.
    fn drop(&mut self) {
        self.0.inner.known.send_modify(|known| known.searching = false);
    }
}
