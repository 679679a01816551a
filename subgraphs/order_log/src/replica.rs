//! One replica: its file, openraft, and the way to the others.

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
use crate::leader::{Change, ReadPoint};
use crate::network::Peers;
use crate::order::{Command, ExchangeOrder, Outcome, ReplicaId};
use crate::store::log::Log;
use crate::store::machine::Machine;
use crate::store::{Store, StoreError, Types};
use crate::{Credentials, Settings, admission, election, settle, unheard};

/// Why a replica did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No majority answers in time. Whether it was done nobody knows; with the same key it may be asked again.
    #[error("order service unavailable")]
    Unavailable,
    /// No leader is known, and nobody was asked: it was not done.
    #[error("order service unavailable")]
    NoLeader,
    /// It will not be done, however often it is asked.
    #[error("{0}")]
    Refused(String),
    /// The file fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a replica could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its settings.
    #[error("{0}")]
    Settings(String),
    /// openraft found something that it cannot go on from.
    #[error("the log cannot be used: {0}")]
    Log(String),
}

/// Which replica this is, and where it and the others are.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its id.
    pub id: ReplicaId,
    /// Where its file is.
    pub folder: PathBuf,
    /// The base address of every replica, of this one too.
    pub urls: BTreeMap<ReplicaId, String>,
    /// Whether it waits to be added to replicas that run already, instead of being one of the first.
    pub joins: bool,
}

/// What is passed in: keys, shares and time are somebody else's.
#[derive(Clone)]
pub struct Surroundings {
    /// How replicas know each other.
    pub credentials: Arc<dyn Credentials>,
    /// Where the shares are.
    pub catalog: Arc<dyn Catalog>,
    /// The time, in microseconds since the epoch.
    pub now_us: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// How a replica is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its id.
    pub id: ReplicaId,
    /// Whether it answers.
    pub alive: bool,
    /// Whether it has caught up since it started; before that it serves nobody.
    pub ready: bool,
    /// Whether it leads.
    pub leader: bool,
    /// The term it is in.
    pub term: u64,
    /// The number of the last order that it has applied; -1 before the first.
    pub applied: i64,
}

