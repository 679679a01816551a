//! Durable writes per second: `Db` with and without grouping, beside plain rusqlite with the same pragmas, in one
//! run on one disk. `cargo bench -p contract --bench durable_writes [-- FOLDER]`; figures in docs/PERFORMANCE.md.
//!
//! Every way inserts the same row, by key, into the same table, and counts a write when its commit has returned.
//! The ways take turns in short rounds, so that a disk that changes its mind changes it for all of them.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use contract::{Db, DbOptions};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

const ROUND: Duration = Duration::from_millis(700);
const ROUNDS: usize = 5;

const TABLE: &str = "CREATE TABLE entry (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, body TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO entry (id, owner, body) VALUES (?, ?, ?)";
const BODY: &str = "a line of text, about as long as a short message between two people is";

/// One way to write, with what it wrote in each round.
struct Way {
    name: &'static str,
    writers: usize,
    run: Run,
    rounds: Vec<Round>,
}

enum Run {
    Db(Db),
    Rusqlite {
        connection: rusqlite::Connection,
        group: usize,
    },
}

struct Round {
    writes_per_second: f64,
    writes_per_commit: f64,
}

fn main() {
    // `cargo bench` says so; `cargo test --all-targets` only wants to see that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let disk = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let disk = disk.unwrap_or_else(|| option_env!("CARGO_TARGET_TMPDIR").unwrap_or(".").to_owned());
    let folder = tempfile::tempdir_in(disk).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut ways = Vec::new();
    for (name, writers, group) in [
        ("Db, a commit each", 1, 1),
        ("Db, a commit each", 16, 1),
        ("Db, a commit each", 64, 1),
        ("Db, grouped", 1, 128),
        ("Db, grouped", 16, 128),
        ("Db, grouped", 64, 128),
        ("Db, grouped", 256, 128),
    ] {
        let path = folder.path().join(format!("db-{}.db", ways.len()));
        let db = runtime.block_on(open(&path, group));
        ways.push(Way::new(name, writers, Run::Db(db)));
    }
    for (name, group) in [
        ("rusqlite, a commit each", 1),
        ("rusqlite, 16 a commit", 16),
        ("rusqlite, 64 a commit", 64),
    ] {
        let connection = rusqlite(&folder.path().join(format!("rusqlite-{group}.db")));
        ways.push(Way::new(name, 1, Run::Rusqlite { connection, group }));
    }
    let next = Arc::new(AtomicI64::new(1));
    // The first round warms the disk and the statement caches up, and does not count.
    for round in 0..=ROUNDS {
        for way in &mut ways {
            let done = match &mut way.run {
                Run::Db(db) => runtime.block_on(write_through(db, way.writers, &next)),
                Run::Rusqlite { connection, group } => write_plainly(connection, *group, &next),
            };
            if round > 0 {
                way.rounds.push(done);
            }
        }
    }
    print(&ways, fsyncs_per_second(folder.path()));
    for way in ways {
        if let Run::Db(db) = way.run {
            runtime.block_on(db.close()).unwrap();
        }
    }
}

async fn open(path: &Path, group: usize) -> Db {
    let mut options = DbOptions::at(path);
    options.group = group;
    let db = Db::open(options).await.unwrap();
    db.migrate(async |connection| connection.execute_unprepared(TABLE).await.map(drop))
        .await
        .unwrap();
    db
}

async fn write_through(db: &Db, writers: usize, next: &Arc<AtomicI64>) -> Round {
    let before = db.stats();
    let start = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers {
        let (db, next, stop, written) = (db.clone(), next.clone(), stop.clone(), written.clone());
        tasks.spawn(async move {
            while !stop.load(Relaxed) {
                let id = next.fetch_add(1, Relaxed);
                db.write(async move |tx| {
                    let values = [id.into(), (id % 1000).into(), BODY.into()];
                    let insert = Statement::from_sql_and_values(DbBackend::Sqlite, INSERT, values);
                    Ok(tx.execute_raw(insert).await.map(drop)?)
                })
                .await
                .unwrap();
                written.fetch_add(1, Relaxed);
            }
        });
    }
    tokio::time::sleep(ROUND).await;
    stop.store(true, Relaxed);
    tasks.join_all().await;
    let after = db.stats();
    let commits = after.commits - before.commits;
    Round::of(written.load(Relaxed), commits, start)
}

fn rusqlite(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                   PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;";
    connection.execute_batch(pragmas).unwrap();
    connection.execute_batch(TABLE).unwrap();
    connection
}

fn write_plainly(connection: &rusqlite::Connection, group: usize, next: &AtomicI64) -> Round {
    let (mut written, mut commits, start) = (0, 0, Instant::now());
    while start.elapsed() < ROUND {
        connection
            .prepare_cached("BEGIN IMMEDIATE")
            .unwrap()
            .execute(())
            .unwrap();
        for _ in 0..group {
            let id = next.fetch_add(1, Relaxed);
            let mut insert = connection.prepare_cached(INSERT).unwrap();
            insert.execute((id, id % 1000, BODY)).unwrap();
        }
        connection.prepare_cached("COMMIT").unwrap().execute(()).unwrap();
        written += group as u64;
        commits += 1;
    }
    Round::of(written, commits, start)
}

/// How often this disk can be waited for, with nothing else to do.
fn fsyncs_per_second(folder: &Path) -> f64 {
    use std::io::Write;
    let mut file = std::fs::File::create(folder.join("fsync")).unwrap();
    let (mut syncs, start) = (0_u32, Instant::now());
    while start.elapsed() < ROUND {
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
        syncs += 1;
    }
    f64::from(syncs) / start.elapsed().as_secs_f64()
}

impl Way {
    fn new(name: &'static str, writers: usize, run: Run) -> Self {
        let rounds = Vec::new();
        Self {
            name,
            writers,
            run,
            rounds,
        }
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        let mut values: Vec<f64> = self.rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}

impl Round {
    fn of(written: u64, commits: u64, start: Instant) -> Self {
        Self {
            writes_per_second: written as f64 / start.elapsed().as_secs_f64(),
            writes_per_commit: written as f64 / commits.max(1) as f64,
        }
    }
}

fn print(ways: &[Way], fsyncs: f64) {
    let rate = |way: &Way| way.median(|round| round.writes_per_second);
    let single = rate(&ways[0]);
    let plain = ways
        .iter()
        .find(|way| way.name == "rusqlite, a commit each")
        .map_or(f64::NAN, rate);
    println!("| way | writers | durable writes/s | writes a commit | to Db single | to rusqlite single |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for way in ways {
        let (now, shared) = (rate(way), way.median(|round| round.writes_per_commit));
        println!(
            "| {} | {} | {now:.0} | {shared:.1} | {:.2} | {:.2} |",
            way.name,
            way.writers,
            now / single,
            now / plain,
        );
    }
    println!("\n{fsyncs:.0} appends of 4 KB with fdatasync per second on the same disk; medians of {ROUNDS} rounds.");
}
