//! The settings of the order service: the addresses of its replicas, and their limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use contract::{StringList, settings};
use order_log::ReplicaId;
use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// The most replicas that one process starts: with more, each order only waits for more disks.
const OWN_REPLICAS_MAX: u64 = 9;

settings! {
    /// The locations of the order service's replicas.
    OrderServiceSettings with flags OrderFlags under "Order service" {
        /// Replicas of the order service. Without any, the trades are a table of the main database. With a number, this process starts
        /// them; a list `1=http://10.0.0.1:4100,2=http://10.0.0.2:4100` names those that run elsewhere.
        order_replicas: OrderReplicas = OrderReplicas::None,
        /// A file (mode 0600) with the secret that the replicas and this process share, at least 32 characters. Without a file, replicas
        /// that this process starts get a random secret, in the data folder.
        order_credential: PathBuf = PathBuf::new(),
    }
}

settings! {
    /// The limits of a replica of the order service, and of its clients.
    ReplicaSettings with flags ReplicaFlags under "Order replicas" {
        /// Milliseconds between two heartbeats of a leader; a message to another replica may take as long.
        order_heartbeat_ms: u64 = 250,
        /// Milliseconds without a heartbeat until the others start an election; each waits a random time up to twice this.
        order_election_ms: u64 = 1_000,
        /// Entries after which the log is compacted: applied entries are deleted.
        order_compact_after: u64 = 5_000,
        /// Applied entries that a compaction keeps, so that a replica that was away for a moment needs no snapshot.
        order_entries_kept: u64 = 1_000,
        /// Orders in one entry of the log, which is one write to each disk.
        order_batch_max: usize = 256,
        /// Orders that wait for the next entry.
        order_proposals_waiting_max: usize = 4_096,
        /// Milliseconds that the leader has for one entry before the request is sent again, to it or to a new leader.
        order_commit_ms_max: u64 = 2_000,
        /// Milliseconds that a trade waits for a majority before it fails and may be tried again.
        order_answer_ms_max: u64 = 10_000,
        /// Milliseconds for which a majority's confirmation of its leader is valid: a later trade asks again before it is executed.
        order_heard_ms: u64 = 100,
        /// Milliseconds without a leader, and without a majority that answers, after which trades are refused at once.
        order_leaderless_ms_max: u64 = 1_000,
        /// Milliseconds that a trade without an idempotency key waits for its outcome, once the leader received it and a majority is lost.
        order_outcome_ms_max: u64 = 600_000,
        /// Requests that wait for the replicas; one more is answered 503. Less than `requests_max`, which leaves room for other systems.
        order_waiting_max: usize = 512,
        /// Numbers of trades that are answered and missing from the main database; with as many, further trades wait.
        order_unwritten_max: usize = 4_096,
        /// Milliseconds after which a number is written into the main database, if no other write takes it along.
        order_write_back_ms: u64 = 20,
        /// Milliseconds between two searches of a leader for orphaned reservations.
        order_settle_ms: u64 = 2_000,
        /// Reservations that a leader reads in one pass.
        order_settle_rows_max: usize = 1_000,
        /// Milliseconds for connecting to a replica.
        order_connect_ms_max: u64 = 1_000,
        /// Milliseconds that a replica has to report its status.
        order_ping_ms_max: u64 = 1_000,
        /// Milliseconds that the transfer of a snapshot may take.
        order_snapshot_ms_max: u64 = 600_000,
        /// Bytes of a snapshot.
        order_snapshot_bytes_max: u64 = 16 << 30,
        /// The approximate bytes of log that one message sends.
        order_append_bytes: usize = 1 << 20,
        /// Bytes of a message between replicas, except snapshots.
        order_message_bytes_max: usize = 16 << 20,
        /// Statements in the queue for a replica's file.
        order_store_queue_max: usize = 1_024,
        /// Milliseconds until this process restarts a replica of its own that has ended.
        order_restart_ms: u64 = 500,
        /// The longest such wait in milliseconds: the wait doubles each time that a replica exits by itself.
        order_restart_ms_max: u64 = 60_000,
    }
}

