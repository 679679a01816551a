//! Tasks that only the leader can do. Any replica accepts them: it executes or forwards them until they
//! are done or time out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::error::{CheckIsLeaderError, ClientWriteError, ForwardToLeader, RaftError};
use openraft::{BasicNode, ChangeMembers};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Settings;
use crate::admission::JOIN;
use crate::network::{Named, PeerError};
use crate::order::{Command, Outcome, ReplicaId};
use crate::replica::{Core, Error};
use crate::store::LogId;

/// A task for the leader.
pub(crate) trait Task: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// The path where other replicas accept it.
    const PATH: &str;
    /// The result of the task.
    type Answer: Serialize + DeserializeOwned + Send;

    /// How long one attempt may take.
    fn within(settings: &Settings) -> Duration;

    /// Executes the task, on the leader.
    fn carry_out(self, core: &Core) -> impl Future<Output = Result<Self::Answer, PeerError>> + Send;
}

/// Append these commands as one entry of the log, and apply it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Commit(pub(crate) Vec<Command>);

impl Task for Commit {
    const PATH: &str = "/raft/commit";
    type Answer = Vec<Outcome>;

    fn within(settings: &Settings) -> Duration {
        settings.commit_within
    }

    async fn carry_out(self, core: &Core) -> Result<Vec<Outcome>, PeerError> {
        if self.0.len() > core.settings.batch_max {
            return Err(PeerError::Refused("too many commands at once".to_owned()));
        }
        for command in &self.0 {
            command.check().map_err(PeerError::Refused)?;
        }
        let written = core.raft.client_write(self.0).await.map_err(written)?;
        Ok(written.data)
    }
}

/// The current read point of the log, confirmed by a majority. A replica that has applied it has everything that was
/// acknowledged before.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ReadPoint;

impl Task for ReadPoint {
    const PATH: &str = "/raft/read";
    type Answer = Option<LogId>;

    fn within(settings: &Settings) -> Duration {
        settings.commit_within
    }

    async fn carry_out(self, core: &Core) -> Result<Option<LogId>, PeerError> {
        match core.raft.get_read_log_id().await {
            Ok((point, _)) => Ok(point),
            Err(RaftError::APIError(CheckIsLeaderError::ForwardToLeader(to))) => Err(elsewhere(to)),
            Err(error) => Err(PeerError::Unreachable(error.to_string())),
        }
    }
}

/// A change of the members.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Change {
    /// Add this replica, once it has caught up.
    Add(ReplicaId, String),
    /// Remove this replica.
    Remove(ReplicaId),
}

impl Task for Change {
    const PATH: &str = "/raft/members";
    type Answer = ();

    fn within(settings: &Settings) -> Duration {
        settings.snapshot_within
    }

    async fn carry_out(self, core: &Core) -> Result<(), PeerError> {
        let raft = &core.raft;
        match self {
            Self::Add(id, url) => {
                // A replica that lost its file must not return under its old id.
                let there = url.trim_end_matches('/');
                let members = core.members().into_iter();
                let members: BTreeMap<_, _> = members.filter_map(|id| Some((id, core.url(id)?))).collect();
                let within = core.settings.answer_within;
                core.peers.post::<_, ()>(there, JOIN, &members, within).await?;
                // The replica first catches up as a learner. It gets a vote when it keeps up with the others.
                let blocking = true;
                raft.add_learner(id, BasicNode { addr: url }, blocking)
                    .await
                    .map_err(written)?;
                let voters = ChangeMembers::AddVoterIds(BTreeSet::from([id]));
                raft.change_membership(voters, true).await.map_err(written)?;
            }
            Self::Remove(id) => {
                let votes = raft
                    .metrics()
                    .borrow()
                    .membership_config
                    .voter_ids()
                    .any(|voter| voter == id);
                // A learner that never caught up has no vote to lose, but would still be sent everything.
                let change = match votes {
                    true => ChangeMembers::RemoveVoters(BTreeSet::from([id])),
                    false => ChangeMembers::RemoveNodes(BTreeSet::from([id])),
                };
                raft.change_membership(change, false).await.map_err(written)?;
            }
        }
        Ok(())
    }
}

fn written(error: RaftError<ReplicaId, ClientWriteError<ReplicaId, BasicNode>>) -> PeerError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(to)) => elsewhere(to),
        RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => PeerError::Refused(error.to_string()),
        RaftError::Fatal(error) => PeerError::Unreachable(error.to_string()),
    }
}

fn elsewhere(to: ForwardToLeader<ReplicaId, BasicNode>) -> PeerError {
    let leader = to.leader_id.zip(to.leader_node);
    PeerError::NotLeader(leader.map(|(id, node)| Named { id, url: node.addr }))
}

impl Core {
    /// Has the leader do a task: this replica or another one, including one that is elected meanwhile.
    ///
    /// A lost answer may repeat the task, so it has to be idempotent.
    pub(crate) async fn at_leader<T: Task>(&self, task: &T, until: Instant) -> Result<T::Answer, Error> {
        let mut leaders = self.raft.server_metrics();
        loop {
            let leader = leaders.borrow_and_update().current_leader;
            let attempt = async {
                match leader {
                    Some(leader) => self.ask(leader, task).await,
                    None => std::future::pending().await,
                }
            };
            let answer = tokio::select! {
                answer = attempt => answer,
                () = tokio::time::sleep_until(until) => return Err(Error::Unavailable),
                // The leader may be stopped or cut off: stop waiting for it when the others have replaced it.
                _ = leaders.wait_for(|now| now.current_leader != leader) => continue,
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(PeerError::Refused(why)) => return Err(Error::Refused(why)),
                Err(error) => tracing::debug!(%error, ?leader, "the leader did not confirm the request"),
            }
            let pause = Instant::now() + self.settings.heartbeat;
            let changed = leaders.wait_for(|now| now.current_leader != leader);
            let _ = tokio::time::timeout_at(pause.min(until), changed).await;
            if Instant::now() >= until {
                return Err(Error::Unavailable);
            }
        }
    }

    async fn ask<T: Task>(&self, leader: ReplicaId, task: &T) -> Result<T::Answer, PeerError> {
        let within = T::within(&self.settings);
        if leader == self.id {
            let done = task.clone().carry_out(self);
            let done = tokio::time::timeout(within, done).await;
            return done.unwrap_or_else(|_| Err(PeerError::Unreachable("no majority".to_owned())));
        }
        let url = self.url(leader).ok_or(PeerError::NotLeader(None))?;
        self.peers.post(&url, T::PATH, task, within).await
    }
}
