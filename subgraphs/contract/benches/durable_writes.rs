//! Durable writes per second: `Db` with and without grouping, beside plain rusqlite with the same pragmas, in one
//! run on one disk. `cargo bench -p contract --bench durable_writes [-- FOLDER]`; figures in docs/PERFORMANCE.md.
//!
//! Processor time is the time of all threads of this process (Linux: `schedstat`), so it shows the cost of a write
//! regardless of the other load of the machine.
//!
//! A write is a row that is inserted by its key, or a trade: six statements on six tables, by the domains' own
//! rules. It counts when its commit has returned. The ways take turns in short rounds, so that a change in the
//! disk's speed affects all of them.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use contract::{Db, DbOptions, ExchangeTrade, InProcessBus, OrderLog, Result, TableLog, Tx};
use entities::holding::{self, ShareBucket};
use entities::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use entities::side::Side;
use entities::stock::{self, NewStock, StockRef};
use entities::user;
use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

const ROUND: Duration = Duration::from_millis(700);
const ROUNDS: usize = 5;

const TABLE: &str = "CREATE TABLE entry (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, body TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO entry (id, owner, body) VALUES (?, ?, ?)";
const BODY: &str = "a line of text, about as long as a short message between two people is";

/// The number of traders, whose ids start at 1; so do the ids of the stocks.
const TRADERS: i64 = 64;
const STOCKS: i64 = 10;
const NOW_US: i64 = 1_767_225_600_000_000;

/// The six statements of a trade in plain SQL, for rusqlite. Parameters: trader, stock and the movement before.
const TRADE: [&str; 6] = [
    "UPDATE stock SET quantity = quantity - 1, volume = volume + 1, version = version + 1
     WHERE id = ?2 AND quantity >= 1 + 0 * (?1 + ?3) RETURNING *",
    "INSERT INTO exchange_order (number, stock_id, side, quantity, price_minor, currency, trader_id, at_us)
     SELECT coalesce(max(number), -1) + 1, ?2, 'BUY', 1, 1, 'USD', ?1, ?3 FROM exchange_order RETURNING *",
    "UPDATE wallet SET balance_minor = balance_minor - 1, version = version + 1
     WHERE user_id = ?1 AND currency = 'USD' AND balance_minor >= 1 + 0 * (?2 + ?3) RETURNING *",
    "INSERT INTO ledger_movement (kind, currency, order_id, authorization_id, at_us)
     VALUES ('PURCHASE', 'USD', NULL, NULL, ?3 + 0 * (?1 + ?2)) RETURNING *",
    "INSERT INTO ledger_entry (movement_id, kind, account, wallet_id, amount_minor, balance_after_minor, at_us)
     SELECT max(id), 'PURCHASE', 'BALANCE', ?1, -1, 0, ?3 + 0 * ?2 FROM ledger_movement
     UNION ALL SELECT max(id), 'PURCHASE', 'EXCHANGE', NULL, 1, NULL, ?3 FROM ledger_movement",
    "INSERT INTO holding (user_id, stock_id, free, version) VALUES (?1, ?2, 1, 1 + 0 * ?3)
     ON CONFLICT (user_id, stock_id) DO UPDATE SET free = free + 1, version = version + 1 RETURNING *",
];

/// The kind of write.
#[derive(Clone, Copy)]
enum What {
    Row,
    Trade,
}

/// One way to write, with the results of its rounds.
struct Way {
    name: &'static str,
    writers: usize,
    run: Run,
    rounds: Vec<Round>,
}

enum Run {
    Db(Db, What),
    Rusqlite {
        connection: rusqlite::Connection,
        what: What,
        group: usize,
    },
}

struct Round {
    writes_per_second: f64,
    writes_per_commit: f64,
    processor_us: f64,
}

/// The time and the processor time at the start of a round.
struct Began {
    at: Instant,
    processor_ns: u64,
}

impl Began {
    fn now() -> Self {
        Self {
            at: Instant::now(),
            processor_ns: processor_ns(),
        }
    }
}

/// Returns the processor time of all threads of this process in nanoseconds; 0 where it is not available.
fn processor_ns() -> u64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return 0;
    };
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|schedstat| schedstat.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

