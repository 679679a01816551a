//! The admission of a replica's file to the cluster.
//!
//! A replica that lost its file has forgotten its votes and the entries that it acknowledged. Under its old id the
//! others would still trust it: a majority could elect a leader that lacks acknowledged trades. So every file has a
//! unique name, and each replica remembers the first file name of every other one. A new file asks for admission once
//! in its life, before it becomes active. A replica that knows another file under its id refuses it for good.
//!
//! - One of the first replicas asks all others and waits for all their answers: the first start needs all replicas,
//!   later ones do not.
//! - A replica that joins asks the members when it is added, and needs a majority of them. Each majority has a member
//!   that remembers the file which was added before under this id.
//!
//! A file restored from an older copy has the same name as the file that it replaces. It has forgotten everything since
//! the copy, as a lost file has. So replicas tell each other their progress periodically and when they start, and
//! remember it of each other: a replica that returns with less progress is refused. When a replica starts, it needs the
//! answers of as many others as make a majority with itself, and waits one heartbeat for the rest. A refused replica
//! admits no other one. Entries decided after the last report are not noticed, except by the replicas that received
//! them from this one when it led.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::future::{join_all, try_join_all};
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};

use crate::Replica;
use crate::command::ReplicaId;
use crate::network::PeerError;
use crate::replica::{Core, initialize};
use crate::store::LogId;

/// The path where a new file asks for admission.
pub(crate) const ADMIT: &str = "/raft/admit";

/// The path where a replica that joins gets the members.
pub(crate) const JOIN: &str = "/raft/join";

/// The path where a replica reports its progress.
pub(crate) const PROGRESS: &str = "/raft/reached";

/// The identity of a replica's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreIdentity {
    pub(crate) id: ReplicaId,
    pub(crate) file: String,
    /// The progress of the file, in the messages that report it.
    #[serde(default, rename = "reached")]
    pub(crate) progress: Option<Progress>,
}

/// The progress of a file. Neither value ever decreases in the same file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The last term in which the replica granted a vote.
    pub(crate) term: u64,
    /// A committed entry that the file had on its disk at that time.
    pub(crate) log: Option<LogId>,
}

impl Progress {
    /// Whether this is at least as far as `other` in both values.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        self.term >= other.term && self.log >= other.log
    }

    /// The higher of both values each.
    pub(crate) fn merge(&self, other: &Self) -> Self {
        Self {
            term: self.term.max(other.term),
            log: self.log.max(other.log),
        }
    }
}

/// The result of comparing another replica's file with the remembered one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileComparison {
    /// The file is the remembered one, or the first.
    Same,
    /// Another file was active under this id.
    Different,
    /// The file had more progress before.
    RolledBack,
}

/// The reason why a file is not admitted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct AdmissionError(String);

/// Makes the replica an active member as soon as its file is admitted. Shuts the replica down if the file is refused.
pub(crate) async fn run(core: Arc<Core>, urls: BTreeMap<ReplicaId, String>, joins: bool) {
    if let Err(why) = become_member(&core, urls, joins).await {
        tracing::error!(id = core.id, %why, "this replica is not admitted");
        let _ = core.refusal_reason.set(why.0);
        let _ = core.raft.shutdown().await;
    }
}

async fn become_member(core: &Core, urls: BTreeMap<ReplicaId, String>, joins: bool) -> Result<(), AdmissionError> {
    let refused = |error: &dyn std::fmt::Display| AdmissionError(error.to_string());
    if !core.store.is_admitted().await.map_err(|error| refused(&error))? {
        if joins {
            // It asks for admission when it is added: before that, no replica sends it anything.
            return Ok(());
        }
        let others = urls.keys().filter(|id| **id != core.id);
        try_join_all(others.map(|id| await_admission_by(core, *id))).await?;
        core.store.admit().await.map_err(|error| refused(&error))?;
    } else {
        require_no_rollback(core, &urls).await?;
    }
    core.raft.runtime_config().elect(true);
    if !joins {
        initialize(&core.raft, urls).await.map_err(|error| refused(&error))?;
    }
    core.is_member.send_replace(true);
    Ok(())
}

