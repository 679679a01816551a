//! Whether a file may take part.
//!
//! A replica whose file was lost has forgotten whom it voted for and which entries it said it holds. Under its old id it would
//! be believed all the same: a majority could elect a leader that lacks orders which were answered. So every file has a name
//! of its own, each replica remembers under which file every other one took part first, and a new file asks before it takes
//! part, once in its life; who knows another one under its id refuses it for good.
//!
//! - One of the first replicas asks all others and waits for all their answers: the first start needs all, later ones do not.
//! - One that joins asks those that take part when it is added, and needs a majority of them. Each majority has somebody in
//!   it that remembers the file which was added before under this id.
//!
//! What is not noticed: a file that is put back from an older copy. It has the name of the one that it replaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::future::{join_all, try_join_all};
use serde::{Deserialize, Serialize};

use crate::Replica;
use crate::network::PeerError;
use crate::order::ReplicaId;
use crate::replica::{Core, initialize};

/// Where a new file asks whether it may take part.
pub(crate) const ADMIT: &str = "/raft/admit";

/// Where one that joins is told who takes part.
pub(crate) const JOIN: &str = "/raft/join";

/// Which file a replica takes part with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileOf {
    pub(crate) id: ReplicaId,
    pub(crate) file: String,
}

/// Why a file does not take part.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Takes part as soon as nothing speaks against it. Ends the replica if something does.
pub(crate) async fn run(core: Arc<Core>, urls: BTreeMap<ReplicaId, String>, joins: bool) {
    if let Err(why) = take_part(&core, urls, joins).await {
        tracing::error!(id = core.id, %why, "this replica must not take part");
        let _ = core.raft.shutdown().await;
    }
}

async fn take_part(core: &Core, urls: BTreeMap<ReplicaId, String>, joins: bool) -> Result<(), Refused> {
    let refused = |error: &dyn std::fmt::Display| Refused(error.to_string());
    if !core.store.is_admitted().await.map_err(|error| refused(&error))? {
        if joins {
            // It asks when it is added: before that, nobody sends it anything.
            return Ok(());
        }
        let others = urls.keys().filter(|id| **id != core.id);
        try_join_all(others.map(|id| admitted_by(core, *id))).await?;
        core.store.admit().await.map_err(|error| refused(&error))?;
    }
    if !joins {
        initialize(&core.raft, urls).await.map_err(|error| refused(&error))?;
    }
    core.takes_part.send_replace(true);
    Ok(())
}

/// Asks those that take part, since this replica is about to be added to them.
pub(crate) async fn join(replica: &Replica, members: BTreeMap<ReplicaId, String>) -> Result<(), PeerError> {
    let core = &replica.core;
    if *core.takes_part.borrow() {
        return Ok(());
    }
    let asked = members.iter().filter(|(id, _)| **id != core.id);
    let answers = join_all(asked.map(async |(id, url)| asked_once(core, *id, url).await)).await;
    let (mut admitting, all) = (0, answers.len());
    for answer in answers {
        match answer {
            Ok(()) => admitting += 1,
            Err(PeerError::Refused(why)) => return Err(PeerError::Refused(why)),
            Err(error) => tracing::debug!(%error, "not heard whether the file may take part"),
        }
    }
    if admitting * 2 <= all {
        return Err(PeerError::Unreachable("no majority admits this file".to_owned()));
    }
    let admitted = core.store.admit().await;
    admitted.map_err(|error| PeerError::Unreachable(error.to_string()))?;
    core.takes_part.send_replace(true);
    Ok(())
}

/// Asks one other replica until it answers.
async fn admitted_by(core: &Core, id: ReplicaId) -> Result<(), Refused> {
    let url = core.peers.url(id, None).unwrap_or_default();
    loop {
        match asked_once(core, id, &url).await {
            Ok(()) => return Ok(()),
            Err(PeerError::Refused(why)) => return Err(Refused(why)),
            Err(error) => tracing::debug!(%error, id, "not heard yet whether the file may take part"),
        }
        tokio::time::sleep(core.settings.heartbeat).await;
    }
}

async fn asked_once(core: &Core, id: ReplicaId, url: &str) -> Result<(), PeerError> {
    let (file, within) = (core.file(), core.settings.ping_within);
    let other: FileOf = core.peers.post(url, ADMIT, &file, within).await?;
    if other.id != id {
        let found = other.id;
        tracing::warn!(asked = id, found, "another replica answers at its address");
        return Err(PeerError::Unreachable(format!("replica {found} answers there")));
    }
    match core.store.remember(other).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(PeerError::Refused(lost(id))),
        Err(error) => Err(PeerError::Unreachable(error.to_string())),
    }
}

/// Remembers the file of a replica that asks, unless it had another one.
pub(crate) async fn admit(replica: &Replica, asks: FileOf) -> Result<FileOf, PeerError> {
    let (core, id) = (&replica.core, asks.id);
    if id == core.id && asks != core.file() {
        return Err(PeerError::Refused(format!("this is replica {id}, with another file")));
    }
    match core.store.remember(asks).await {
        Ok(true) => Ok(core.file()),
        Ok(false) => Err(PeerError::Refused(lost(id))),
        Err(error) => Err(PeerError::Unreachable(error.to_string())),
    }
}

/// Neither votes nor entries are for a file of which nobody knows yet whether it may take part.
pub(crate) async fn taking_part(State(replica): State<Replica>, request: Request, next: Next) -> Response {
    if *replica.core.takes_part.borrow() {
        return next.run(request).await;
    }
    let why = "the others have not said yet that this file may take part";
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

fn lost(id: ReplicaId) -> String {
    format!("replica {id} took part with another file: who lost it is replaced under a new id")
}

impl Core {
    fn file(&self) -> FileOf {
        FileOf {
            id: self.id,
            file: self.store.file.clone(),
        }
    }
}
