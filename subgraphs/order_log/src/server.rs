//! The routes between replicas: openraft's messages and the leader's tasks. All of them need the credential.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse};
use openraft::storage::Snapshot;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::admission::{self, ADMIT, JOIN, PROGRESS};
use crate::command::ORDER_JSON_BYTES_MAX;
use crate::election::PRE_VOTE;
use crate::leader::{Commit, LeaderTask, MembershipChange, ReadPoint};
use crate::network::{APPEND, CHUNK, PeerError, SNAPSHOT, SnapshotHead, VOTE};
use crate::replica::STATUS;
use crate::store::snapshot::{SnapshotData, SnapshotLine};
use crate::store::{Types, is_by_leader};
use crate::{Credentials, OrderLogSettings, Replica};

/// The path of one complete trade by its number.
pub(crate) const TRADE: &str = "/raft/orders";
/// The path of the complete trades after a number.
pub(crate) const TRADES_AFTER: &str = "/raft/orders-after";

/// The routes for other replicas and for the front end.
pub(crate) fn routes(replica: &Replica) -> Router<Replica> {
    let credentials = replica.core.dependencies.credentials.clone();
    Router::new()
        .route(APPEND, post(append))
        .route(VOTE, post(vote))
        .route(PRE_VOTE, get(pre_vote))
        .route(SNAPSHOT, post(snapshot))
        .route(Commit::PATH, post(task::<Commit>))
        .route(ReadPoint::PATH, post(task::<ReadPoint>))
        .route(MembershipChange::PATH, post(task::<MembershipChange>).get(members))
        .route_layer(middleware::from_fn_with_state(
            replica.clone(),
            admission::require_member,
        ))
        .route(ADMIT, post(admit))
        .route(JOIN, post(join))
        .route(PROGRESS, post(progress))
        .route(STATUS, get(status))
        .route(&format!("{TRADE}/{{number}}"), get(trade_by_number))
        .route(&format!("{TRADES_AFTER}/{{number}}"), get(trades_after))
        .layer(DefaultBodyLimit::disable())
        .route_layer(middleware::from_fn_with_state(credentials, require_credential))
}

/// Whether a request carries a valid token of this installation.
pub(crate) fn has_valid_token(credentials: &dyn Credentials, headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|value| value.split_once(' '));
    token.is_some_and(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && credentials.accepts(token.trim()))
}

/// Rejects requests without a valid token.
pub(crate) async fn require_credential(
    State(credentials): State<Arc<dyn Credentials>>,
    request: Request,
    next: Next,
) -> Response {
    if has_valid_token(&*credentials, request.headers()) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, "a service credential is needed").into_response()
}

async fn append(State(replica): State<Replica>, body: Body) -> Response {
    match parse_json(body, &replica.core.settings).await {
        Ok(mut rpc) => {
            hold_back_commit(&mut rpc);
            let appended = replica.core.raft.append_entries(rpc).await;
            // `HigherVote` rejects a sender that does not lead any more, so it is no sign of a leader.
            if appended
                .as_ref()
                .is_ok_and(|appended| !matches!(appended, AppendEntriesResponse::HigherVote(_)))
            {
                replica.core.record_heartbeat();
            }
            to_response(appended)
        }
        Err(refusal) => refusal,
    }
}

/// Applies entries of earlier leaders only together with one of the sender's own.
///
/// An earlier leader may have died before its last entry was on its own disk, while others had it. If the entry that is applied
/// last could be one of those, the earlier leader would be refused as one that lost entries (`Core::progress_seen_from`).
fn hold_back_commit(rpc: &mut AppendEntriesRequest<Types>) {
    let last = rpc.entries.last().map(|entry| entry.log_id).or(rpc.prev_log_id);
    if !last.is_some_and(|last| is_by_leader(last, &rpc.vote)) {
        rpc.leader_commit = None;
    }
}

