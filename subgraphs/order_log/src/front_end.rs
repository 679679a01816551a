//! The client side of the replicas: it knows the leader, searches for it when it fails, and retries requests until
//! their deadline.

mod forward;
mod leader_discovery;
mod members;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{join_all, select_ok};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use self::leader_discovery::LeaderState;
use crate::command::{CommandOutcome, LogCommand, NumberedTrade, ReplicaId};
use crate::leader::{Commit, LeaderTask};
use crate::network::{LeaderHint, PeerError, Peers};
use crate::replica::{Error, NodeStatus, STATUS, SetupError};
use crate::server::{TRADE, TRADES_AFTER};
use crate::{Credentials, OrderLogSettings};

/// A service's client of the replicas. Clones share their state; it needs no background task of the caller.
#[derive(Clone)]
pub struct FrontEnd {
    inner: Arc<Inner>,
}

struct Inner {
    peers: Peers,
    urls: BTreeMap<ReplicaId, String>,
    settings: Arc<OrderLogSettings>,
    state: watch::Sender<LeaderState>,
    /// When a majority last confirmed the leader, as far as this process knows.
    confirmed_at: Mutex<Instant>,
    /// Permits for requests that wait.
    permits: Arc<Semaphore>,
}

impl FrontEnd {
    /// A front end of the replicas at these base addresses. Sends no request yet.
    ///
    /// # Errors
    /// When there is no replica, or an address is not a base address.
    pub fn new(
        urls: BTreeMap<ReplicaId, String>,
        credentials: Arc<dyn Credentials>,
        settings: OrderLogSettings,
    ) -> Result<Self, SetupError> {
        if urls.is_empty() {
            return Err(SetupError::Settings("there is no replica to ask".to_owned()));
        }
        for (id, url) in &urls {
            let invalid = |why| SetupError::Settings(format!("the address of replica {id}: {why}"));
            let parsed = reqwest::Url::parse(url).map_err(|error| invalid(error.to_string()))?;
            let is_http = matches!(parsed.scheme(), "http" | "https");
            if !is_http || parsed.query().is_some() || parsed.fragment().is_some() {
                return Err(invalid(format!("{url} is not the base of an HTTP address")));
            }
        }
        let settings = Arc::new(settings);
        let peers = Peers::new(urls.clone(), credentials, settings.clone());
        let peers = peers.map_err(|error| SetupError::Settings(error.to_string()))?;
        let (answer_timeout, leaderless_grace) = (settings.answer_timeout, settings.leaderless_grace);
        let permits = Arc::new(Semaphore::new(settings.waiting_max.min(Semaphore::MAX_PERMITS)));
        Ok(Self {
            inner: Arc::new(Inner {
                peers,
                urls,
                settings,
                state: watch::Sender::default(),
                // Replicas that start together with their server may need the time of an answer to elect a leader.
                confirmed_at: Mutex::new(
                    (Instant::now() + answer_timeout)
                        .checked_sub(leaderless_grace)
                        .unwrap_or_else(Instant::now),
                ),
                permits,
            }),
        })
    }

    /// Waits until a majority follows a leader, or did within the last `confirmation_age_max`.
    ///
    /// # Errors
    /// `NoLeader` when that does not happen before the deadline, or when no leader is known for a while and no majority
    /// answers.
    pub async fn ready(&self, deadline: Instant) -> Result<ReplicaId, Error> {
        let mut state = self.inner.state.subscribe();
        loop {
            let (leader, generation) = self.wait_for_leader(deadline).await?;
            if self.since_confirmation() <= self.settings().confirmation_age_max {
                return Ok(leader.id);
            }
            state.borrow_and_update();
            self.start_confirmation(leader, generation);
            let confirmed = tokio::time::timeout_at(deadline, state.changed()).await;
            confirmed.map_err(|_| Error::NoLeader)?.map_err(|_| Error::NoLeader)?;
        }
    }

