//! The settings of the order service: the addresses of its replicas, and their limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use contract::{Words, settings};
use order_log::ReplicaId;
use serde::{Deserialize, Serialize};

use crate::config::Settings;

/// The most replicas that one process starts: with more of them each order only waits for more disks.
const CHILDREN_MAX: u64 = 9;

settings! {
    /// Where the replicas of the order service are.
    Orders with flags OrderFlags under "Order service" {
        /// Replicas of the order service: none, and the trades are a table of the main database; a number of them, which this process starts itself; or a list `1=http://10.0.0.1:4100,2=http://10.0.0.2:4100` of those that run elsewhere.
        order_replicas: OrderReplicas = OrderReplicas::None,
        /// A file (mode 0600) with the secret that the replicas and this process share, at least 32 characters. Replicas that this process starts get one at random, in the data folder, if no file is named.
        order_credential: PathBuf = PathBuf::new(),
    }
}

settings! {
    /// The bounds of a replica of the order service, and of who talks to one.
    Replicas with flags ReplicaFlags under "Order replicas" {
        /// Milliseconds between two messages by which a leader says that it leads; a message to another replica may take as long.
        order_heartbeat_ms: u64 = 250,
        /// Milliseconds without such a message until the others elect; each waits a random time up to twice this.
        order_election_ms: u64 = 1_000,
        /// Entries of the log after which those that are applied are thrown away.
        order_compact_after: u64 = 5_000,
        /// Applied entries that are kept all the same, so that who was away for a moment needs no copy of the whole ledger.
        order_entries_kept: u64 = 1_000,
        /// Orders that become one entry of the log, with one write to each disk.
        order_batch_max: usize = 256,
        /// Orders that wait to become one.
        order_proposals_waiting_max: usize = 4_096,
        /// Milliseconds the leader has for one entry before it is asked again, or somebody else.
        order_commit_ms_max: u64 = 2_000,
        /// Milliseconds a trade waits for a majority before it is told to try again.
        order_answer_ms_max: u64 = 10_000,
        /// Milliseconds for which a majority's word on its leader is good: a trade that comes later asks again before it is carried out.
        order_heard_ms: u64 = 100,
        /// Milliseconds without a leader and without a majority that answers, after which trades are refused at once.
        order_leaderless_ms_max: u64 = 1_000,
        /// Milliseconds a trade without an idempotency key waits for its outcome, once the leader was told of it and a majority is lost.
        order_outcome_ms_max: u64 = 600_000,
        /// Requests that wait for the replicas at once; one more is answered 503. Less than `requests_max`, so that other systems have room.
        order_waiting_max: usize = 512,
        /// Milliseconds between a leader's looks for reservations that nobody finished.
        order_settle_ms: u64 = 2_000,
        /// Reservations that a leader looks at in one go.
        order_settle_rows_max: usize = 1_000,
        /// Milliseconds until a connection to a replica has to be made.
        order_connect_ms_max: u64 = 1_000,
        /// Milliseconds a replica has to say how it is.
        order_ping_ms_max: u64 = 1_000,
        /// Milliseconds a copy of the whole ledger may be on its way.
        order_snapshot_ms_max: u64 = 600_000,
        /// Bytes of a copy of the whole ledger.
        order_snapshot_bytes_max: u64 = 16 << 30,
        /// About how many bytes of log are sent at once.
        order_append_bytes: usize = 1 << 20,
        /// Bytes of a message between replicas, copies of the ledger aside.
        order_message_bytes_max: usize = 16 << 20,
        /// Statements that wait for a replica's file.
        order_store_queue_max: usize = 1_024,
        /// Milliseconds until a replica that this process started, and that ended, is started again.
        order_restart_ms: u64 = 500,
        /// Milliseconds that this grows to, doubled each time, while a replica ends by itself.
        order_restart_ms_max: u64 = 60_000,
    }
}