impl ReplicaSettings {
    /// Returns the settings of a replica and of its clients, within the limits of every request.
    pub fn order_log(&self, limits: &Limits) -> order_log::OrderLogSettings {
        let ms = Duration::from_millis;
        order_log::OrderLogSettings {
            heartbeat: ms(self.order_heartbeat_ms),
            election_timeout: ms(self.order_election_ms),
            compact_after: self.order_compact_after,
            entries_kept: self.order_entries_kept,
            batch_max: self.order_batch_max,
            proposals_waiting_max: self.order_proposals_waiting_max,
            commit_timeout: ms(self.order_commit_ms_max),
            answer_timeout: ms(self.order_answer_ms_max),
            confirmation_age_max: ms(self.order_heard_ms),
            leaderless_grace: ms(self.order_leaderless_ms_max),
            outcome_timeout: ms(self.order_outcome_ms_max),
            waiting_max: self.order_waiting_max,
            unwritten_max: self.order_unwritten_max,
            write_back_delay: ms(self.order_write_back_ms),
            orphan_scan_interval: ms(self.order_settle_ms),
            orphan_scan_rows_max: self.order_settle_rows_max,
            connect_timeout: ms(self.order_connect_ms_max),
            ping_timeout: ms(self.order_ping_ms_max),
            snapshot_timeout: ms(self.order_snapshot_ms_max),
            snapshot_bytes_max: self.order_snapshot_bytes_max,
            append_bytes: self.order_append_bytes,
            message_bytes_max: self.order_message_bytes_max,
            body_bytes_max: limits.body_bytes_max,
            body_timeout: limits.request_time_max(),
            sync_rows_max: limits.rest_rows_max,
            store_queue: self.order_store_queue_max,
        }
    }
}

/// The location of the order service's replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NumberOrWords", into = "Vec<String>")]
pub enum OrderReplicas {
    /// No replicas: the log is a table of the main database.
    #[default]
    None,
    /// This number of processes, which this process starts.
    OwnProcesses(u64),
    /// Processes that an operator starts separately.
    External(BTreeMap<ReplicaId, String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrWords {
    Number(u64),
    StringList(StringList),
}

impl TryFrom<NumberOrWords> for OrderReplicas {
    type Error = String;

    fn try_from(set: NumberOrWords) -> Result<Self, String> {
        let words = match set {
            NumberOrWords::Number(number) => return Self::own_processes(number),
            NumberOrWords::StringList(words) => words,
        };
        let words: Vec<&str> = words.split().collect();
        match words[..] {
            [] => Ok(Self::None),
            [one] if !one.contains('=') => match one.parse() {
                Ok(number) => Self::own_processes(number),
                Err(_) => Err(format!(
                    "`{one}` is neither a number nor a list such as 1=http://10.0.0.1:4100"
                )),
            },
            _ => {
                let urls: Result<Vec<ReplicaUrl>, String> = words.into_iter().map(str::parse).collect();
                urls_by_id(urls?).map(Self::External)
            }
        }
    }
}

impl OrderReplicas {
    /// Returns the ids of the replicas.
    pub fn ids(&self) -> Vec<ReplicaId> {
        match self {
            Self::None => Vec::new(),
            Self::OwnProcesses(number) => (1..=*number).collect(),
            Self::External(urls) => urls.keys().copied().collect(),
        }
    }

    fn own_processes(number: u64) -> Result<Self, String> {
        match number {
            1..=OWN_REPLICAS_MAX => Ok(Self::OwnProcesses(number)),
            _ => Err(format!("{number} replicas are not between 1 and {OWN_REPLICAS_MAX}")),
        }
    }
}

impl std::str::FromStr for OrderReplicas {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(NumberOrWords::StringList(StringList::One(text.to_owned())))
    }
}

impl From<OrderReplicas> for Vec<String> {
    fn from(replicas: OrderReplicas) -> Self {
        match replicas {
            OrderReplicas::None => Self::new(),
            OrderReplicas::OwnProcesses(number) => vec![number.to_string()],
            OrderReplicas::External(urls) => urls.iter().map(|(id, url)| format!("{id}={url}")).collect(),
        }
    }
}

/// The address of one replica: `1=http://10.0.0.1:4100`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaUrl {
    /// The replica's id.
    pub id: ReplicaId,
    /// The address at which the others reach it.
    pub url: String,
}