    /// Returns a permit for one request that waits for the replicas; their number is bounded.
    ///
    /// # Errors
    /// `NoLeader` when all permits are taken.
    pub fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.inner.permits).try_acquire_owned();
        permit.map_err(|_| Error::NoLeader)
    }

    /// Commits commands as one entry of the log: all of them, in this order. Returns when a majority has the entry on
    /// its disks. It asks the leader, follows the leader that a replica names, and retries until the deadline.
    ///
    /// A retry may commit the commands twice. So each command has to be idempotent, as a record under the same key is.
    ///
    /// # Errors
    /// `Refused` for commands that the log cannot hold and for more than `batch_max` of them; `NoLeader` when no
    /// replica received them; `Unavailable` when it is unknown whether they were committed.
    pub async fn commit(&self, commands: &[LogCommand], deadline: Instant) -> Result<Vec<CommandOutcome>, Error> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        if commands.len() > self.settings().batch_max {
            return Err(Error::Refused("too many commands at once".to_owned()));
        }
        for command in commands {
            command.check().map_err(Error::Refused)?;
        }
        let task = Commit(commands.to_vec());
        let deposed = || PeerError::Unreachable("the replica does not lead any more".to_owned());
        let (mut failed_before, mut followed) = (false, false);
        loop {
            let (leader, generation) = match self.wait_for_leader(deadline).await {
                // An earlier attempt may have reached a leader.
                Err(Error::NoLeader) if failed_before => return Err(Error::Unavailable),
                leader => leader?,
            };
            let timeout = Commit::timeout(self.settings()).min(time_left(deadline));
            let answer = self.inner.peers.post(&leader.url, Commit::PATH, &task, timeout);
            let answer = tokio::select! {
                answer = answer => answer,
                // That leader may be stopped or cut off. Another request found that out first.
                () = self.wait_until_superseded(generation) => Err(deposed()),
            };
            match answer {
                Ok(outcomes) if Vec::len(&outcomes) == commands.len() => {
                    self.record_confirmation();
                    return Ok(outcomes);
                }
                Err(PeerError::Refused(why)) => return Err(Error::Refused(why)),
                // Follows one name per attempt: two replicas that name each other must not be asked in turns for ever.
                Err(PeerError::NotLeader(Some(hint))) if !followed && hint.id != leader.id => {
                    followed = true;
                    self.follow_hint(generation, hint);
                    continue;
                }
                Ok(_) => tracing::warn!(leader = leader.id, "the leader left commands unanswered"),
                Err(error) => tracing::debug!(%error, leader = leader.id, "the leader did not confirm the commands"),
            }
            self.drop_leader(generation);
            // After the first failure it searches at once; after further failures it waits between the attempts.
            if failed_before {
                self.pause(deadline).await;
                followed = false;
            }
            failed_before = true;
        }
    }

    /// The trade with this number. It never misses a trade whose number a client received. Any live replica that has
    /// the trade returns it.
    ///
    /// # Errors
    /// `Unavailable` when no live replica has the trade and no majority says before the deadline whether it exists.
    pub async fn trade_by_number(&self, number: i64, deadline: Instant) -> Result<Option<NumberedTrade>, Error> {
        let _permit = self.permit()?;
        self.read(&format!("{TRADE}/{number}"), deadline).await
    }

    /// The complete trades after a number, without gaps: at least all that were acknowledged before the call. As many
    /// as fit into an answer; the caller asks again until there are none.
    ///
    /// # Errors
    /// `Unavailable` when no majority answers before the deadline.
    pub async fn trades_after(&self, last: i64, deadline: Instant) -> Result<Vec<NumberedTrade>, Error> {
        self.read(&format!("{TRADES_AFTER}/{last}"), deadline).await
    }

    /// The status of every replica, by id. A replica that does not answer is not alive.
    pub async fn statuses(&self) -> Vec<NodeStatus> {
        let timeout = self.settings().ping_timeout;
        let requests = self.inner.urls.iter().map(async |(id, url)| {
            let answer = self
                .inner
                .peers
                .get::<NodeStatus>(trim_base(url), STATUS, timeout)
                .await;
            // An answer with another id comes from another replica.
            answer
                .ok()
                .filter(|status| status.id == *id)
                .unwrap_or(NodeStatus::of_unreachable(*id))
        });
        let mut statuses = join_all(requests).await;
        // A deposed leader that was not told of it still reports that it leads.
        let leaders = statuses.iter().filter(|status| status.leader);
        let term = leaders.map(|status| status.term).max();
        for status in &mut statuses {
            status.leader &= Some(status.term) == term;
        }
        statuses
    }

    /// Asks a replica to lead, tells the others, and returns the actual leader: a working leader stays in place.
    ///
    /// # Errors
    /// `Refused` for a replica that is not configured here, `Unavailable` when there is no leader before the deadline.
    pub async fn propose_leader(&self, id: ReplicaId, deadline: Instant) -> Result<ReplicaId, Error> {
        if !self.inner.urls.contains_key(&id) {
            return Err(Error::Refused(format!("there is no replica {id}")));
        }
        let _permit = self.permit()?;
        let replicas: Vec<_> = self.inner.urls.keys().copied().collect();
        loop {
            let leader = tokio::time::timeout_at(deadline, self.broadcast(id, &replicas)).await;
            if let Some(leader) = leader.map_err(|_| Error::Unavailable)? {
                let id = leader.id;
                self.set_leader(leader);
                return Ok(id);
            }
            self.pause(deadline).await;
        }
    }

    /// The leader, if one is known.
    pub fn leader(&self) -> Option<ReplicaId> {
        self.inner.state.borrow().leader.as_ref().map(|leader| leader.id)
    }

    /// The base address of every replica, as configured.
    pub fn urls(&self) -> &BTreeMap<ReplicaId, String> {
        &self.inner.urls
    }

    /// Its limits and timeouts.
    pub fn settings(&self) -> &OrderLogSettings {
        &self.inner.settings
    }

    /// Asks the leader, if one is known. If it fails or is slow, asks all replicas and returns the first answer.
    async fn read<T: DeserializeOwned>(&self, path: &str, deadline: Instant) -> Result<T, Error> {
        let settings = self.settings();
        let get = |url: String, timeout: Duration| async move {
            let timeout = timeout.min(time_left(deadline));
            self.inner.peers.get::<T>(&url, path, timeout).await
        };
        loop {
            if let Some((leader, generation)) = self.known_leader() {
                match get(leader.url, settings.ping_timeout).await {
                    Ok(answer) => return Ok(answer),
                    Err(_) => self.drop_leader(generation),
                }
            }
            self.start_discovery();
            let urls = self.inner.urls.values();
            // A live replica that has the trade answers at once; without a majority no replica can say that a trade
            // does not exist.
            let timeout = if self.is_lost() {
                settings.ping_timeout
            } else {
                settings.answer_timeout
            };
            let requests = urls.map(|url| get(trim_base(url).to_owned(), timeout).boxed());
            match select_ok(requests).await {
                Ok((answer, _)) => return Ok(answer),
                Err(error) => tracing::debug!(%error, path, "no replica answers"),
            }
            if Instant::now() >= deadline || self.is_lost() {
                return Err(Error::Unavailable);
            }
            self.pause(deadline).await;
        }
    }

    /// Waits for one heartbeat, to space out retries.
    async fn pause(&self, deadline: Instant) {
        let pause = Instant::now() + self.settings().heartbeat;
        tokio::time::sleep_until(pause.min(deadline)).await;
    }

    /// The replica with the address of our settings, which take precedence over the log's.
    fn with_configured_url(&self, hint: LeaderHint) -> LeaderHint {
        match self.inner.urls.get(&hint.id) {
            Some(url) => LeaderHint {
                id: hint.id,
                url: trim_base(url).to_owned(),
            },
            None => hint,
        }
    }
}

fn time_left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Paths begin with a slash, so an address must not end with one.
fn trim_base(url: &str) -> &str {
    url.trim_end_matches('/')
}