impl Settings {
    /// The settings of a replica and of its clients.
    pub fn order_log(&self) -> order_log::Settings {
        let (set, limits, ms) = (&self.replicas, &self.limits, Duration::from_millis);
        order_log::Settings {
            heartbeat: ms(set.order_heartbeat_ms),
            election: ms(set.order_election_ms),
            compact_after: set.order_compact_after,
            entries_kept: set.order_entries_kept,
            batch_max: set.order_batch_max,
            proposals_waiting_max: set.order_proposals_waiting_max,
            commit_within: ms(set.order_commit_ms_max),
            answer_within: ms(set.order_answer_ms_max),
            heard_within: ms(set.order_heard_ms),
            leaderless_within: ms(set.order_leaderless_ms_max),
            outcome_within: ms(set.order_outcome_ms_max),
            waiting_max: set.order_waiting_max,
            settle_every: ms(set.order_settle_ms),
            settle_rows_max: set.order_settle_rows_max,
            connect_within: ms(set.order_connect_ms_max),
            ping_within: ms(set.order_ping_ms_max),
            snapshot_within: ms(set.order_snapshot_ms_max),
            snapshot_bytes_max: set.order_snapshot_bytes_max,
            append_bytes: set.order_append_bytes,
            message_bytes_max: set.order_message_bytes_max,
            body_bytes_max: limits.body_bytes_max,
            body_within: limits.request_time_max(),
            sync_rows_max: limits.rest_rows_max,
            store_queue: set.order_store_queue_max,
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
    Children(u64),
    /// Processes that an operator starts separately.
    Elsewhere(BTreeMap<ReplicaId, String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrWords {
    Number(u64),
    Words(Words),
}

impl TryFrom<NumberOrWords> for OrderReplicas {
    type Error = String;

    fn try_from(set: NumberOrWords) -> Result<Self, String> {
        let words = match set {
            NumberOrWords::Number(number) => return Self::children(number),
            NumberOrWords::Words(words) => words,
        };
        let words: Vec<&str> = words.split().collect();
        match words[..] {
            [] => Ok(Self::None),
            [one] if !one.contains('=') => match one.parse() {
                Ok(number) => Self::children(number),
                Err(_) => Err(format!(
                    "`{one}` is neither a number nor a list such as 1=http://10.0.0.1:4100"
                )),
            },
            _ => {
                let urls: Result<Vec<ReplicaUrl>, String> = words.into_iter().map(str::parse).collect();
                by_id(urls?).map(Self::Elsewhere)
            }
        }
    }
}

impl OrderReplicas {
    fn children(number: u64) -> Result<Self, String> {
        match number {
            1..=CHILDREN_MAX => Ok(Self::Children(number)),
            _ => Err(format!("{number} replicas are not between 1 and {CHILDREN_MAX}")),
        }
    }
}

impl std::str::FromStr for OrderReplicas {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(NumberOrWords::Words(Words::One(text.to_owned())))
    }
}

impl From<OrderReplicas> for Vec<String> {
    fn from(replicas: OrderReplicas) -> Self {
        match replicas {
            OrderReplicas::None => Self::new(),
            OrderReplicas::Children(number) => vec![number.to_string()],
            OrderReplicas::Elsewhere(urls) => urls.iter().map(|(id, url)| format!("{id}={url}")).collect(),
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
    match fits {
        true => Ok(url.to_owned()),
        false => Err(format!("`{text}` is no address such as http://10.0.0.1:4100")),
    }
}

/// Collects the addresses by replica id.
///
/// # Errors
/// When an id occurs twice.
pub fn by_id(urls: Vec<ReplicaUrl>) -> Result<BTreeMap<ReplicaId, String>, String> {
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
    fn replicas_are_none_or_a_number_or_a_list() {
        let list = "1=http://10.0.0.1:4100/, 3=http://three:80/orders";
        let urls = [(1, "http://10.0.0.1:4100"), (3, "http://three:80/orders")];
        let urls = urls.map(|(id, url)| (id, url.to_owned()));
        for (text, wanted) in [
            ("", OrderReplicas::None),
            ("3", OrderReplicas::Children(3)),
            (list, OrderReplicas::Elsewhere(BTreeMap::from(urls))),
        ] {
            let read: OrderReplicas = text.parse().unwrap();
            assert_eq!(read, wanted);
            let written = serde_json::to_value(&read).unwrap();
            assert_eq!(serde_json::from_value::<OrderReplicas>(written).unwrap(), wanted);
        }
        let number: OrderReplicas = serde_json::from_str("3").unwrap();
        assert_eq!(number, OrderReplicas::Children(3));
    }

    #[test]
    fn what_is_neither_is_refused_with_the_reason() {
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
    fn the_defaults_are_those_of_the_log_and_of_the_limits() {
        let settings = Settings::default();
        let known = order_log::Settings::default();
        let of_limits = order_log::Settings {
            body_bytes_max: settings.limits.body_bytes_max,
            ..known
        };
        assert_eq!(settings.order_log(), of_limits);
    }
}