impl Status {
    /// Of a replica that does not answer: nothing is known of it.
    pub(crate) fn of_dead(id: ReplicaId) -> Self {
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

/// What the tasks of a replica share.
pub(crate) struct Core {
    pub(crate) id: ReplicaId,
    pub(crate) raft: Raft<Types>,
    pub(crate) store: Store,
    pub(crate) peers: Peers,
    pub(crate) settings: Arc<Settings>,
    pub(crate) around: Surroundings,
    pub(crate) takes_part: watch::Sender<bool>,
    /// Why the others refuse the file.
    pub(crate) refused: OnceLock<String>,
    /// When a leader said last that it leads.
    pub(crate) leader_heard: Mutex<Instant>,
    ready: watch::Sender<bool>,
    names: AtomicU64,
}

impl Replica {
    /// Opens a replica's file and takes part. It serves once it has caught up with the others.
    ///
    /// # Errors
    /// When the file or the settings cannot be used.
    pub async fn open(place: Place, settings: Settings, around: Surroundings) -> Result<Self, OpenError> {
        if !place.joins && !place.urls.contains_key(&place.id) {
            return Err(OpenError::Settings(format!("replica {} has no address", place.id)));
        }
        let settings = Arc::new(settings);
        let config = config(&settings).map_err(OpenError::Settings)?;
        let (id, folder, bounds) = (place.id, place.folder, settings.clone());
        let store = tokio::task::spawn_blocking(move || Store::open(&folder, id, &bounds)).await;
        let store = store.map_err(|_| StoreError::Closed)??;
        let peers = Peers::new(place.urls.clone(), around.credentials.clone(), settings.clone())
            .map_err(|error| OpenError::Settings(error.to_string()))?;
        let (log, machine) = (Log::open(store.clone()).await?, Machine { store: store.clone() });
        let raft = Raft::new(id, Arc::new(config), peers.clone(), log, machine).await;
        let raft = raft.map_err(|error| OpenError::Log(error.to_string()))?;
        let (proposals, proposed) = Proposals::new(settings.proposals_waiting_max);
        let core = Arc::new(Core {
            id,
            raft,
            store,
            peers,
            settings,
            around,
            takes_part: watch::Sender::new(false),
            refused: OnceLock::new(),
            leader_heard: Mutex::new(Instant::now()),
            ready: watch::Sender::new(false),
            names: AtomicU64::new(0),
        });
        let replica = Self {
            core,
            proposals: Arc::new(proposals),
            tasks: Arc::default(),
            stop: CancellationToken::new(),
        };
        replica.spawn(admission::run(replica.core.clone(), place.urls, place.joins));
        replica.spawn(admission::tell_reached(replica.core.clone()));
        replica.spawn(batch::run(replica.core.clone(), proposed));
        replica.spawn(catch_up(replica.core.clone()));
        replica.spawn(settle::run(replica.core.clone(), replica.proposals.clone()));
        replica.spawn(unheard::run(replica.core.clone()));
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

    /// Stops taking part and waits for what runs.
    pub async fn close(&self) {
        self.stop.cancel();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        futures_util::future::join_all(tasks).await;
        let _ = self.core.raft.shutdown().await;
    }

    /// Ends when the replica cannot take part any more: its file failed, or is not the one that it had, or it was closed.
    pub async fn stopped(&self) {
        let mut metrics = self.core.raft.metrics();
        let stopped = metrics.wait_for(|now| now.running_state.is_err()).await;
        let fatal = stopped.ok().and_then(|now| now.running_state.clone().err());
        if let Some(error) = fatal.filter(|error| !matches!(error, Fatal::Stopped)) {
            tracing::error!(%error, id = self.core.id, "the replica cannot go on");
        }
    }

    /// Why the others refuse its file, if they do.
    pub fn refused(&self) -> Option<String> {
        self.core.refused.get().cloned()
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

    /// Has a command decided by the log, here or through the leader; answered when a majority has it on its disks.
    ///
    /// # Errors
    /// `Unavailable` when no majority answers in time, `Refused` for what the log cannot hold.
    pub async fn propose(&self, command: Command) -> Result<Outcome, Error> {
        let until = Instant::now() + self.core.settings.answer_within;
        self.proposals.decide(command, until).await
    }

    /// The order with this number. Never misses one whose number somebody was told.
    ///
    /// # Errors
    /// `Unavailable` when it is not here and no majority says whether it is anywhere.
    pub async fn order(&self, number: i64) -> Result<Option<ExchangeOrder>, Error> {
        if let Some(found) = self.core.store.order(number).await? {
            return Ok(Some(found));
        }
        self.core.up_to_date(self.core.until()).await?;
        Ok(self.core.store.order(number).await?)
    }

    /// The committed orders after a number, without a gap, at most as many as the settings allow.
    ///
    /// # Errors
    /// When the file fails.
    pub async fn since(&self, last_id: i64) -> Result<Vec<ExchangeOrder>, Error> {
        Ok(self.core.store.since(last_id, self.core.settings.sync_rows_max).await?)
    }

    /// Which replica leads, as far as this one knows.
    pub fn leader(&self) -> Option<ReplicaId> {
        self.core.leader()
    }

    /// The replicas that take part.
    pub fn members(&self) -> Vec<ReplicaId> {
        self.core.members()
    }

    /// How this replica is.
    ///
    /// # Errors
    /// When the file fails.
    pub async fn status(&self) -> Result<Status, Error> {
        self.core.status().await
    }

    /// How every replica is, by id.
    ///
    /// # Errors
    /// When this one's file fails.
    pub async fn statuses(&self) -> Result<Vec<Status>, Error> {
        let all = self.core.members().into_iter().map(|id| self.core.status_of(id));
        futures_util::future::try_join_all(all).await
    }

    /// Answers who leads, when one does: that is for a majority to say. While none does, the replicas elect by themselves, as
    /// soon as the lease of the one before has run out; to ask for votes sooner could only depose it.
    ///
    /// # Errors
    /// `Unavailable` when nobody leads in time.
    pub async fn take_lead(&self) -> Result<ReplicaId, Error> {
        let until = self.core.until();
        if let Some(leader) = self.core.leader()
            && (leader == self.core.id || self.core.status_of(leader).await?.leader)
        {
            return Ok(leader);
        }
        let mut leaders = self.core.raft.server_metrics();
        let before = leaders.borrow_and_update().vote;
        // Until a vote has come in between, the leader that is known is the one that does not answer.
        let known = leaders.wait_for(|now| now.vote != before && now.current_leader.is_some());
        let known = tokio::time::timeout_at(until, known).await;
        let known = known.ok().and_then(Result::ok).and_then(|now| now.current_leader);
        known.ok_or(Error::Unavailable)
    }

    /// Lets another replica take part: first it catches up, then it votes. Ids are never used twice.
    ///
    /// # Errors
    /// `Refused` while another change is under way, `Unavailable` when it takes too long.
    pub async fn add_replica(&self, id: ReplicaId, url: &str) -> Result<(), Error> {
        self.change(Change::Add(id, url.to_owned())).await
    }

    /// Goes on without a replica.
    ///
    /// # Errors
    /// As [`Self::add_replica`].
    pub async fn remove_replica(&self, id: ReplicaId) -> Result<(), Error> {
        self.change(Change::Remove(id)).await
    }

    async fn change(&self, change: Change) -> Result<(), Error> {
        let until = Instant::now() + self.core.settings.snapshot_within;
        self.core.at_leader(&change, until).await
    }
}

impl Core {
    /// When a request that came now is told to try again.
    pub(crate) fn until(&self) -> Instant {
        Instant::now() + self.settings.answer_within
    }

    /// A name that no replica ever gives again: ids are used once, and every opening of a file is counted.
    pub(crate) fn one_of_a_kind(&self) -> String {
        let name = self.names.fetch_add(1, Ordering::Relaxed);
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

    /// Where the replicas that take part are, as the log has it.
    pub(crate) fn places(&self) -> BTreeMap<ReplicaId, String> {
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

    pub(crate) async fn status(&self) -> Result<Status, Error> {
        let applied = self.store.last_number().await?;
        let metrics = self.raft.metrics();
        let now = metrics.borrow();
        Ok(Status {
            id: self.id,
            alive: now.running_state.is_ok(),
            ready: self.is_ready(),
            leader: now.current_leader == Some(self.id),
            term: now.current_term,
            applied,
        })
    }

    pub(crate) async fn status_of(&self, id: ReplicaId) -> Result<Status, Error> {
        if id == self.id {
            return self.status().await;
        }
        let answer = match self.url(id) {
            Some(url) => self.peers.get(&url, STATUS, self.settings.ping_within).await.ok(),
            None => None,
        };
        Ok(answer.unwrap_or(Status::of_dead(id)))
    }

    /// Waits until everything is applied here that anybody was answered before this was called.
    pub(crate) async fn up_to_date(&self, until: Instant) -> Result<(), Error> {
        let Some(point) = self.at_leader(&ReadPoint, until).await? else {
            return Ok(());
        };
        let left = until.saturating_duration_since(Instant::now());
        let applied = self.raft.wait(Some(left));
        let applied = applied.applied_index_at_least(Some(point.index), "read").await;
        applied.map(|_| ()).map_err(|_| Error::Unavailable)
    }
}

/// Where a replica says how it is.
pub(crate) const STATUS: &str = "/raft/status";

/// A starting replica serves nobody before it has what the others have.
async fn catch_up(core: Arc<Core>) {
    while core.up_to_date(core.until()).await.is_err() {
        tokio::time::sleep(core.settings.heartbeat).await;
    }
    core.ready.send_replace(true);
    tracing::info!(id = core.id, "the replica has caught up");
}

/// The first replicas agree on who takes part; all of them say the same, and only the first time counts.
pub(crate) async fn initialize(raft: &Raft<Types>, urls: BTreeMap<ReplicaId, String>) -> Result<(), OpenError> {
    // openraft logs the refusal of a second time as an error.
    if raft.is_initialized().await.unwrap_or(false) {
        return Ok(());
    }
    let members: BTreeMap<_, _> = urls.into_iter().map(|(id, addr)| (id, BasicNode { addr })).collect();
    match raft.initialize(members).await {
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
        Err(error) => Err(OpenError::Settings(error.to_string())),
    }
}

fn config(settings: &Settings) -> Result<Config, String> {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let config = Config {
        cluster_name: "orders".to_owned(),
        heartbeat_interval: ms(settings.heartbeat),
        election_timeout_min: ms(settings.election),
        // The others' lease: openraft takes it from here.
        election_timeout_max: ms(settings.lease()).max(ms(settings.election) + 1),
        install_snapshot_timeout: ms(settings.snapshot_within),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(settings.compact_after),
        // Not before its others have said that the file may take part.
        enable_elect: false,
        max_in_snapshot_log_to_keep: settings.entries_kept,
        // Who lags by more than this gets a copy of the ledger, even if the entries are still there.
        replication_lag_threshold: settings.compact_after.saturating_mul(2),
        ..Config::default()
    };
    config.validate().map_err(|error| error.to_string())
}
