//! A leader that no majority answers must step down: while it still sends heartbeats the others elect no leader, and it
//! commits nothing.

use std::sync::Arc;
use std::time::Duration;

use openraft::raft::VoteRequest;
use openraft::{ServerState, Vote};
use tokio::time::Instant;

use crate::replica::Core;

/// Steps down each time this replica has led for the length of a lease without an answer from a majority.
pub(crate) async fn run(core: Arc<Core>) {
    // For this long the others rely on their last message from the leader.
    let lease = core.settings.lease();
    let mut term_started = (0, Instant::now());
    loop {
        tokio::time::sleep(core.settings.heartbeat).await;
        let now = core.raft.metrics().borrow().clone();
        if now.state != ServerState::Leader {
            continue;
        }
        // Before the first answer of a majority, the time counts from the start of the term.
        if term_started.0 != now.current_term {
            term_started = (now.current_term, Instant::now());
        }
        let since_quorum = now.millis_since_quorum_ack.map(Duration::from_millis);
        let since_quorum = since_quorum.unwrap_or_else(|| term_started.1.elapsed());
        // A replica that receives a snapshot answers separately from openraft's count.
        let since_quorum = match core.peers.since_snapshot_heartbeat() {
            Some(snapshot) => since_quorum.min(snapshot),
            None => since_quorum,
        };
        if since_quorum > lease {
            tracing::warn!(
                id = core.id,
                ?since_quorum,
                "no majority answers; this replica steps down"
            );
            step_down(&core, now.current_term).await;
            suspend_elections(&core).await;
        }
    }
}

/// Steps down. An openraft leader steps down when it sees a later vote, so this one grants its own vote to another
/// replica. That replica did not ask, never hears of the vote and may still win it. A vote binds only the replica that
/// grants it.
async fn step_down(core: &Core, term: u64) {
    let Some(other) = core.members().into_iter().find(|id| *id != core.id) else {
        return;
    };
    let last_log_id = core.raft.data_metrics().borrow().last_log;
    let later = VoteRequest::new(Vote::new(term + 1, other), last_log_id);
    if let Err(error) = core.raft.vote(later).await {
        tracing::warn!(%error, "cannot step down");
    }
}

/// Disables elections until this replica reaches a majority or hears of a leader. An isolated node would keep starting
/// elections that it cannot win, and each of them would disturb the others.
async fn suspend_elections(core: &Core) {
    let elections = core.raft.runtime_config();
    elections.elect(false);
    let mut now = core.raft.server_metrics();
    let led = now.wait_for(|now| now.current_leader.is_some());
    tokio::select! {
        _ = led => (),
        () = wait_for_majority(core) => (),
    }
    elections.elect(true);
}

async fn wait_for_majority(core: &Core) {
    loop {
        let members = core.members();
        let statuses = members.iter().map(|id| core.status_of(*id));
        let statuses = futures_util::future::join_all(statuses).await;
        let alive = statuses.iter().flatten().filter(|status| status.alive).count();
        if alive * 2 > members.len() {
            return;
        }
        tokio::time::sleep(core.settings.heartbeat).await;
    }
}
