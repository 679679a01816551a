//! A replica: its file, openraft, and the clients of the others.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use openraft::error::{Fatal, InitializeError, RaftError};
use openraft::{BasicNode, Config, Raft, RaftMetrics, SnapshotPolicy};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::batch::{self, Proposals};
use crate::catalog::Catalog;
use crate::command::{CommandOutcome, LogCommand, NumberedTrade, ReplicaId};
use crate::leader::{MembershipChange, ReadPoint};
use crate::network::Peers;
use crate::store::log::LogStore;
use crate::store::state_machine::StateMachine;
use crate::store::{Store, StoreError, Types};
use crate::{Credentials, OrderLogSettings, admission, check_quorum, election, resolve_orphans};

/// The reason why a replica did not execute a request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No majority answers in time. The outcome is unknown; the client may retry with the same key.
    #[error("order service unavailable")]
    Unavailable,
    /// No leader is known, so the request was not sent to any replica and was not executed.
    #[error("order service unavailable")]
    NoLeader,
    /// The request is invalid or conflicts with the cluster's state, so a retry does not help.
    #[error("{0}")]
    Refused(String),
    /// The replica's file cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reason why a replica could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings are invalid.
    #[error("{0}")]
    Settings(String),
    /// openraft cannot continue from this log.
    #[error("the log cannot be used: {0}")]
    Log(String),
}

/// The configuration of a replica's identity and of the cluster's addresses.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The replica's id.
    pub id: ReplicaId,
    /// The folder of its file.
    pub folder: PathBuf,
    /// The base address of every replica, including this one.
    pub urls: BTreeMap<ReplicaId, String>,
    /// Whether it waits to be added to a running cluster, instead of being one of the first replicas.
    pub joins: bool,
}

/// The dependencies that the program passes in.
#[derive(Clone)]
pub struct Dependencies {
    /// The credentials of the replicas.
    pub credentials: Arc<dyn Credentials>,
    /// The catalog of shares.
    pub catalog: Arc<dyn Catalog>,
    /// The clock, in microseconds since the epoch.
    pub now_us: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// The status of a replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its id.
    pub id: ReplicaId,
    /// Whether it answers.
    pub alive: bool,
    /// Whether it has caught up since it started; before that it serves no requests.
    pub ready: bool,
    /// Whether it leads.
    pub leader: bool,
    /// Its current term.
    pub term: u64,
    /// The number of the last trade that it applied; -1 before the first.
    pub applied: i64,
}

impl NodeStatus {
    /// The status of a replica that does not answer.
    pub(crate) fn of_unreachable(id: ReplicaId) -> Self {
        Self {
            id,
            alive: false,
            ready: false,
            leader: false,
            term: 0,
            applied: -1,
        }
    }
}

/// A replica of the order log.
#[derive(Clone)]
pub struct Replica {
    pub(crate) core: Arc<Core>,
    pub(crate) proposals: Arc<Proposals>,
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
    stop: CancellationToken,
}

/// The state that the tasks of a replica share.
pub(crate) struct Core {
    pub(crate) id: ReplicaId,
    pub(crate) raft: Raft<Types>,
    pub(crate) store: Store,
    pub(crate) peers: Peers,
    pub(crate) settings: Arc<OrderLogSettings>,
    pub(crate) dependencies: Dependencies,
    pub(crate) is_member: watch::Sender<bool>,
    /// Why the other replicas refuse this file.
    pub(crate) refusal_reason: OnceLock<String>,
    /// When a leader's last message arrived.
    pub(crate) last_heartbeat: Mutex<Instant>,
    ready: watch::Sender<bool>,
    next_unique_id: AtomicU64,
}

