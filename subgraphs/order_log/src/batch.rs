//! Batches of proposals: while a majority writes one entry of the log to its disks, the proposals for the next one
//! gather.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::command::{CommandOutcome, LogCommand};
use crate::leader::Commit;
use crate::replica::{Core, Error};

/// A command with the channel for its outcome.
pub(crate) struct Proposal {
    command: LogCommand,
    deadline: Instant,
    answer: oneshot::Sender<Result<CommandOutcome, Error>>,
}

/// The sender to the task that batches proposals.
pub(crate) struct Proposals(mpsc::Sender<Proposal>);

impl Proposals {
    pub(crate) fn new(waiting_max: usize) -> (Self, mpsc::Receiver<Proposal>) {
        let (sender, receiver) = mpsc::channel(waiting_max.max(1));
        (Self(sender), receiver)
    }

    /// Commits a command. Returns `Unavailable` at the deadline, when the outcome is not known.
    pub(crate) async fn commit(&self, command: LogCommand, deadline: Instant) -> Result<CommandOutcome, Error> {
        command.check().map_err(Error::Refused)?;
        let (answer, answered) = oneshot::channel();
        let proposal = Proposal {
            command,
            deadline,
            answer,
        };
        let decided = async {
            self.0.send(proposal).await.map_err(|_| Error::Unavailable)?;
            answered.await.map_err(|_| Error::Unavailable)?
        };
        let decided = tokio::time::timeout_at(deadline, decided).await;
        decided.map_err(|_| Error::Unavailable)?
    }
}

/// Commits one batch after the other, until all senders are gone.
pub(crate) async fn run(core: Arc<Core>, mut proposals: mpsc::Receiver<Proposal>) {
    let mut batch = Vec::new();
    while proposals.recv_many(&mut batch, core.settings.batch_max.max(1)).await > 0 {
        // A caller that stopped waiting was told that the outcome is unknown, so its command need not be committed.
        batch.retain(|proposal| !proposal.answer.is_closed());
        let Some(deadline) = batch.iter().map(|proposal| proposal.deadline).max() else {
            continue;
        };
        let commands = batch.iter().map(|proposal| proposal.command.clone()).collect();
        match core.run_on_leader(&Commit(commands), deadline).await {
            Ok(outcomes) if outcomes.len() == batch.len() => {
                for (proposal, outcome) in batch.drain(..).zip(outcomes) {
                    let _ = proposal.answer.send(Ok(outcome));
                }
            }
            // A dropped proposal tells its caller that the outcome is unknown.
            _ => batch.clear(),
        }
    }
}