fn main() {
    // `cargo bench` passes `--bench`; `cargo test --all-targets` only checks that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let disk = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let disk = disk.unwrap_or_else(|| option_env!("CARGO_TARGET_TMPDIR").unwrap_or(".").to_owned());
    let folder = tempfile::tempdir_in(disk).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut ways = Vec::new();
    for (name, writers, group, what) in [
        ("Db, a commit each", 1, 1, What::Row),
        ("Db, a commit each", 16, 1, What::Row),
        ("Db, a commit each", 64, 1, What::Row),
        ("Db, grouped", 1, 128, What::Row),
        ("Db, grouped", 16, 128, What::Row),
        ("Db, grouped", 64, 128, What::Row),
        ("Db, grouped", 256, 128, What::Row),
        ("Db, trades", 1, 128, What::Trade),
        ("Db, trades", 16, 128, What::Trade),
        ("Db, trades", 64, 128, What::Trade),
    ] {
        let path = folder.path().join(format!("db-{}.db", ways.len()));
        let db = runtime.block_on(open(&path, group));
        ways.push(Way::new(name, writers, Run::Db(db, what)));
    }
    for (name, group, what) in [
        ("rusqlite, a commit each", 1, What::Row),
        ("rusqlite, 16 a commit", 16, What::Row),
        ("rusqlite, 64 a commit", 64, What::Row),
        ("rusqlite, trades, a commit each", 1, What::Trade),
        ("rusqlite, trades, 64 a commit", 64, What::Trade),
    ] {
        let path = folder.path().join(format!("rusqlite-{}.db", ways.len()));
        let connection = runtime.block_on(rusqlite(&path));
        ways.push(Way::new(
            name,
            1,
            Run::Rusqlite {
                connection,
                what,
                group,
            },
        ));
    }
    let next = Arc::new(AtomicI64::new(1));
    // The first round warms up the disk and the statement caches, and does not count.
    for round in 0..=ROUNDS {
        for way in &mut ways {
            let done = match &mut way.run {
                Run::Db(db, what) => runtime.block_on(write_through(db, *what, way.writers, &next)),
                Run::Rusqlite {
                    connection,
                    what,
                    group,
                } => write_plainly(connection, *what, *group, &next),
            };
            if round > 0 {
                way.rounds.push(done);
            }
        }
    }
    print(&ways, fsyncs_per_second(folder.path()));
    for way in ways {
        if let Run::Db(db, _) = way.run {
            runtime.block_on(db.close()).unwrap();
        }
    }
}

/// Opens a database with the table of the rows, and all tables of a trade.
async fn open(path: &Path, group: usize) -> Db {
    let mut options = DbOptions::new(path);
    options.group = group;
    let db = Db::open(options, Arc::new(InProcessBus::new(1))).await.unwrap();
    db.migrate(async |connection| {
        connection.execute_unprepared(TABLE).await?;
        Migrator::up(connection, None).await
    })
    .await
    .unwrap();
    db.write(stocked).await.unwrap();
    db
}

async fn stocked(tx: &Tx) -> Result<()> {
    for id in 1..=STOCKS {
        let new = NewStock {
            name: format!("Company {id}"),
            price_minor: 1,
            currency: "USD".into(),
            quantity: stock::QUANTITY_MAX,
        };
        assert_eq!(stock::add(tx, new, NOW_US).await?.unwrap().id, id);
    }
    for id in 1..=TRADERS {
        let person = user::Model::with_username(format!("trader{id}"), NOW_US);
        assert_eq!(user::insert(tx, person).await?.unwrap().id, id);
        let minor = ledger::WALLET_MAX_MINOR;
        let legs = [
            (Account::Outside, -minor),
            (Account::Wallet(id, Bucket::Balance), minor),
        ];
        ledger::post(
            tx,
            LedgerTransaction::new(TransactionKind::Deposit, "USD"),
            &legs,
            NOW_US,
        )
        .await?;
    }
    Ok(())
}

