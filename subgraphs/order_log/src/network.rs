//! The client of the other replicas: JSON over HTTP, with a credential, a size limit and a timeout on everything.

mod early_append;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Response, header};
use futures_util::StreamExt;
use openraft::error::{Fatal, RPCError, RaftError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::storage::Snapshot;
use openraft::{AnyError, BasicNode, OptionalSend};
use reqwest::redirect::Policy;
use reqwest::{Body, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use self::early_append::{Answered, Followers};
use crate::command::ReplicaId;
use crate::store::snapshot::SnapshotData;
use crate::store::{LogId, SnapshotMeta, StoreError, Types, Vote};
use crate::{Credentials, OrderLogSettings};

/// The path of openraft's append-entries requests.
pub(crate) const APPEND: &str = "/raft/append";
/// The path of openraft's vote requests.
pub(crate) const VOTE: &str = "/raft/vote";
/// The path of snapshots.
pub(crate) const SNAPSHOT: &str = "/raft/snapshot";

/// The first line of a snapshot transfer.
#[derive(Serialize, Deserialize)]
pub(crate) struct SnapshotHead {
    pub(crate) vote: Vote,
    pub(crate) meta: SnapshotMeta,
}

/// The reason why another replica gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    /// The replica is down, too slow, or failing.
    #[error("{0}")]
    Unreachable(String),
    /// The replica answers but does not lead. It may name the leader.
    #[error("the other replica does not lead")]
    NotLeader(Option<LeaderHint>),
    /// The replica refuses the request, and a retry does not help.
    #[error("{0}")]
    Refused(String),
}

/// The leader that a replica names, with the address that this replica has of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaderHint {
    pub(crate) id: ReplicaId,
    pub(crate) url: String,
}

/// The client of all other replicas.
#[derive(Clone)]
pub(crate) struct Peers {
    http: reqwest::Client,
    credentials: Arc<dyn Credentials>,
    settings: Arc<OrderLogSettings>,
    /// The addresses from this replica's settings. They take precedence over those of the log, since addresses change.
    urls: Arc<BTreeMap<ReplicaId, String>>,
    /// When a replica that receives a snapshot answered last.
    snapshot_heartbeat: Arc<Mutex<Option<Instant>>>,
    followers: Followers,
}

impl Peers {
    pub(crate) fn new(
        urls: BTreeMap<ReplicaId, String>,
        credentials: Arc<dyn Credentials>,
        settings: Arc<OrderLogSettings>,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .tcp_nodelay(true)
            .no_proxy()
            // No replica answers with a redirect, and the credential must only reach configured addresses.
            .redirect(Policy::none())
            .build()?;
        Ok(Self {
            http,
            credentials,
            settings,
            urls: Arc::new(urls),
            snapshot_heartbeat: Arc::default(),
            followers: Followers::default(),
        })
    }

    /// The address of a replica.
    pub(crate) fn url(&self, id: ReplicaId, node: Option<&BasicNode>) -> Option<String> {
        let known = self.urls.get(&id).or(node.map(|node| &node.addr));
        known.map(|url| url.trim_end_matches('/').to_owned())
    }