impl std::str::FromStr for ReplicaUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, url) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is not of the form ID=URL"))?;
        Ok(Self {
            id: replica_id(id)?,
            url: http_url(url)?,
        })
    }
}

/// Parses a replica's id: from 1, and at most the largest integer of the GraphQL schema.
///
/// # Errors
/// The reason why the text is not a replica's id.
pub fn replica_id(text: &str) -> Result<ReplicaId, String> {
    let id = text
        .trim()
        .parse()
        .ok()
        .filter(|id| *id >= 1 && i64::try_from(*id).is_ok());
    id.ok_or_else(|| format!("`{text}` is no replica's id: they are whole numbers from 1"))
}

/// Parses the base address of a replica or of the catalog.
///
/// # Errors
/// The reason why the text is not such an address.
pub fn http_url(text: &str) -> Result<String, String> {
    let url = text.trim().trim_end_matches('/');
    let parsed: Option<Uri> = url.parse().ok();
    let fits =
        parsed.is_some_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some() && uri.query().is_none());
    if fits {
        Ok(url.to_owned())
    } else {
        Err(format!("`{text}` is no address such as http://10.0.0.1:4100"))
    }
}

/// Collects the addresses by replica id.
///
/// # Errors
/// When an id occurs twice.
pub fn urls_by_id(urls: Vec<ReplicaUrl>) -> Result<BTreeMap<ReplicaId, String>, String> {
    let mut found = BTreeMap::new();
    for ReplicaUrl { id, url } in urls {
        if found.insert(id, url).is_some() {
            return Err(format!("replica {id} is named twice"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_none_or_a_count_or_a_list() {
        let list = "1=http://10.0.0.1:4100/, 3=http://three:80/orders";
        let urls = [(1, "http://10.0.0.1:4100"), (3, "http://three:80/orders")];
        let urls = urls.map(|(id, url)| (id, url.to_owned()));
        for (text, wanted) in [
            ("", OrderReplicas::None),
            ("3", OrderReplicas::OwnProcesses(3)),
            (list, OrderReplicas::External(BTreeMap::from(urls))),
        ] {
            let read: OrderReplicas = text.parse().unwrap();
            assert_eq!(read, wanted);
            let written = serde_json::to_value(&read).unwrap();
            assert_eq!(serde_json::from_value::<OrderReplicas>(written).unwrap(), wanted);
        }
        let number: OrderReplicas = serde_json::from_str("3").unwrap();
        assert_eq!(number, OrderReplicas::OwnProcesses(3));
    }

    #[test]
    fn an_invalid_replicas_value_is_refused_with_the_reason() {
        for (text, why) in [
            ("0", "not between 1 and 9"),
            ("10", "not between 1 and 9"),
            ("three", "neither a number nor a list"),
            ("1=https://a:1", "no address"),
            ("1=10.0.0.1:4100", "no address"),
            ("0=http://a:1", "no replica's id"),
            ("9223372036854775808=http://a:1", "no replica's id"),
            ("1=http://a:1,1=http://b:1", "replica 1 is named twice"),
            ("1=http://a:1,3", "not of the form ID=URL"),
        ] {
            let refused = text.parse::<OrderReplicas>().unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn the_defaults_match_the_log_and_the_limits() {
        let limits = Limits::default();
        let known = order_log::OrderLogSettings::default();
        let of_limits = order_log::OrderLogSettings {
            body_bytes_max: limits.body_bytes_max,
            ..known
        };
        assert_eq!(ReplicaSettings::default().order_log(&limits), of_limits);
    }
}
