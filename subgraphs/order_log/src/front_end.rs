//! The client side of the replicas: it knows the leader, searches for it when it fails, and retries requests until
//! their deadline.

mod forward;
mod members;
mod search;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{join_all, select_ok};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use self::search::Known;
use crate::leader::{Commit, Task};
use crate::network::{Named, PeerError, Peers};
use crate::order::{Command, ExchangeOrder, Outcome, ReplicaId};
use crate::replica::{Error, OpenError, STATUS, Status};
use crate::server::{ORDER, ORDERS_AFTER};
use crate::{Credentials, Settings};

/// A service's client of the replicas. Clones share their state; it needs no background task of the caller.
#[derive(Clone)]
pub struct FrontEnd {
    inner: Arc<Inner>,
}

struct Inner {
    peers: Peers,
    urls: BTreeMap<ReplicaId, String>,
    settings: Arc<Settings>,
    known: watch::Sender<Known>,
    /// When a majority last confirmed the leader, as far as this process knows.
    heard: Mutex<Instant>,
    /// Permits for requests that wait.
    places: Arc<Semaphore>,
}

impl FrontEnd {
    /// A front end of the replicas at these base addresses. Sends no request yet.
    ///
    /// # Errors
    /// When there is no replica, or an address is not a base address.
    pub fn new(
        urls: BTreeMap<ReplicaId, String>,
        credentials: Arc<dyn Credentials>,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        if urls.is_empty() {
            return Err(OpenError::Settings("there is no replica to ask".to_owned()));
        }
        for (id, url) in &urls {
            let told = |why| OpenError::Settings(format!("the address of replica {id}: {why}"));
            let parsed = reqwest::Url::parse(url).map_err(|error| told(error.to_string()))?;
            let is_http = matches!(parsed.scheme(), "http" | "https");
            if !is_http || parsed.query().is_some() || parsed.fragment().is_some() {
                return Err(told(format!("{url} is not the base of an HTTP address")));
            }
        }
        let settings = Arc::new(settings);
        let peers = Peers::new(urls.clone(), credentials, settings.clone());
        let peers = peers.map_err(|error| OpenError::Settings(error.to_string()))?;
        let (answer_within, leaderless_within) = (settings.answer_within, settings.leaderless_within);
        let places = Arc::new(Semaphore::new(settings.waiting_max.min(Semaphore::MAX_PERMITS)));
        Ok(Self {
            inner: Arc::new(Inner {
                peers,
                urls,
                settings,
                known: watch::Sender::default(),
                // Replicas that start together with their server may need the time of an answer to elect a leader.
                heard: Mutex::new(
                    (Instant::now() + answer_within)
                        .checked_sub(leaderless_within)
                        .unwrap_or_else(Instant::now),
                ),
                places,
            }),
        })
    }

    /// Waits until a majority follows a leader, or did within the last `heard_within`.
    ///
    /// # Errors
    /// `NoLeader` when that does not happen before the deadline, or when no leader is known for a while and no majority
    /// answers.
    pub async fn ready(&self, until: Instant) -> Result<ReplicaId, Error> {
        let mut known = self.inner.known.subscribe();
        loop {
            let (leader, found) = self.leader_until(until).await?;
            if self.since_heard() <= self.settings().heard_within {
                return Ok(leader.id);
            }
            known.borrow_and_update();
            self.confirm(leader, found);
            let confirmed = tokio::time::timeout_at(until, known.changed()).await;
            confirmed.map_err(|_| Error::NoLeader)?.map_err(|_| Error::NoLeader)?;
        }
    }

