//! The server in a process of its own, with users that were inserted before its start.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use agora::config::DataFolder;
use contract::{Clock, SystemClock};
use rusqlite::{Connection, params};
use serde_json::Value;

const AGORA: &str = env!("CARGO_BIN_EXE_agora");

/// A running server.
pub struct Server {
    child: Child,
    address: String,
    folder: DataFolder,
}

/// The memory of a server's process in KiB, and its processor time.
pub struct Usage {
    resident: i64,
    /// Without the pages of the program's file.
    anonymous: i64,
    pub processor_ns: f64,
}

/// The difference between two usages.
pub struct Growth {
    usage: Usage,
    parts: usize,
}

/// Returns the address that the server listens on, once its log has it.
fn address_of(log: &mut impl BufRead) -> String {
    for line in log.lines() {
        let event: Value = serde_json::from_str(&line.expect("its log")).expect("JSON");
        if event["fields"]["message"] == "ready" {
            return event["fields"]["addresses"].as_str().expect("an address").to_owned();
        }
    }
    panic!("the server did not get ready");
}

/// Returns the name of the user with that id.
pub fn username(id: usize) -> String {
    format!("user{id}")
}

impl Server {
    /// Starts a server over that folder with a user for each socket, one sender more, and a book.
    pub fn start(folder: &Path, sockets: usize) -> Self {
        let data = folder.join("data");
        let of_data = |command: &str| {
            let mut agora = Command::new(AGORA);
            agora.arg(command).arg("--data").arg(&data);
            agora
        };
        let migrated = of_data("migrate").output().expect("agora runs");
        assert!(migrated.status.success(), "{migrated:?}");
        let folder = DataFolder::new(&data);
        insert_rows(&folder.database(), sockets + 1);
        let places = (3 * sockets + 100).to_string();
        let mut child = of_data("serve")
            .args(["--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(["--log", "warn,agora::serve=info"])
            .args([
                "--connections-max",
                &places,
                "--sockets-max",
                &places,
                "--subscriptions-max",
                &places,
            ])
            .stderr(Stdio::piped())
            .spawn()
            .expect("agora starts");
        let mut log = BufReader::new(child.stderr.take().expect("its log"));
        let address = address_of(&mut log);
        // Its other end must be read, or the server could not write to it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::stderr()));
        Self { child, address, folder }
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the file of the keys that sign tokens.
    pub fn keys(&self) -> PathBuf {
        self.folder.keys()
    }

    /// Returns the present memory and the processor time since the start.
    pub fn usage(&self) -> Usage {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let rollup = std::fs::read_to_string(process.join("smaps_rollup")).unwrap_or_default();
        let kib = |name: &str| {
            let line = rollup.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
                .unwrap_or(0)
        };
        let threads = std::fs::read_dir(process.join("task")).into_iter().flatten().flatten();
        let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
        Usage {
            resident: kib("Rss:"),
            anonymous: kib("Anonymous:"),
            processor_ns: stats
                .filter_map(|stat| stat.split(' ').next()?.parse::<f64>().ok())
                .sum(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Usage {
    /// Returns the growth since `before`, which that many parts share.
    pub fn since(&self, before: &Self, parts: usize) -> Growth {
        let usage = Self {
            resident: self.resident - before.resident,
            anonymous: self.anonymous - before.anonymous,
            processor_ns: self.processor_ns - before.processor_ns,
        };
        Growth { usage, parts }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: i64| kib as f64 / 1_024.0;
        write!(
            f,
            "{:.1} MiB resident, {:.1} MiB of it without the program's file",
            mib(self.resident),
            mib(self.anonymous)
        )
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.usage.resident as f64 / self.parts as f64;
        let us = self.usage.processor_ns / 1_000.0 / self.parts as f64;
        write!(
            f,
            "{each:.2} KiB resident and {us:.0} µs of processor time each ({:.1} MiB together)",
            self.usage.resident as f64 / 1_024.0
        )
    }
}

fn insert_rows(database: &Path, users: usize) {
    let mut database = Connection::open(database).expect("the database");
    let now_us = SystemClock.now_us();
    let transaction = database.transaction().expect("a transaction");
    {
        let mut insert = transaction
            .prepare(
                "INSERT INTO account (id, username, username_key, role, admin, joined_at_us)
                 VALUES (?1, ?2, ?2, 'MEMBER', FALSE, ?3)",
            )
            .expect("the table of accounts");
        for id in 1..=users {
            insert
                .execute(params![id as i64, username(id), now_us])
                .expect("a user");
        }
    }
    transaction
        .execute(
            "INSERT INTO book (id, title, title_key, topic, topic_key, quantity, price_minor, currency, version, changed_at_us)
             VALUES (1, 'Book', 'book', 'Topic', 'topic', 1, 100, 'USD', 1, ?1)",
            [now_us],
        )
        .expect("a book");
    transaction.commit().expect("the rows");
}