    /// How long ago a replica that receives a snapshot answered. openraft does not count such a replica as a follower.
    pub(crate) fn since_snapshot_heartbeat(&self) -> Option<Duration> {
        let last = self.snapshot_heartbeat.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|last| last.elapsed())
    }

    /// Posts JSON to a replica and reads the answer.
    pub(crate) async fn post<A: Serialize + ?Sized, B: DeserializeOwned>(
        &self,
        url: &str,
        path: &str,
        body: &A,
        timeout: Duration,
    ) -> Result<B, PeerError> {
        let body = serde_json::to_vec(body).map_err(|error| PeerError::Refused(error.to_string()))?;
        self.post_json(url, path, body.into(), timeout).await
    }

    /// Posts a text that is JSON already.
    async fn post_json<B: DeserializeOwned>(
        &self,
        url: &str,
        path: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<B, PeerError> {
        let request = self.http.post(format!("{url}{path}"));
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        self.send_json(request, timeout).await
    }

    /// Gets JSON from a replica.
    pub(crate) async fn get<B: DeserializeOwned>(
        &self,
        url: &str,
        path: &str,
        timeout: Duration,
    ) -> Result<B, PeerError> {
        self.send_json(self.http.get(format!("{url}{path}")), timeout).await
    }

    /// Forwards a client's request and returns the replica's response, whatever its status.
    pub(crate) async fn forward(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Response<Vec<u8>>, PeerError> {
        let request = self.http.request(method, url).headers(headers).body(body);
        self.send_request(request, timeout).await
    }

    async fn send_json<B: DeserializeOwned>(&self, request: RequestBuilder, timeout: Duration) -> Result<B, PeerError> {
        let answer = self.send_request(request, timeout).await?;
        let (status, body) = (answer.status(), answer.body());
        match status {
            StatusCode::OK => serde_json::from_slice(body).map_err(|error| PeerError::Unreachable(error.to_string())),
            StatusCode::MISDIRECTED_REQUEST => Err(PeerError::NotLeader(serde_json::from_slice(body).ok())),
            StatusCode::BAD_REQUEST | StatusCode::CONFLICT => {
                Err(PeerError::Refused(String::from_utf8_lossy(body).into_owned()))
            }
            other => Err(PeerError::Unreachable(format!("answered {other}"))),
        }
    }

    async fn send_request(&self, request: RequestBuilder, timeout: Duration) -> Result<Response<Vec<u8>>, PeerError> {
        let exchange = async {
            let response = request.bearer_auth(self.credentials.token()).send().await?;
            let mut head = Response::new(());
            *head.status_mut() = response.status();
            *head.headers_mut() = response.headers().clone();
            let mut body = Vec::new();
            let mut chunks = response.bytes_stream();
            while body.len() <= self.settings.message_bytes_max
                && let Some(chunk) = chunks.next().await
            {
                body.extend_from_slice(&chunk?);
            }
            Ok::<_, reqwest::Error>(head.map(|()| body))
        };
        // The timeout covers the whole exchange: a connection that breaks while it is being made could be waited for
        // without end.
        let answer = tokio::time::timeout(timeout, exchange).await;
        let answer = answer.map_err(|_| PeerError::Unreachable(format!("no answer within {timeout:?}")))?;
        let answer = answer.map_err(|error| PeerError::Unreachable(error.to_string()))?;
        if answer.body().len() > self.settings.message_bytes_max {
            return Err(PeerError::Refused("the answer is too large".to_owned()));
        }
        Ok(answer)
    }
}

impl RaftNetworkFactory<Types> for Peers {
    type Network = PeerConnection;

    async fn new_client(&mut self, target: ReplicaId, node: &BasicNode) -> PeerConnection {
        let url = self.url(target, Some(node)).unwrap_or_default();
        PeerConnection::new(target, url, self.clone())
    }
}

/// The client of one other replica.
pub(crate) struct PeerConnection {
    id: ReplicaId,
    url: String,
    peers: Peers,
    /// When the replica last accepted a message of this connection.
    accepted_at: Option<Instant>,
    /// The last committed entry that openraft had this connection tell.
    committed: Option<LogId>,
    /// The task that tells it, unless a message of openraft does so before.
    notice: Option<AbortHandle>,
}

impl PeerConnection {
    fn new(id: ReplicaId, url: String, peers: Peers) -> Self {
        Self {
            id,
            url,
            peers,
            accepted_at: None,
            committed: None,
            notice: None,
        }
    }

    /// Whether a message only tells the replica that more entries are committed, and can wait.
    ///
    /// openraft sends one after each commit, and the next entries wait for its answer. They tell the same. The answer that
    /// openraft gets instead is one that the replica gave a moment ago, so it still learns in time that the replica is gone.
    fn can_wait(&mut self, rpc: &AppendEntriesRequest<Types>) -> bool {
        let tells_commit = rpc.leader_commit > self.committed;
        self.committed = self.committed.max(rpc.leader_commit);
        rpc.entries.is_empty() && tells_commit && self.accepted_at.is_some_and(|at| at.elapsed() < self.recent())
    }

    /// Sends a message soon, unless this connection sends another one before.
    fn send_later(&mut self, rpc: AppendEntriesRequest<Types>) {
        let (url, peers) = (self.url.clone(), self.peers.clone());
        let soon = peers.settings.heartbeat / 10;
        let notice = tokio::spawn(async move {
            tokio::time::sleep(soon).await;
            let answer =
                peers.post::<_, AppendEntriesResponse<ReplicaId>>(&url, APPEND, &rpc, peers.settings.heartbeat);
            if let Err(error) = answer.await {
                tracing::debug!(%error, "a replica does not learn what is committed");
            }
        });
        self.notice = Some(notice.abort_handle());
    }

    /// Sends a message, unless its entries were sent early. Then this waits for the answer to those.
    async fn send(&self, rpc: &AppendEntriesRequest<Types>, timeout: Duration) -> Answered {
        if let Some(early) = self.peers.followers.take_early(self.id, rpc)
            && let Ok(answered) = early.await
            // An older answer would not show that the replica is there.
            && answered.at.elapsed() < self.recent()
        {
            return answered;
        }
        let answer = self.peers.post(&self.url, APPEND, rpc, timeout).await;
        let at = Instant::now();
        Answered { answer, at }
    }

    /// How long an answer shows that the replica is there.
    fn recent(&self) -> Duration {
        self.peers.settings.heartbeat / 4
    }
}

impl Drop for PeerConnection {
    fn drop(&mut self) {
        if self.accepted_at.is_some() {
            self.peers.followers.remove(self.id);
        }
    }
}

type RpcError = RPCError<ReplicaId, BasicNode, RaftError<ReplicaId>>;

impl RaftNetwork<Types> for PeerConnection {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<ReplicaId>, RpcError> {
        if let Some(notice) = self.notice.take() {
            notice.abort();
        }
        if self.can_wait(&rpc) {
            self.send_later(rpc);
            return Ok(AppendEntriesResponse::Success);
        }
        let Answered { answer, at } = self.send(&rpc, option.hard_ttl()).await;
        if matches!(answer, Ok(AppendEntriesResponse::Success)) {
            self.accepted_at = Some(at);
            let matching = rpc.entries.last().map(|entry| entry.log_id).or(rpc.prev_log_id);
            self.peers
                .followers
                .record_match(self.id, &self.url, rpc.vote, matching);
        } else {
            self.accepted_at = None;
            self.peers.followers.remove(self.id);
        }
        answer.map_err(|error| unreachable_error(&error).into())
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<ReplicaId>,
        option: RPCOption,
    ) -> Result<VoteResponse<ReplicaId>, RpcError> {
        let answer = self.peers.post(&self.url, VOTE, &rpc, option.hard_ttl()).await;
        answer.map_err(|error| unreachable_error(&error).into())
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<Types>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<ReplicaId>, StreamingError<Types, Fatal<ReplicaId>>> {
        let head = SnapshotHead {
            vote,
            meta: snapshot.meta,
        };
        let (chunks, written) = mpsc::channel(4);
        let data = *snapshot.snapshot;
        tokio::task::spawn_blocking(move || {
            if let Err(error) = write_lines(&head, data, &chunks) {
                tracing::warn!(%error, "a snapshot was interrupted");
                let _ = chunks.blocking_send(Err(std::io::Error::other(error)));
            }
        });
        let body = futures_util::stream::unfold(written, async |mut written| {
            written.recv().await.map(|chunk| (chunk, written))
        });
        let request = self.peers.http.post(format!("{}{SNAPSHOT}", self.url));
        let request = request.body(Body::wrap_stream(body));
        let sent = self.peers.send_json(request, self.peers.settings.snapshot_timeout);
        tokio::select! {
            closed = cancel => Err(closed.into()),
            // The peer follows a newer leader, which makes this snapshot obsolete.
            vote = self.send_heartbeats(vote) => Ok(SnapshotResponse { vote }),
            answer = sent => answer.map_err(|error| unreachable_error(&error).into()),
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(self.peers.settings.heartbeat))
    }
}

impl PeerConnection {
    /// Sends heartbeats at the usual rate, and returns when the peer follows another leader.
    ///
    /// openraft sends no heartbeats during a snapshot. Without them the receiver would consider the leader dead, start
    /// an election and reject the snapshot. A leader that needs this replica for its majority would also consider
    /// itself cut off.
    async fn send_heartbeats(&self, vote: Vote) -> Vote {
        let heartbeat = self.peers.settings.heartbeat;
        let leads = AppendEntriesRequest::<Types> {
            vote,
            prev_log_id: None,
            entries: Vec::new(),
            leader_commit: None,
        };
        loop {
            match self.peers.post(&self.url, APPEND, &leads, heartbeat).await {
                Ok(AppendEntriesResponse::HigherVote(vote)) => return vote,
                Ok(_) => {
                    let mut last = self
                        .peers
                        .snapshot_heartbeat
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    *last = Some(Instant::now());
                }
                Err(error) => tracing::debug!(%error, "no answer to a heartbeat during a snapshot"),
            }
            tokio::time::sleep(heartbeat).await;
        }
    }
}

/// About how many bytes of a snapshot are sent at once.
pub(crate) const CHUNK: usize = 64 << 10;

fn write_lines(
    head: &SnapshotHead,
    data: SnapshotData,
    chunks: &mpsc::Sender<std::io::Result<Vec<u8>>>,
) -> Result<(), StoreError> {
    let mut chunk = serde_json::to_vec(head)?;
    chunk.push(b'\n');
    let send = |chunk: Vec<u8>| chunks.blocking_send(Ok(chunk)).map_err(|_| StoreError::Closed);
    data.for_each_line(&mut |line| {
        serde_json::to_writer(&mut chunk, &line)?;
        chunk.push(b'\n');
        match chunk.len() {
            CHUNK.. => send(std::mem::take(&mut chunk)),
            _ => Ok(()),
        }
    })?;
    send(chunk)
}

fn unreachable_error(error: &PeerError) -> Unreachable {
    Unreachable::from(AnyError::new(error))
}

#[cfg(test)]
mod tests;