/// Asks the other replicas whether they remember more progress of this file. Waits for as many answers as make a
/// majority with this replica.
async fn require_no_rollback(core: &Core, urls: &BTreeMap<ReplicaId, String>) -> Result<(), AdmissionError> {
    let mut members = core.member_urls();
    if members.is_empty() {
        members.clone_from(urls);
    }
    let needed = members.len() / 2;
    let mut others: FuturesUnordered<_> = members
        .keys()
        .filter(|id| **id != core.id)
        .map(|id| await_admission_by(core, *id))
        .collect();
    for _ in 0..needed {
        match others.next().await {
            Some(admitted) => admitted?,
            None => break,
        }
    }
    // Those replicas may have been set back as well and remember no more. So the rest is asked too, if it answers soon.
    let rest = async {
        while let Some(admitted) = others.next().await {
            admitted?;
        }
        Ok(())
    };
    tokio::time::timeout(core.settings.heartbeat, rest)
        .await
        .unwrap_or(Ok(()))
}

/// Reports this replica's progress to the others, whenever it has changed.
pub(crate) async fn report_progress(core: Arc<Core>) {
    let mut last_reported = None;
    loop {
        tokio::time::sleep(core.settings.election_timeout).await;
        let progress = core.progress();
        if last_reported == Some(progress) || !*core.is_member.borrow() {
            continue;
        }
        let file = StoreIdentity {
            progress: Some(progress),
            ..core.store_identity()
        };
        let others = core.members().into_iter().filter(|id| *id != core.id);
        let reports = others.filter_map(|id| core.url(id)).map(async |url| {
            let timeout = core.settings.ping_timeout;
            let report = core.peers.post::<_, ()>(&url, PROGRESS, &file, timeout).await;
            report.inspect_err(|error| tracing::debug!(%error, "a member did not receive this replica's progress"))
        });
        let all = join_all(reports).await.iter().all(Result::is_ok);
        last_reported = all.then_some(progress);
    }
}

/// Remembers the progress of another replica.
pub(crate) async fn record_progress(replica: &Replica, other: StoreIdentity) -> Result<(), PeerError> {
    let Some(progress) = other.progress else { return Ok(()) };
    let remembered = replica.core.store.record_progress(other.id, progress).await;
    remembered.map_err(|error| PeerError::Unreachable(error.to_string()))
}

/// Asks the members for admission, since this replica is about to be added to them.
pub(crate) async fn join(replica: &Replica, members: BTreeMap<ReplicaId, String>) -> Result<(), PeerError> {
    let core = &replica.core;
    if *core.is_member.borrow() {
        return Ok(());
    }
    let others = members.iter().filter(|(id, _)| **id != core.id);
    let answers = join_all(others.map(async |(id, url)| request_admission(core, *id, url).await)).await;
    let (mut admitting, all) = (0, answers.len());
    for answer in answers {
        match answer {
            Ok(FileComparison::Same) => admitting += 1,
            Ok(_) => return Err(PeerError::Refused("a replica has another file than before".to_owned())),
            Err(PeerError::Refused(why)) => return Err(PeerError::Refused(why)),
            Err(error) => tracing::debug!(%error, "a member did not say whether it admits this file"),
        }
    }
    if admitting * 2 <= all {
        return Err(PeerError::Unreachable("no majority admits this file".to_owned()));
    }
    let admitted = core.store.admit().await;
    admitted.map_err(|error| PeerError::Unreachable(error.to_string()))?;
    core.raft.runtime_config().elect(true);
    core.is_member.send_replace(true);
    Ok(())
}