async fn vote(State(replica): State<Replica>, body: Body) -> Response {
    match parse_json(body, &replica.core.settings).await {
        Ok(rpc) => to_response(replica.core.raft.vote(rpc).await),
        Err(refusal) => refusal,
    }
}

async fn pre_vote(State(replica): State<Replica>) -> Response {
    json(&replica.core.pre_vote_state())
}

async fn status(State(replica): State<Replica>) -> Response {
    to_response(replica.status().await)
}

/// The members of the cluster, by everything that was decided until now.
async fn members(State(replica): State<Replica>) -> Response {
    let core = &replica.core;
    let known = core.ensure_linearizable(core.deadline()).await;
    to_response(known.map(|()| core.member_urls()))
}

async fn admit(State(replica): State<Replica>, body: Body) -> Response {
    match parse_json(body, &replica.core.settings).await {
        Ok(other) => peer_response(admission::admit(&replica, other).await),
        Err(refusal) => refusal,
    }
}

async fn progress(State(replica): State<Replica>, body: Body) -> Response {
    match parse_json(body, &replica.core.settings).await {
        Ok(other) => peer_response(admission::record_progress(&replica, other).await),
        Err(refusal) => refusal,
    }
}

async fn join(State(replica): State<Replica>, body: Body) -> Response {
    match parse_json(body, &replica.core.settings).await {
        Ok(members) => peer_response(admission::join(&replica, members).await),
        Err(refusal) => refusal,
    }
}

async fn trade_by_number(State(replica): State<Replica>, Path(number): Path<i64>) -> Response {
    to_response(replica.trade_by_number(number).await)
}

/// As many complete trades as fit into an answer. It waits until all trades that were acknowledged before are here.
async fn trades_after(State(replica): State<Replica>, Path(last): Path<i64>) -> Response {
    let (core, settings) = (&replica.core, &replica.core.settings);
    let rows_max = settings
        .sync_rows_max
        .min(settings.message_bytes_max / ORDER_JSON_BYTES_MAX);
    if let Err(error) = core.ensure_linearizable(core.deadline()).await {
        return to_response::<(), _>(Err(error));
    }
    to_response(core.store.trades_after(last, rows_max.max(1)).await)
}

async fn task<T: LeaderTask>(State(replica): State<Replica>, body: Body) -> Response {
    let settings = &replica.core.settings;
    let task: T = match parse_json(body, settings).await {
        Ok(task) => task,
        Err(refusal) => return refusal,
    };
    match tokio::time::timeout(T::timeout(settings), task.execute(&replica.core)).await {
        Ok(answered) => peer_response(answered),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "no majority").into_response(),
    }
}

