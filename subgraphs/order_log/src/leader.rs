//! Tasks that only the leader can do. Any replica accepts them: it executes or forwards them until they
//! are done or time out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::error::{CheckIsLeaderError, ClientWriteError, ForwardToLeader, RaftError};
use openraft::{BasicNode, ChangeMembers};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::OrderLogSettings;
use crate::admission::JOIN;
use crate::command::{CommandOutcome, LogCommand, ReplicaId};
use crate::network::{LeaderHint, PeerError};
use crate::replica::{Core, Error};
use crate::store::LogId;

/// A task for the leader.
pub(crate) trait LeaderTask: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// The path where other replicas accept it.
    const PATH: &str;
    /// The result of the task.
    type Output: Serialize + DeserializeOwned + Send;

    /// How long one attempt may take.
    fn timeout(settings: &OrderLogSettings) -> Duration;

    /// Executes the task, on the leader.
    fn execute(self, core: &Core) -> impl Future<Output = Result<Self::Output, PeerError>> + Send;
}

/// Append these commands as one entry of the log, and apply it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Commit(pub(crate) Vec<LogCommand>);

impl LeaderTask for Commit {
    const PATH: &str = "/raft/commit";
    type Output = Vec<CommandOutcome>;

    fn timeout(settings: &OrderLogSettings) -> Duration {
        settings.commit_timeout
    }

    async fn execute(self, core: &Core) -> Result<Vec<CommandOutcome>, PeerError> {
        if self.0.len() > core.settings.batch_max {
            return Err(PeerError::Refused("too many commands at once".to_owned()));
        }
        for command in &self.0 {
            command.check().map_err(PeerError::Refused)?;
        }
        let written = core.raft.client_write(self.0).await.map_err(client_write_error)?;
        Ok(written.data)
    }
}

/// The current read point of the log, confirmed by a majority. A replica that has applied it has everything that was
/// acknowledged before.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ReadPoint;

impl LeaderTask for ReadPoint {
    const PATH: &str = "/raft/read";
    type Output = Option<LogId>;

    fn timeout(settings: &OrderLogSettings) -> Duration {
        settings.commit_timeout
    }

    async fn execute(self, core: &Core) -> Result<Option<LogId>, PeerError> {
        match core.raft.get_read_log_id().await {
            Ok((point, _)) => Ok(point),
            Err(RaftError::APIError(CheckIsLeaderError::ForwardToLeader(to))) => Err(not_leader(to)),
            Err(error) => Err(PeerError::Unreachable(error.to_string())),
        }
    }
}

/// A change of the members.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum MembershipChange {
    /// Add this replica, once it has caught up.
    Add(ReplicaId, String),
    /// Remove this replica.
    Remove(ReplicaId),
}

impl LeaderTask for MembershipChange {
    const PATH: &str = "/raft/members";
    type Output = ();

    fn timeout(settings: &OrderLogSettings) -> Duration {
        settings.snapshot_timeout
    }

    async fn execute(self, core: &Core) -> Result<(), PeerError> {
        let raft = &core.raft;
        match self {
            Self::Add(id, url) => {
                // A replica that lost its file must not return under its old id.
                let there = url.trim_end_matches('/');
                let members = core.members().into_iter();
                let members: BTreeMap<_, _> = members.filter_map(|id| Some((id, core.url(id)?))).collect();
                let timeout = core.settings.answer_timeout;
                core.peers.post::<_, ()>(there, JOIN, &members, timeout).await?;
                // The replica first catches up as a learner. It gets a vote when it keeps up with the others.
                let blocking = true;
                raft.add_learner(id, BasicNode { addr: url }, blocking)
                    .await
                    .map_err(client_write_error)?;
                let voters = ChangeMembers::AddVoterIds(BTreeSet::from([id]));
                raft.change_membership(voters, true).await.map_err(client_write_error)?;
            }
            Self::Remove(id) => {
                let votes = raft
                    .metrics()
                    .borrow()
                    .membership_config
                    .voter_ids()
                    .any(|voter| voter == id);
                // A learner that never caught up has no vote to lose, but would still be sent everything.
                let change = if votes {
                    ChangeMembers::RemoveVoters(BTreeSet::from([id]))
                } else {
                    ChangeMembers::RemoveNodes(BTreeSet::from([id]))
                };
                raft.change_membership(change, false)
                    .await
                    .map_err(client_write_error)?;
            }
        }
        Ok(())
    }
}

fn client_write_error(error: RaftError<ReplicaId, ClientWriteError<ReplicaId, BasicNode>>) -> PeerError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(to)) => not_leader(to),
        RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => PeerError::Refused(error.to_string()),
        RaftError::Fatal(error) => PeerError::Unreachable(error.to_string()),
    }
}

fn not_leader(to: ForwardToLeader<ReplicaId, BasicNode>) -> PeerError {
    let leader = to.leader_id.zip(to.leader_node);
    PeerError::NotLeader(leader.map(|(id, node)| LeaderHint { id, url: node.addr }))
}

impl Core {
    /// Has the leader do a task: this replica or another one, including one that is elected meanwhile.
    ///
    /// A lost answer may repeat the task, so it has to be idempotent.
    pub(crate) async fn run_on_leader<T: LeaderTask>(&self, task: &T, deadline: Instant) -> Result<T::Output, Error> {
        let mut leaders = self.raft.server_metrics();
        loop {
            let leader = leaders.borrow_and_update().current_leader;
            let attempt = async {
                match leader {
                    Some(leader) => self.try_leader(leader, task).await,
                    None => std::future::pending().await,
                }
            };
            let answer = tokio::select! {
                answer = attempt => answer,
                () = tokio::time::sleep_until(deadline) => return Err(Error::Unavailable),
                // The leader may be stopped or cut off: stop waiting for it when the others have replaced it.
                changed = leaders.wait_for(|now| now.current_leader != leader) => match changed {
                    Ok(_) => continue,
                    // This replica has stopped, and learns of no other leader.
                    Err(_) => return Err(Error::Unavailable),
                },
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(PeerError::Refused(why)) => return Err(Error::Refused(why)),
                Err(error) => tracing::debug!(%error, ?leader, "the leader did not confirm the request"),
            }
            let pause = Instant::now() + self.settings.heartbeat;
            let changed = leaders.wait_for(|now| now.current_leader != leader);
            let _ = tokio::time::timeout_at(pause.min(deadline), changed).await;
            if Instant::now() >= deadline {
                return Err(Error::Unavailable);
            }
        }
    }

    async fn try_leader<T: LeaderTask>(&self, leader: ReplicaId, task: &T) -> Result<T::Output, PeerError> {
        let timeout = T::timeout(&self.settings);
        if leader == self.id {
            let execution = task.clone().execute(self);
            let output = tokio::time::timeout(timeout, execution).await;
            return output.unwrap_or_else(|_| Err(PeerError::Unreachable("no majority".to_owned())));
        }
        let url = self.url(leader).ok_or(PeerError::NotLeader(None))?;
        self.peers.post(&url, T::PATH, task, timeout).await
    }
}
