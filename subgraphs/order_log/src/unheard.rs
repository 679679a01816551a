//! A leader that hears no majority must step down: while it still sends heartbeats the others elect no leader, and it
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
    let within = core.settings.lease();
    let mut began = (0, Instant::now());
    loop {
        tokio::time::sleep(core.settings.heartbeat).await;
        let now = core.raft.metrics().borrow().clone();
        if now.state != ServerState::Leader {
            continue;
        }
        // Before the first answer of a majority, the time counts from the start of the term.
        if began.0 != now.current_term {
            began = (now.current_term, Instant::now());
        }
        let unheard = now.millis_since_quorum_ack.map(Duration::from_millis);
        let unheard = unheard.unwrap_or_else(|| began.1.elapsed());
        // A replica that receives a snapshot answers separately from openraft's count.
        let unheard = match core.peers.since_a_copy_was_heard() {
            Some(heard) => unheard.min(heard),
            None => unheard,
        };
        if unheard > within {
            tracing::warn!(id = core.id, ?unheard, "no majority answers; this replica steps down");
            put_down(&core, now.current_term).await;
            leave_it_to_the_others(&core).await;
        }
    }
}

/// Steps down. An openraft leader steps down when it sees a later vote, so this one grants its own vote to another
/// replica. That replica did not ask, never hears of the vote and may still win it. A vote binds only the replica that
/// grants it.
async fn put_down(core: &Core, term: u64) {
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
async fn leave_it_to_the_others(core: &Core) {
    let elections = core.raft.runtime_config();
    elections.elect(false);
    let mut now = core.raft.server_metrics();
    let led = now.wait_for(|now| now.current_leader.is_some());
    tokio::select! {
        _ = led => (),
        () = hears_a_majority(core) => (),
    }
    elections.elect(true);
}

async fn hears_a_majority(core: &Core) {
    loop {
        let members = core.members();
        let statuses = members.iter().map(|id| core.status_of(*id));
        let statuses = futures_util::future::join_all(statuses).await;
        let heard = statuses.iter().flatten().filter(|status| status.alive).count();
        if heard * 2 > members.len() {
            return;
        }
        tokio::time::sleep(core.settings.heartbeat).await;
    }
}
