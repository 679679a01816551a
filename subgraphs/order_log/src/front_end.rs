//! What stands in front of the replicas: it knows who leads, looks for it again when it fails, and asks until it is answered.

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

/// The way of a service to the replicas. Clones share what they know; nothing has to be run beside it.
#[derive(Clone)]
pub struct FrontEnd {
    inner: Arc<Inner>,
}

struct Inner {
    peers: Peers,
    urls: BTreeMap<ReplicaId, String>,
    settings: Arc<Settings>,
    known: watch::Sender<Known>,
    /// When a majority followed the leader last, as far as was heard.
    heard: Mutex<Instant>,
    /// Places for requests that wait.
    places: Arc<Semaphore>,
}

impl FrontEnd {
    /// In front of the replicas at these base addresses. Asks nobody yet.
    ///
    /// # Errors
    /// When there is no replica, or an address is none.
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
                // Replicas that start with their server may take as long as an answer may.
                heard: Mutex::new(
                    (Instant::now() + answer_within)
                        .checked_sub(leaderless_within)
                        .unwrap_or_else(Instant::now),
                ),
                places,
            }),
        })
    }

    /// Waits until a majority is known to follow a leader at this moment, or a short while ago.
    ///
    /// # Errors
    /// `NoLeader` when there is none until then, or there was none for a while and no majority answers.
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

    /// A place among the requests that may wait for the replicas at once; whoever waits holds one.
    ///
    /// # Errors
    /// `NoLeader` when all places are taken.
    pub fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        let permit = Arc::clone(&self.inner.places).try_acquire_owned();
        permit.map_err(|_| Error::NoLeader)
    }

    /// Has commands decided, as one entry of the log: all of them, in this order. Answered when a majority has them on
    /// its disks. It asks the leader, follows to whom a replica names, and sends again until then.
    ///
    /// What is sent again may be decided twice: each command has to be one for which that is no harm, as it is for a record
    /// under the same key.
    ///
    /// # Errors
    /// `Refused` for what the log cannot hold and for more than `batch_max` commands; `NoLeader` when nobody was asked, and
    /// `Unavailable` when nobody knows whether it was done.
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
                // Somebody was asked before.
                Err(Error::NoLeader) if failed_before => return Err(Error::Unavailable),
                leader => leader?,
            };
            let within = Commit::within(self.settings()).min(left(until));
            let answer = self.inner.peers.post(&leader.url, Commit::PATH, &task, within);
            let answer = tokio::select! {
                answer = answer => answer,
                // Whoever was asked may be stopped or cut off: somebody found out first.
                () = self.is_found_no_more(found) => Err(PeerError::Unreachable("it leads no longer".to_owned())),
            };
            match answer {
                Ok(outcomes) if Vec::len(&outcomes) == commands.len() => {
                    self.heard();
                    return Ok(outcomes);
                }
                Err(PeerError::Refused(why)) => return Err(Error::Refused(why)),
                // Two that name each other must not be asked in turns for ever.
                Err(PeerError::NotLeader(Some(named))) if !followed && named.id != leader.id => {
                    followed = true;
                    self.follow(found, named);
                    continue;
                }
                Ok(_) => tracing::warn!(leader = leader.id, "the leader did not answer each command"),
                Err(error) => tracing::debug!(%error, leader = leader.id, "the leader did not do it"),
            }
            self.failed(found);
            // The first time, another one is looked for at once; what goes on failing is not asked all the time.
            if failed_before {
                self.pause(until).await;
                followed = false;
            }
            failed_before = true;
        }
    }

    /// The order of that number. Never misses one that anybody was told; one that is there, any live replica tells.
    ///
    /// # Errors
    /// `Unavailable` when no live replica has it and no majority says until then whether it is anywhere.
    pub async fn order(&self, number: i64, until: Instant) -> Result<Option<ExchangeOrder>, Error> {
        let _permit = self.permit()?;
        self.read(&format!("{ORDER}/{number}"), until).await
    }

    /// The orders after a number, whole and without gaps; not older than what anybody was answered before. As many as
    /// fit into an answer: who wants more asks again, until there are none.
    ///
    /// # Errors
    /// `Unavailable` when no majority says until then which they are.
    pub async fn since(&self, last: i64, until: Instant) -> Result<Vec<ExchangeOrder>, Error> {
        self.read(&format!("{ORDERS_AFTER}/{last}"), until).await
    }

    /// Every replica by id; those that do not answer are not alive.
    pub async fn statuses(&self) -> Vec<Status> {
        let within = self.settings().ping_within;
        let asked = self.inner.urls.iter().map(async |(id, url)| {
            let answer = self.inner.peers.get::<Status>(base(url), STATUS, within).await;
            // What answers under another id is not this replica.
            answer
                .ok()
                .filter(|status| status.id == *id)
                .unwrap_or(Status::of_dead(*id))
        });
        let mut statuses = join_all(asked).await;
        // One that was deposed while it could not be told still takes itself for the leader.
        let leaders = statuses.iter().filter(|status| status.leader);
        let term = leaders.map(|status| status.term).max();
        for status in &mut statuses {
            status.leader &= Some(status.term) == term;
        }
        statuses
    }

    /// Asks that replica to lead and tells the others. Answers who really leads: a working leader goes on.
    ///
    /// # Errors
    /// `Refused` for a replica that is not known here, `Unavailable` when nobody leads until then.
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

    /// Who leads, as far as is known.
    pub fn leader(&self) -> Option<ReplicaId> {
        self.inner.known.borrow().leader.as_ref().map(|leader| leader.id)
    }

    /// The base address of every replica, as given.
    pub fn urls(&self) -> &BTreeMap<ReplicaId, String> {
        &self.inner.urls
    }

    /// The bounds and times that it keeps to.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Asks the leader, if one is known; if that one is slow, everybody, and the first that knows answers.
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
            // One that lives may have it, and says so at once; without a majority none can say that nobody does.
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

    /// Waits for a heartbeat: what goes on failing is not asked all the time.
    async fn pause(&self, until: Instant) {
        let pause = Instant::now() + self.settings().heartbeat;
        tokio::time::sleep_until(pause.min(until)).await;
    }

    /// The address of a replica by our settings, which come before what the log says.
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