async fn write_through(db: &Db, what: What, writers: usize, next: &Arc<AtomicI64>) -> Round {
    let before = db.stats();
    let start = Began::now();
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers {
        let (db, next, stop, written) = (db.clone(), next.clone(), stop.clone(), written.clone());
        tasks.spawn(async move {
            while !stop.load(Relaxed) {
                let id = next.fetch_add(1, Relaxed);
                let done = match what {
                    What::Row => db.write(async move |tx| insert(tx, id).await).await,
                    What::Trade => db.write(async move |tx| buy(tx, id).await).await,
                };
                done.unwrap();
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

async fn insert(tx: &Tx, id: i64) -> Result<()> {
    let values = [id.into(), (id % 1000).into(), BODY.into()];
    let insert = Statement::from_sql_and_values(DbBackend::Sqlite, INSERT, values);
    Ok(tx.execute_raw(insert).await.map(drop)?)
}

/// Buys one share for one cent, paid from the wallet: changes the shares at the exchange, the order's number, the
/// wallet, the movement and its entries, and the holding.
async fn buy(tx: &Tx, id: i64) -> Result<()> {
    let (trader, stock) = parties(id);
    let trade = ExchangeTrade {
        stock: StockRef::Id(stock),
        side: Side::Buy,
        quantity: 1,
        price_minor: None,
        trader_id: Some(trader),
    };
    let price = TableLog.trade(tx, &trade, NOW_US).await?.recorded.price().0;
    let legs = [
        (Account::Wallet(trader, Bucket::Balance), -price),
        (Account::Exchange, price),
    ];
    ledger::post(
        tx,
        LedgerTransaction::new(TransactionKind::Purchase, "USD"),
        &legs,
        NOW_US,
    )
    .await?;
    holding::add(tx, trader, stock, ShareBucket::Free, 1).await?;
    Ok(())
}

/// Returns the trader and the stock of a write.
fn parties(id: i64) -> (i64, i64) {
    (id % TRADERS + 1, id % STOCKS + 1)
}

async fn rusqlite(path: &Path) -> rusqlite::Connection {
    open(path, 1).await.close().await.unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                   PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;";
    connection.execute_batch(pragmas).unwrap();
    connection
}

fn write_plainly(connection: &rusqlite::Connection, what: What, group: usize, next: &AtomicI64) -> Round {
    let (mut written, mut commits, start) = (0, 0, Began::now());
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        let mut statement = connection.prepare_cached(sql).unwrap();
        let mut rows = statement.query(values).unwrap();
        while rows.next().unwrap().is_some() {}
    };
    while start.at.elapsed() < ROUND {
        run("BEGIN IMMEDIATE", &[]);
        for _ in 0..group {
            let id = next.fetch_add(1, Relaxed);
            let (trader, stock) = parties(id);
            match what {
                What::Row => run(INSERT, &[&id, &(id % 1000), &BODY]),
                What::Trade => TRADE.iter().for_each(|sql| run(sql, &[&trader, &stock, &NOW_US])),
            }
        }
        run("COMMIT", &[]);
        written += group as u64;
        commits += 1;
    }
    Round::of(written, commits, start)
}

/// Measures how many times per second this disk completes an fsync, without other work.
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
    fn of(written: u64, commits: u64, start: Began) -> Self {
        Self {
            writes_per_second: written as f64 / start.at.elapsed().as_secs_f64(),
            writes_per_commit: written as f64 / commits.max(1) as f64,
            processor_us: (processor_ns() - start.processor_ns) as f64 / 1e3 / written.max(1) as f64,
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
    println!(
        "| way | writers | durable writes/s | writes a commit | processor µs | to Db single | to rusqlite single |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for way in ways {
        let (now, shared) = (rate(way), way.median(|round| round.writes_per_commit));
        println!(
            "| {} | {} | {now:.0} | {shared:.1} | {:.1} | {:.2} | {:.2} |",
            way.name,
            way.writers,
            way.median(|round| round.processor_us),
            now / single,
            now / plain,
        );
    }
    println!("\n{fsyncs:.0} appends of 4 KB with fdatasync per second on the same disk; medians of {ROUNDS} rounds.");
}