    /// Returns a permit for one request that waits for the replicas; their number is bounded.
    ///
    /// # Errors
    /// `NoLeader` when all permits are taken.
    pub fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.inner.places).try_acquire_owned();
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
    pub async fn commit(&self, commands: &[Command], until: Instant) -> Result<Vec<Outcome>, Error> {
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
        let (mut failed_before, mut followed) = (false, false);
        loop {
            let (leader, found) = match self.leader_until(until).await {
                // An earlier attempt may have reached a leader.
                Err(Error::NoLeader) if failed_before => return Err(Error::Unavailable),
                leader => leader?,
            };
            let within = Commit::within(self.settings()).min(left(until));
            let answer = self.inner.peers.post(&leader.url, Commit::PATH, &task, within);
            let answer = tokio::select! {
                answer = answer => answer,
                // That leader may be stopped or cut off. Another request found that out first.
                () = self.is_found_no_more(found) => Err(PeerError::Unreachable("it leads no longer".to_owned())),
            };
            match answer {
                Ok(outcomes) if Vec::len(&outcomes) == commands.len() => {
                    self.heard();
                    return Ok(outcomes);
                }
                Err(PeerError::Refused(why)) => return Err(Error::Refused(why)),
                // Follows one name per attempt: two replicas that name each other must not be asked in turns for ever.
                Err(PeerError::NotLeader(Some(named))) if !followed && named.id != leader.id => {
                    followed = true;
                    self.follow(found, named);
                    continue;
                }
                Ok(_) => tracing::warn!(leader = leader.id, "the leader left commands unanswered"),
                Err(error) => tracing::debug!(%error, leader = leader.id, "the leader did not confirm the commands"),
            }
            self.failed(found);
            // After the first failure it searches at once; after further failures it waits between the attempts.
            if failed_before {
                self.pause(until).await;
                followed = false;
            }
            failed_before = true;
        }
    }

    /// The order with this number. It never misses an order whose number a client received. Any live replica that has
    /// the order returns it.
    ///
    /// # Errors
    /// `Unavailable` when no live replica has the order and no majority says before the deadline whether it exists.
    pub async fn order(&self, number: i64, until: Instant) -> Result<Option<ExchangeOrder>, Error> {
        let _permit = self.permit()?;
        self.read(&format!("{ORDER}/{number}"), until).await
    }

    /// The complete orders after a number, without gaps: at least all that were acknowledged before the call. As many
    /// as fit into an answer; the caller asks again until there are none.
    ///
    /// # Errors
    /// `Unavailable` when no majority answers before the deadline.
    pub async fn since(&self, last: i64, until: Instant) -> Result<Vec<ExchangeOrder>, Error> {
        self.read(&format!("{ORDERS_AFTER}/{last}"), until).await
    }

    /// The status of every replica, by id. A replica that does not answer is not alive.
    pub async fn statuses(&self) -> Vec<Status> {
        let within = self.settings().ping_within;
        let asked = self.inner.urls.iter().map(async |(id, url)| {
            let answer = self.inner.peers.get::<Status>(base(url), STATUS, within).await;
            // An answer with another id comes from another replica.
            answer
                .ok()
                .filter(|status| status.id == *id)
                .unwrap_or(Status::of_dead(*id))
        });
        let mut statuses = join_all(asked).await;
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
    pub async fn propose_leader(&self, id: ReplicaId, until: Instant) -> Result<ReplicaId, Error> {
        if !self.inner.urls.contains_key(&id) {
            return Err(Error::Refused(format!("there is no replica {id}")));
        }
        let _permit = self.permit()?;
        let told: Vec<_> = self.inner.urls.keys().copied().collect();
        loop {
            let leader = tokio::time::timeout_at(until, self.broadcast(id, &told)).await;
            if let Some(leader) = leader.map_err(|_| Error::Unavailable)? {
                let id = leader.id;
                self.found(leader);
                return Ok(id);
            }
            self.pause(until).await;
        }
    }

    /// The leader, if one is known.
    pub fn leader(&self) -> Option<ReplicaId> {
        self.inner.known.borrow().leader.as_ref().map(|leader| leader.id)
    }

    /// The base address of every replica, as configured.
    pub fn urls(&self) -> &BTreeMap<ReplicaId, String> {
        &self.inner.urls
    }

    /// Its limits and timeouts.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Asks the leader, if one is known. If it fails or is slow, asks all replicas and returns the first answer.
    async fn read<T: DeserializeOwned>(&self, path: &str, until: Instant) -> Result<T, Error> {
        let settings = self.settings();
        let get = |url: String, within: Duration| async move {
            let within = within.min(left(until));
            self.inner.peers.get::<T>(&url, path, within).await
        };
        loop {
            if let Some((leader, found)) = self.leader_now() {
                match get(leader.url, settings.ping_within).await {
                    Ok(answer) => return Ok(answer),
                    Err(_) => self.failed(found),
                }
            }
            self.search();
            let urls = self.inner.urls.values();
            // A live replica that has the order answers at once; without a majority no replica can say that an order
            // does not exist.
            let within = match self.is_lost() {
                true => settings.ping_within,
                false => settings.answer_within,
            };
            let asked = urls.map(|url| get(base(url).to_owned(), within).boxed());
            match select_ok(asked).await {
                Ok((answer, _)) => return Ok(answer),
                Err(error) => tracing::debug!(%error, path, "no replica answers"),
            }
            if Instant::now() >= until || self.is_lost() {
                return Err(Error::Unavailable);
            }
            self.pause(until).await;
        }
    }

    /// Waits for one heartbeat, to space out retries.
    async fn pause(&self, until: Instant) {
        let pause = Instant::now() + self.settings().heartbeat;
        tokio::time::sleep_until(pause.min(until)).await;
    }

    /// The replica with the address of our settings, which take precedence over the log's.
    fn place(&self, named: Named) -> Named {
        match self.inner.urls.get(&named.id) {
            Some(url) => Named {
                id: named.id,
                url: base(url).to_owned(),
            },
            None => named,
        }
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Paths begin with a slash, so an address must not end with one.
fn base(url: &str) -> &str {
    url.trim_end_matches('/')
}
