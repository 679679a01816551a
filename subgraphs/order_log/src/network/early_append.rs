//! Entries that a leader sends to the other replicas while it writes them to its own disk.
//!
//! openraft's leader writes an entry to its disk and sends it afterwards. Here the log sends it at the same time, in the
//! message that openraft is going to send. The connection gives openraft the answer to that first message. So openraft
//! decides as before: it counts this replica when the entry is on its disk, and another one when that one has answered.
//!
//! A leader that dies may leave an entry with the others that its own file lacks. When it starts again, it adds no entry
//! with its old vote (`prepare_file` in `store.rs`). So a leader has one entry at most at each position, as Raft requires.
//!
//! An entry is sent early to a replica that has all entries before it, and only one message at a time. Raft allows a
//! message to arrive late or twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse};
use openraft::{Entry, EntryPayload};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{APPEND, PeerError, Peers};
use crate::command::ReplicaId;
use crate::store::{LogId, Types, Vote, is_by_leader};

/// The replicas that follow this one, by id. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Followers(Arc<Mutex<BTreeMap<ReplicaId, Follower>>>);

/// A replica that accepted this leader's last message.
struct Follower {
    url: String,
    /// The vote by which this replica leads.
    vote: Vote,
    /// The last entry that the follower is known to have.
    matching: Option<LogId>,
    early: Option<EarlyAppend>,
}

/// A message that is sent early.
struct EarlyAppend {
    last: LogId,
    answer: JoinHandle<Answered>,
}

/// The answer to a message, and when it arrived.
pub(super) struct Answered {
    pub(super) answer: Result<AppendEntriesResponse<ReplicaId>, PeerError>,
    pub(super) at: Instant,
}

/// openraft's message, with entries that are JSON already.
#[derive(Serialize)]
struct EarlyRequest<'a> {
    vote: Vote,
    prev_log_id: Option<LogId>,
    entries: &'a [Box<RawValue>],
    leader_commit: Option<LogId>,
}

impl Peers {
    /// Sends entries that this replica is about to write, if it leads, to the followers that have all entries before.
    /// `rows` are the same entries as JSON.
    pub(crate) fn send_early(&self, entries: &[Entry<Types>], rows: &[Box<RawValue>], committed: Option<LogId>) {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return;
        };
        // A change of the members changes the connections.
        let is_plain = |entry: &Entry<Types>| matches!(entry.payload, EntryPayload::Normal(_));
        if !entries.iter().all(is_plain) {
            return;
        }
        let mut body: Option<(LogId, Bytes)> = None;
        for follower in self.followers.lock().values_mut() {
            let Some(matching) = follower.is_waiting_for(first.log_id) else {
                continue;
            };
            let (_, body) = match &body {
                Some(known) if known.0 == matching => known,
                _ => {
                    let request = EarlyRequest {
                        vote: follower.vote,
                        prev_log_id: Some(matching),
                        entries: rows,
                        leader_commit: committed,
                    };
                    // openraft sends the entries anyway.
                    let Ok(json) = serde_json::to_vec(&request) else { return };
                    body.insert((matching, json.into()))
                }
            };
            let (peers, url, body) = (self.clone(), follower.url.clone(), body.clone());
            let answer = tokio::spawn(async move {
                let timeout = peers.settings.heartbeat * 2;
                let answer = peers.post_json(&url, APPEND, body, timeout).await;
                let at = Instant::now();
                Answered { answer, at }
            });
            follower.early = Some(EarlyAppend {
                last: last.log_id,
                answer,
            });
        }
    }
}

impl Follower {
    /// The entry before `first`, if `first` is an entry of this leader and the next one that the follower lacks.
    fn is_waiting_for(&self, first: LogId) -> Option<LogId> {
        let is_free = self.early.is_none() && is_by_leader(first, &self.vote);
        self.matching
            .filter(|matching| is_free && matching.index + 1 == first.index)
    }
}

impl Followers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ReplicaId, Follower>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the answer to the message that was sent early in place of this one.
    pub(super) fn take_early(&self, id: ReplicaId, rpc: &AppendEntriesRequest<Types>) -> Option<JoinHandle<Answered>> {
        let last = rpc.entries.last()?.log_id;
        let mut followers = self.lock();
        let follower = followers.get_mut(&id)?;
        let early = follower.early.take()?;
        let is_same = (follower.vote, follower.matching, early.last) == (rpc.vote, rpc.prev_log_id, last);
        is_same.then_some(early.answer)
    }

    /// Notes that a replica accepted a message, and so has all entries up to its last one.
    pub(super) fn record_match(&self, id: ReplicaId, url: &str, vote: Vote, matching: Option<LogId>) {
        let mut followers = self.lock();
        match followers.get_mut(&id) {
            Some(known) if (known.vote, known.matching) == (vote, matching) => {}
            _ => {
                let follower = Follower {
                    url: url.to_owned(),
                    vote,
                    matching,
                    early: None,
                };
                followers.insert(id, follower);
            }
        }
    }

    /// Forgets a replica: it did not accept a message, or is not a follower any more.
    pub(super) fn remove(&self, id: ReplicaId) {
        self.lock().remove(&id);
    }
}
