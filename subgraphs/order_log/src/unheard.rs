//! A leader that hears nobody: as long as the others hear it they elect nobody, and without them it decides nothing.

use std::sync::Arc;
use std::time::Duration;

use openraft::raft::VoteRequest;
use openraft::{ServerState, Vote};
use tokio::time::Instant;

use crate::replica::Core;

/// Puts the lead down, each time this replica has led for a while in which no majority answered it.
pub(crate) async fn run(core: Arc<Core>) {
    // As long as this, the others hold what they heard of the leader for true.
    let within = core.settings.lease();
    let mut began = (0, Instant::now());
    loop {
        tokio::time::sleep(core.settings.heartbeat).await;
        let now = core.raft.metrics().borrow().clone();
        if now.state != ServerState::Leader {
            continue;
        }
        // Before the first answer there is only the moment in which it began to lead.
        if began.0 != now.current_term {
            began = (now.current_term, Instant::now());
        }
        let unheard = now.millis_since_quorum_ack.map(Duration::from_millis);
        let unheard = unheard.unwrap_or_else(|| began.1.elapsed());
        // Who is sent a copy of the ledger answers beside it.
        let unheard = match core.peers.since_a_copy_was_heard() {
            Some(heard) => unheard.min(heard),
            None => unheard,
        };
        if unheard > within {
            tracing::warn!(
                id = core.id,
                ?unheard,
                "no majority answers: this replica leads no longer"
            );
            put_down(&core, now.current_term).await;
            leave_it_to_the_others(&core).await;
        }
    }
}

/// openraft's leaders end when they hear of a later vote, so this one gives its own: to another replica, which did not ask,
/// never hears of it and may still win it. A vote that is given binds nobody but its giver.
async fn put_down(core: &Core, term: u64) {
    let Some(other) = core.members().into_iter().find(|id| *id != core.id) else {
        return;
    };
    let last_log_id = core.raft.data_metrics().borrow().last_log;
    let later = VoteRequest::new(Vote::new(term + 1, other), last_log_id);
    if let Err(error) = core.raft.vote(later).await {
        tracing::warn!(%error, "the lead could not be put down");
    }
}

/// Who hears nobody would ask for votes, not hear that it got them, and ask for more: each of them keeps the others from
/// asking. It cannot win, so it asks again when it hears a majority, or that somebody leads.
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