fn peer_response<T: Serialize>(answered: Result<T, PeerError>) -> Response {
    match answered {
        Ok(done) => json(&done),
        // The caller can ask the named leader at once.
        Err(PeerError::NotLeader(leader)) => (StatusCode::MISDIRECTED_REQUEST, axum::Json(leader)).into_response(),
        Err(PeerError::Refused(why)) => (StatusCode::CONFLICT, why).into_response(),
        Err(PeerError::Unreachable(why)) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}

async fn snapshot(State(replica): State<Replica>, body: Body) -> Response {
    let received = tokio::time::timeout(replica.core.settings.snapshot_timeout, receive_snapshot(&replica, body)).await;
    let (head, data) = match received {
        Ok(Ok(received)) => received,
        Ok(Err(why)) => return (StatusCode::BAD_REQUEST, why.to_string()).into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let snapshot = Snapshot {
        meta: head.meta,
        snapshot: Box::new(data),
    };
    // In a task of its own: openraft finishes the installation even if the sender disconnects.
    let installed = tokio::spawn(async move {
        let _expected = replica.core.store.expect_snapshot(&snapshot).await;
        replica.core.raft.install_full_snapshot(head.vote, snapshot).await
    });
    match installed.await {
        Ok(installed) => to_response(installed),
        Err(error) => to_response::<(), _>(Err(error)),
    }
}

/// Writes a snapshot to a file and checks that it is complete, since an incomplete one must not be installed.
async fn receive_snapshot(replica: &Replica, body: Body) -> Result<(SnapshotHead, SnapshotData), axum::BoxError> {
    let settings = &replica.core.settings;
    let file = tokio::fs::File::from_std(tempfile::tempfile_in(replica.core.store.folder())?);
    // Lines are short, and each write to the file takes a round trip to another thread.
    let mut file = BufWriter::with_capacity(CHUNK, file);
    let mut chunks = body.into_data_stream();
    let (mut head, mut line) = (None, Vec::new());
    let (mut lines, mut bytes, mut end) = (0, 0, None);
    while let Some(chunk) = tokio::time::timeout(settings.body_timeout, chunks.next()).await? {
        let chunk = chunk?;
        bytes += chunk.len() as u64;
        if bytes > settings.snapshot_bytes_max || line.len() > settings.message_bytes_max {
            return Err("the copy is too large".into());
        }
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(part);
            if !line.ends_with(b"\n") {
                continue;
            }
            if head.is_none() {
                head = Some(serde_json::from_slice(&line)?);
            } else {
                if end.is_some() {
                    return Err("the copy goes on after its end".into());
                }
                match serde_json::from_slice(&line)? {
                    SnapshotLine::End(count) => end = Some(count),
                    SnapshotLine::Trade(_) | SnapshotLine::Cancelled(_) => lines += 1,
                }
                file.write_all(&line).await?;
            }
            line.clear();
        }
    }
    file.flush().await?;
    match head {
        Some(head) if end == Some(lines) => {
            let file = file.into_inner().into_std().await;
            Ok((head, SnapshotData::from_file(file)))
        }
        _ => Err("the copy is not complete".into()),
    }
}

pub(crate) async fn parse_json<T: DeserializeOwned>(body: Body, settings: &OrderLogSettings) -> Result<T, Response> {
    let body = read_body(body, settings.message_bytes_max, settings.body_timeout).await;
    let body = body.map_err(IntoResponse::into_response)?;
    serde_json::from_slice(&body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()).into_response())
}

/// Reads a whole body, within a size limit and a timeout.
pub(crate) async fn read_body(body: Body, bytes_max: usize, timeout: Duration) -> Result<Bytes, StatusCode> {
    let body = tokio::time::timeout(timeout, to_bytes(body, bytes_max)).await;
    let body = body.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
    body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)
}

fn to_response<T: Serialize, E: std::fmt::Display>(done: Result<T, E>) -> Response {
    match done {
        Ok(done) => json(&done),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

pub(crate) fn json<T: Serialize>(value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use openraft::{CommittedLeaderId, Entry, EntryPayload};

    use super::*;
    use crate::store::{LogId, Vote};

    #[test]
    fn entries_of_earlier_leaders_are_applied_with_one_of_the_leaders_own() {
        let at = |leader, index| LogId::new(CommittedLeaderId::new(7, leader), index);
        let committed = |prev_log_id, entries: &[LogId]| {
            let entries = entries.iter().map(|log_id| Entry {
                log_id: *log_id,
                payload: EntryPayload::Blank,
            });
            let mut rpc = AppendEntriesRequest {
                vote: Vote::new_committed(7, 3),
                prev_log_id,
                entries: entries.collect(),
                leader_commit: Some(at(3, 9)),
            };
            hold_back_commit(&mut rpc);
            rpc.leader_commit.is_some()
        };
        assert!(!committed(None, &[]));
        assert!(!committed(Some(at(2, 7)), &[]));
        assert!(!committed(Some(at(2, 7)), &[at(2, 8)]));
        assert!(committed(Some(at(2, 7)), &[at(2, 8), at(3, 9)]));
        assert!(committed(Some(at(3, 9)), &[]));
    }
}
