//! A server under attack, and the caller that keeps using it.

use std::future::Future;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tests::HttpClient;
use tokio::task::JoinSet;

use crate::server::Server;

/// The most memory that the server may hold resident during an attack.
const RESIDENT_BYTES_MAX: u64 = 300 * 1024 * 1024;
/// The kernel's limit for the server's address space. An attack that succeeds then ends the server and not the
/// machine. The limit is high, because threads and allocators reserve far more than they touch.
const ADDRESS_SPACE_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// The interval between normal queries, whether or not the previous one has been answered.
const INTERVAL: Duration = Duration::from_millis(50);
/// The time within which nine of ten normal queries must be answered, or half of a few.
const ANSWERED_WITHIN: Duration = Duration::from_millis(200);
/// Fewer normal queries than these are a few.
const FEW: usize = 20;
/// The time after which a normal query counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time after which an attack that still runs fails its test.
const ATTACK_TIME_MAX: Duration = Duration::from_secs(60);

/// A server with the demo's data in a process of its own, over a fresh folder.
pub struct Target {
    server: Server,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// The lock that lets only one attack run at a time.
static TURN: Mutex<()> = Mutex::new(());

impl Target {
    /// Starts the server.
    pub fn start() -> Self {
        Self::start_with(Server::start)
    }

    /// Starts the server that `start` makes over a data folder.
    pub fn start_with(start: impl FnOnce(&std::path::Path) -> Server) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = start(folder.path());
        let limited = Command::new("prlimit")
            .arg(format!("--pid={}", server.pid()))
            .arg(format!("--as={ADDRESS_SPACE_BYTES_MAX}"))
            .status()
            .expect("prlimit");
        assert!(limited.success());
        Self {
            server,
            folder,
            _turn: turn,
        }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Returns the size of the files in the data folder, in bytes.
    pub fn stored_bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder");
        let sizes = files.filter_map(|file| file.ok()?.metadata().ok());
        sizes.map(|metadata| metadata.len()).sum()
    }

    /// Runs an attack beside a caller that sends a normal query, and reports the caller's latencies and the server's
    /// memory.
    pub async fn attacked_by(&self, attack: impl Future<Output = ()>) -> Report {
        self.attacked(attack, &[Query::Known]).await
    }

    /// Like [`attacked_by`](Self::attacked_by), with a second caller whose every query is new to the server.
    pub async fn attacked_beside_new_queries_by(&self, attack: impl Future<Output = ()>) -> Report {
        self.attacked(attack, &[Query::Known, Query::New]).await
    }

    async fn attacked(&self, attack: impl Future<Output = ()>, sent: &[Query]) -> Report {
        let person = HttpClient::new(self.url());
        // The server plans the query and opens its connection before the attack begins.
        assert!(is_answered(&person, &Query::Known.text(0)).await);
        let mut queries = JoinSet::new();
        let ask = |queries: &mut JoinSet<_>, turn: usize| {
            for query in sent.iter().copied() {
                let person = person.clone();
                queries.spawn(async move {
                    let begun = Instant::now();
                    let is_answered = is_answered(&person, &query.text(turn)).await;
                    (query, is_answered.then(|| begun.elapsed()))
                });
            }
        };
        let mut ticks = tokio::time::interval(INTERVAL);
        let mut turn = 0;
        let attack = tokio::time::timeout(ATTACK_TIME_MAX, attack);
        tokio::pin!(attack);
        loop {
            tokio::select! {
                ended = &mut attack => {
                    ended.expect("the attack ends in time");
                    break;
                }
                _ = ticks.tick() => ask(&mut queries, turn),
            }
            turn += 1;
        }
        // A short attack ends before the first tick. The server must still answer at once.
        ask(&mut queries, turn);
        let mut report = Report {
            resident_peak_bytes: 0,
            answered: Vec::new(),
            new_answered: Vec::new(),
            unanswered: 0,
        };
        while let Some(query) = queries.join_next().await {
            match query.expect("the query") {
                (Query::Known, Some(time)) => report.answered.push(time),
                (Query::New, Some(time)) => report.new_answered.push(time),
                (_, None) => report.unanswered += 1,
            }
        }
        report.answered.sort_unstable();
        report.new_answered.sort_unstable();
        report.resident_peak_bytes = self.resident_peak_bytes();
        report
    }

    /// Returns the peak of the server's resident memory since its start, in bytes.
    pub fn resident_peak_bytes(&self) -> u64 {
        let status = PathBuf::from(format!("/proc/{}/status", self.server.pid()));
        let status = std::fs::read_to_string(status).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).expect("VmHWM");
        kib.parse::<u64>().expect("a number of KiB") * 1024
    }
}

/// The latencies and the memory that were measured during an attack.
#[derive(Debug)]
pub struct Report {
    resident_peak_bytes: u64,
    /// The latencies of normal queries, shortest first.
    answered: Vec<Duration>,
    /// The latencies of new queries, shortest first, if any were sent.
    new_answered: Vec<Duration>,
    unanswered: usize,
}

impl Report {
    /// Asserts that memory stayed bounded and normal queries were answered in time.
    pub fn assert_held(&self) {
        println!(
            "{} MiB resident at most, {} normal queries, slowest {:?}, {} new queries, slowest {:?}, {} unanswered",
            self.resident_peak_bytes / (1024 * 1024),
            self.answered.len(),
            self.answered.last(),
            self.new_answered.len(),
            self.new_answered.last(),
            self.unanswered,
        );
        assert!(self.resident_peak_bytes < RESIDENT_BYTES_MAX, "{self:?}");
        assert_eq!(self.unanswered, 0, "{self:?}");
        for times in [&self.answered, &self.new_answered] {
            // Of a few, the slowest ones may have waited for the machine instead of the server.
            let most = if times.len() < FEW {
                times.len() / 2
            } else {
                times.len() * 9 / 10
            };
            if let Some(time) = times.get(most) {
                assert!(*time < ANSWERED_WITHIN, "{time:?} in {self:?}");
            }
        }
    }
}

/// A query of a normal caller.
#[derive(Clone, Copy)]
enum Query {
    /// The same query every time.
    Known,
    /// A small query whose shape no other query has.
    New,
}

impl Query {
    fn text(self, turn: usize) -> String {
        let some_of = |fields: &[&str], turn: usize| -> String {
            let chosen = fields.iter().enumerate().filter(|(bit, _)| turn >> bit & 1 == 1);
            chosen.map(|(_, field)| format!(" {field}")).collect()
        };
        let book = ["title", "price", "quantity", "topic"];
        let user = ["username", "karma", "active", "role", "joinedAt", "displayName"];
        match self {
            Self::Known => "{ book(id: \"1\") { id title price } }".to_owned(),
            Self::New => format!(
                "{{ book(id: \"1\") {{ id{} }} user(username: \"ben\") {{ id{} }} }}",
                some_of(&book, turn),
                some_of(&user, turn >> book.len()),
            ),
        }
    }
}

async fn is_answered(person: &HttpClient, query: &str) -> bool {
    let request = person.request("POST", "/graphql");
    let query = serde_json::json!({ "query": query });
    let sent = request.json(&query).timeout(PATIENCE).send().await;
    match sent {
        Ok(response) => response.status() == 200,
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_attacks_answers_in_time() {
    let target = Target::start();
    let report = target.attacked_by(tokio::time::sleep(Duration::from_millis(500))).await;
    report.assert_held();
}