/// Asks one other replica until it answers.
async fn await_admission_by(core: &Core, id: ReplicaId) -> Result<(), AdmissionError> {
    let url = core.url(id).unwrap_or_default();
    loop {
        match request_admission(core, id, &url).await {
            Ok(FileComparison::Same) => return Ok(()),
            // The other replica lost its own file, which says nothing about this one.
            Ok(_) if core.store.is_admitted().await.is_ok_and(|admitted| admitted) => {
                tracing::debug!(id, "another replica answers with a different file");
            }
            Ok(_) => return Err(AdmissionError(lost_file_message(id))),
            Err(PeerError::Refused(why)) => return Err(AdmissionError(why)),
            Err(error) => tracing::debug!(%error, id, "a member has not said yet whether it admits this file"),
        }
        tokio::time::sleep(core.settings.heartbeat).await;
    }
}

/// Asks another replica once, and compares the file of that one with the remembered one.
async fn request_admission(core: &Core, id: ReplicaId, url: &str) -> Result<FileComparison, PeerError> {
    let timeout = core.settings.ping_timeout;
    let file = StoreIdentity {
        progress: Some(
            core.store
                .progress()
                .await
                .map_err(|error| PeerError::Unreachable(error.to_string()))?,
        ),
        ..core.store_identity()
    };
    let other: StoreIdentity = core.peers.post(url, ADMIT, &file, timeout).await?;
    if other.id != id {
        let found = other.id;
        tracing::warn!(expected = id, found, "a different replica answers at this address");
        return Err(PeerError::Unreachable(format!("replica {found} answers there")));
    }
    let remembered = core.store.remember_file(other).await;
    remembered.map_err(|error| PeerError::Unreachable(error.to_string()))
}

/// Remembers the file of a replica that asks for admission, unless another file is known under its id.
pub(crate) async fn admit(replica: &Replica, other: StoreIdentity) -> Result<StoreIdentity, PeerError> {
    let (core, id) = (&replica.core, other.id);
    if core.refusal_reason.get().is_some() {
        return Err(PeerError::Unreachable(format!(
            "replica {} is not a member itself",
            core.id
        )));
    }
    if id == core.id && other.file != core.store.file {
        return Err(PeerError::Refused(format!("this is replica {id}, with another file")));
    }
    if let Some(claimed) = other.progress
        && !claimed.includes(&core.progress_seen_from(id))
    {
        return Err(PeerError::Refused(rollback_message(id)));
    }
    match core.store.remember_file(other).await {
        Ok(FileComparison::Same) => Ok(core.store_identity()),
        Ok(FileComparison::Different) => Err(PeerError::Refused(lost_file_message(id))),
        Ok(FileComparison::RolledBack) => Err(PeerError::Refused(rollback_message(id))),
        Err(error) => Err(PeerError::Unreachable(error.to_string())),
    }
}

/// Rejects votes and entries until the file is admitted.
pub(crate) async fn require_member(State(replica): State<Replica>, request: Request, next: Next) -> Response {
    if *replica.core.is_member.borrow() {
        return next.run(request).await;
    }
    let why = "the other replicas have not admitted this file yet";
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

fn lost_file_message(id: ReplicaId) -> String {
    format!("replica {id} was a member with another file: replace a replica that lost its file under a new id")
}

fn rollback_message(id: ReplicaId) -> String {
    format!("replica {id} was further than its file is now, which is an older copy: replace it under a new id")
}

impl Core {
    fn store_identity(&self) -> StoreIdentity {
        StoreIdentity {
            id: self.id,
            file: self.store.file.clone(),
            progress: None,
        }
    }

    /// The progress that this replica has now and keeps after any crash.
    fn progress(&self) -> Progress {
        let metrics = self.raft.metrics();
        let now = metrics.borrow();
        Progress {
            term: now.current_term,
            log: now.last_applied,
        }
    }

    /// The progress that another replica must have had when it led: this one received a committed entry from it.
    fn progress_seen_from(&self, id: ReplicaId) -> Progress {
        let applied = self.progress().log.filter(|log| log.leader_id.node_id == id);
        Progress {
            term: applied.map_or(0, |log| log.leader_id.term),
            log: applied,
        }
    }
}