impl Replica {
    /// Opens a replica's file and starts its tasks. The replica serves requests once it has caught up with the others.
    ///
    /// # Errors
    /// When the file or the settings cannot be used.
    pub async fn open(
        node_config: NodeConfig,
        settings: OrderLogSettings,
        dependencies: Dependencies,
    ) -> Result<Self, SetupError> {
        if !node_config.joins && !node_config.urls.contains_key(&node_config.id) {
            return Err(SetupError::Settings(format!(
                "replica {} has no address",
                node_config.id
            )));
        }
        let settings = Arc::new(settings);
        let config = config(&settings).map_err(SetupError::Settings)?;
        let (id, folder, bounds) = (node_config.id, node_config.folder, settings.clone());
        let store = tokio::task::spawn_blocking(move || Store::open(&folder, id, &bounds)).await;
        let store = store.map_err(|_| StoreError::Closed)??;
        let peers = Peers::new(
            node_config.urls.clone(),
            dependencies.credentials.clone(),
            settings.clone(),
        )
        .map_err(|error| SetupError::Settings(error.to_string()))?;
        let (log, state_machine) = (
            LogStore::open(store.clone()).await?.with_early_appends(peers.clone()),
            StateMachine { store: store.clone() },
        );
        let raft = Raft::new(id, Arc::new(config), peers.clone(), log, state_machine).await;
        let raft = raft.map_err(|error| SetupError::Log(error.to_string()))?;
        let (proposals, proposed) = Proposals::new(settings.proposals_waiting_max);
        let core = Arc::new(Core {
            id,
            raft,
            store,
            peers,
            settings,
            dependencies,
            is_member: watch::Sender::new(false),
            refusal_reason: OnceLock::new(),
            last_heartbeat: Mutex::new(Instant::now()),
            ready: watch::Sender::new(false),
            next_unique_id: AtomicU64::new(0),
        });
        let replica = Self {
            core,
            proposals: Arc::new(proposals),
            tasks: Arc::default(),
            stop: CancellationToken::new(),
        };
        replica.spawn(admission::run(
            replica.core.clone(),
            node_config.urls,
            node_config.joins,
        ));
        replica.spawn(admission::report_progress(replica.core.clone()));
        replica.spawn(batch::run(replica.core.clone(), proposed));
        replica.spawn(catch_up(replica.core.clone()));
        replica.spawn(resolve_orphans::run(replica.core.clone(), replica.proposals.clone()));
        replica.spawn(check_quorum::run(replica.core.clone()));
        replica.spawn(election::run(replica.core.clone()));
        Ok(replica)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let task = tokio::spawn(async move {
            stop.run_until_cancelled(task).await;
        });
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Stops the replica's tasks and openraft, and waits until they have ended.
    pub async fn close(&self) {
        self.stop.cancel();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        futures_util::future::join_all(tasks).await;
        let _ = self.core.raft.shutdown().await;
    }

    /// Returns when the replica cannot continue: its file failed, the others refuse the file, or it was closed.
    pub async fn stopped(&self) {
        let mut metrics = self.core.raft.metrics();
        // Each step of openraft wakes this task, and would wake the caller with all that it waits for.
        let stopped = tokio::spawn(async move {
            let stopped = metrics.wait_for(|now| now.running_state.is_err()).await;
            stopped.ok().and_then(|now| now.running_state.clone().err())
        });
        let fatal = stopped.await.ok().flatten();
        if let Some(error) = fatal.filter(|error| !matches!(error, Fatal::Stopped)) {
            tracing::error!(%error, id = self.core.id, "the replica cannot go on");
        }
    }

    /// The reason why the others refuse its file, if they do.
    pub fn refusal_reason(&self) -> Option<String> {
        self.core.refusal_reason.get().cloned()
    }

    /// Its id.
    pub fn id(&self) -> ReplicaId {
        self.core.id
    }

    /// Whether it has caught up since it started.
    pub fn is_ready(&self) -> bool {
        self.core.is_ready()
    }

    /// Waits until it has caught up.
    pub async fn ready(&self) {
        let _ = self.core.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Commits a command, here or through the leader. Returns when a majority has it on its disks.
    ///
    /// # Errors
    /// `Unavailable` when no majority answers in time, `Refused` for a command that the log cannot hold.
    pub async fn propose(&self, command: LogCommand) -> Result<CommandOutcome, Error> {
        let deadline = Instant::now() + self.core.settings.answer_timeout;
        self.proposals.commit(command, deadline).await
    }

    /// The trade with this number. It never misses a trade whose number a client received.
    ///
    /// # Errors
    /// `Unavailable` when the trade is not here and no majority says whether it exists.
    pub async fn trade_by_number(&self, number: i64) -> Result<Option<NumberedTrade>, Error> {
        if let Some(found) = self.core.store.trade_by_number(number).await? {
            return Ok(Some(found));
        }
        self.core.ensure_linearizable(self.core.deadline()).await?;
        Ok(self.core.store.trade_by_number(number).await?)
    }

    /// The committed trades after a number, without a gap, at most as many as the settings allow.
    pub async fn trades_after(&self, last_id: i64) -> Result<Vec<NumberedTrade>, Error> {
        Ok(self
            .core
            .store
            .trades_after(last_id, self.core.settings.sync_rows_max)
            .await?)
    }

    /// Which replica leads, as far as this one knows.
    pub fn leader(&self) -> Option<ReplicaId> {
        self.core.leader()
    }

    /// The members of the cluster.
    pub fn members(&self) -> Vec<ReplicaId> {
        self.core.members()
    }

    /// The status of this replica.
    pub async fn status(&self) -> Result<NodeStatus, Error> {
        self.core.status().await
    }

    /// The status of every replica, by id.
    pub async fn statuses(&self) -> Result<Vec<NodeStatus>, Error> {
        let all = self.core.members().into_iter().map(|id| self.core.status_of(id));
        futures_util::future::try_join_all(all).await
    }

    /// Returns the leader. A majority decides which replica leads, so this forces no election. While there is no
    /// leader, the replicas elect one as soon as the lease of the previous one has expired. An earlier request for
    /// votes could only depose that one.
    ///
    /// # Errors
    /// `Unavailable` when there is no leader in time.
    pub async fn wait_for_leader(&self) -> Result<ReplicaId, Error> {
        let deadline = self.core.deadline();
        if let Some(leader) = self.core.leader()
            && (leader == self.core.id || self.core.status_of(leader).await?.leader)
        {
            return Ok(leader);
        }
        let mut leaders = self.core.raft.server_metrics();
        let before = leaders.borrow_and_update().vote;
        // Before a new vote, the known leader is the one that does not answer.
        let known = leaders.wait_for(|now| now.vote != before && now.current_leader.is_some());
        let known = tokio::time::timeout_at(deadline, known).await;
        let known = known.ok().and_then(Result::ok).and_then(|now| now.current_leader);
        known.ok_or(Error::Unavailable)
    }

    /// Adds another replica: first it catches up, then it votes. An id is never used twice.
    ///
    /// # Errors
    /// `Refused` while another change is in progress, `Unavailable` when it takes too long.
    pub async fn add_replica(&self, id: ReplicaId, url: &str) -> Result<(), Error> {
        self.change(MembershipChange::Add(id, url.to_owned())).await
    }

    /// Removes a replica.
    ///
    /// # Errors
    /// As [`Self::add_replica`].
    pub async fn remove_replica(&self, id: ReplicaId) -> Result<(), Error> {
        self.change(MembershipChange::Remove(id)).await
    }

    async fn change(&self, change: MembershipChange) -> Result<(), Error> {
        let deadline = Instant::now() + self.core.settings.snapshot_timeout;
        self.core.run_on_leader(&change, deadline).await
    }
}

impl Core {
    /// The deadline of a request that arrives now.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.settings.answer_timeout
    }

    /// A unique name that no replica ever creates again: ids are used once, and the file counts its openings.
    pub(crate) fn unique_id(&self) -> String {
        let name = self.next_unique_id.fetch_add(1, Ordering::Relaxed);
        format!("{}.{}.{name}", self.id, self.store.openings)
    }

    pub(crate) fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    pub(crate) fn leader(&self) -> Option<ReplicaId> {
        self.raft.server_metrics().borrow().current_leader
    }

    pub(crate) fn leads(&self) -> bool {
        self.leader() == Some(self.id)
    }

    pub(crate) fn members(&self) -> Vec<ReplicaId> {
        let metrics = self.raft.metrics();
        let now: &RaftMetrics<_, _> = &metrics.borrow();
        now.membership_config.nodes().map(|(id, _)| *id).collect()
    }

    /// The addresses of the members, as the log has them.
    pub(crate) fn member_urls(&self) -> BTreeMap<ReplicaId, String> {
        let metrics = self.raft.metrics();
        let now: &RaftMetrics<_, _> = &metrics.borrow();
        let nodes = now.membership_config.nodes();
        nodes.map(|(id, node)| (*id, node.addr.clone())).collect()
    }

    pub(crate) fn url(&self, id: ReplicaId) -> Option<String> {
        let metrics = self.raft.metrics();
        let membership = metrics.borrow().membership_config.clone();
        self.peers.url(id, membership.membership().get_node(&id))
    }

    pub(crate) async fn status(&self) -> Result<NodeStatus, Error> {
        let applied = self.store.last_number().await?;
        let metrics = self.raft.metrics();
        let now = metrics.borrow();
        Ok(NodeStatus {
            id: self.id,
            alive: now.running_state.is_ok(),
            ready: self.is_ready(),
            leader: now.current_leader == Some(self.id),
            term: now.current_term,
            applied,
        })
    }

    pub(crate) async fn status_of(&self, id: ReplicaId) -> Result<NodeStatus, Error> {
        if id == self.id {
            return self.status().await;
        }
        let answer = match self.url(id) {
            Some(url) => self.peers.get(&url, STATUS, self.settings.ping_timeout).await.ok(),
            None => None,
        };
        Ok(answer.unwrap_or(NodeStatus::of_unreachable(id)))
    }

    /// Waits until this replica has applied everything that was acknowledged before the call.
    pub(crate) async fn ensure_linearizable(&self, deadline: Instant) -> Result<(), Error> {
        let Some(point) = self.run_on_leader(&ReadPoint, deadline).await? else {
            return Ok(());
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let applied = self.raft.wait(Some(left));
        let applied = applied.applied_index_at_least(Some(point.index), "read").await;
        applied.map(|_| ()).map_err(|_| Error::Unavailable)
    }
}

/// The path of a replica's status.
pub(crate) const STATUS: &str = "/raft/status";

/// Marks the replica as ready once it has caught up with the others.
async fn catch_up(core: Arc<Core>) {
    while core.ensure_linearizable(core.deadline()).await.is_err() {
        tokio::time::sleep(core.settings.heartbeat).await;
    }
    core.ready.send_replace(true);
    tracing::info!(id = core.id, "the replica has caught up");
}

/// Initializes the cluster with its first members. All first replicas do so with the same members, and only the first
/// call counts.
pub(crate) async fn initialize(raft: &Raft<Types>, urls: BTreeMap<ReplicaId, String>) -> Result<(), SetupError> {
    // openraft would log the refusal of a second initialization as an error.
    if raft.is_initialized().await.unwrap_or(false) {
        return Ok(());
    }
    let members: BTreeMap<_, _> = urls.into_iter().map(|(id, addr)| (id, BasicNode { addr })).collect();
    match raft.initialize(members).await {
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
        Err(error) => Err(SetupError::Settings(error.to_string())),
    }
}

fn config(settings: &OrderLogSettings) -> Result<Config, String> {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let config = Config {
        cluster_name: "orders".to_owned(),
        heartbeat_interval: ms(settings.heartbeat),
        election_timeout_min: ms(settings.election_timeout),
        // openraft takes the lease of the other replicas from this value.
        election_timeout_max: ms(settings.lease()).max(ms(settings.election_timeout) + 1),
        install_snapshot_timeout: ms(settings.snapshot_timeout),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(settings.compact_after),
        // Elections stay disabled until the other replicas admit the file.
        enable_elect: false,
        max_in_snapshot_log_to_keep: settings.entries_kept,
        // A replica that lags by more than this gets a snapshot, even if the entries are still there.
        replication_lag_threshold: settings.compact_after.saturating_mul(2),
        ..Config::default()
    };
    config.validate().map_err(|error| error.to_string())
}
