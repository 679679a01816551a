//! Durable writes per second: `Db` with and without grouping, beside plain rusqlite with the same pragmas, in one
//! run on one disk. `cargo bench -p contract --bench durable_writes`; the arguments are those of [`Bench`].
//!
//! A write is a row that is inserted by its key, or a trade: six statements on six tables, by the domains' own
//! rules. It counts when its commit has returned. The ways take turns in short rounds, so that a change in the
//! disk's speed affects all of them. At the end, each database has what its writers were told that it has.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::path::{Path, PathBuf};
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
use testing::bench::{Bench, median, processor_ns};

const ROUND_TIME: Duration = Duration::from_millis(700);
const ROUNDS: u32 = 5;

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
enum WriteKind {
    Row,
    Trade,
}

/// One way to write, with its figures.
struct Variant {
    name: &'static str,
    writers: usize,
    kind: WriteKind,
    path: PathBuf,
    target: Storage,
    figures: Vec<Figures>,
    /// The number of answered writes, of measured rounds and others.
    written: u64,
}

enum Storage {
    Db(Db),
    Rusqlite {
        connection: rusqlite::Connection,
        group: usize,
    },
}

/// The figures of one round.
struct Figures {
    written: u64,
    writes_per_second: f64,
    writes_per_commit: f64,
    processor_us: f64,
}

/// The time and the processor time at the start of a round.
struct RoundStart {
    at: Instant,
    processor_ns: f64,
}

impl RoundStart {
    fn now() -> Self {
        Self {
            at: Instant::now(),
            processor_ns: processor_ns(),
        }
    }
}

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let folder = tempfile::tempdir_in(bench.folder()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut variants = variants(&bench, folder.path(), &runtime);
    let next = Arc::new(AtomicI64::new(1));
    let time = bench.time(ROUND_TIME);
    // The first round warms up the disk and the statement caches.
    for round in bench.rounds(ROUNDS) {
        for variant in &mut variants {
            let kind = variant.kind;
            let figures = match &mut variant.target {
                Storage::Db(db) => runtime.block_on(write_through(db, kind, variant.writers, time, &next)),
                Storage::Rusqlite { connection, group } => write_plainly(connection, kind, *group, time, &next),
            };
            variant.written += figures.written;
            round.record(&mut variant.figures, figures);
        }
    }
    print(&variants, fsyncs_per_second(folder.path(), time));
    for variant in variants {
        if let Storage::Db(db) = variant.target {
            runtime.block_on(db.close()).unwrap();
        }
        assert_written(&variant.path, variant.kind, variant.written);
    }
}

fn variants(bench: &Bench, folder: &Path, runtime: &tokio::runtime::Runtime) -> Vec<Variant> {
    let mut variants = Vec::new();
    for (name, writers, group, kind) in [
        ("Db, a commit each", 1, 1, WriteKind::Row),
        ("Db, a commit each", 16, 1, WriteKind::Row),
        ("Db, a commit each", 64, 1, WriteKind::Row),
        ("Db, grouped", 1, 128, WriteKind::Row),
        ("Db, grouped", 16, 128, WriteKind::Row),
        ("Db, grouped", 64, 128, WriteKind::Row),
        ("Db, grouped", 256, 128, WriteKind::Row),
        ("Db, trades", 1, 128, WriteKind::Trade),
        ("Db, trades", 16, 128, WriteKind::Trade),
        ("Db, trades", 64, 128, WriteKind::Trade),
        ("rusqlite, a commit each", 1, 1, WriteKind::Row),
        ("rusqlite, 16 a commit", 1, 16, WriteKind::Row),
        ("rusqlite, 64 a commit", 1, 64, WriteKind::Row),
        ("rusqlite, trades, a commit each", 1, 1, WriteKind::Trade),
        ("rusqlite, trades, 64 a commit", 1, 64, WriteKind::Trade),
    ] {
        if !bench.selects(name) {
            continue;
        }
        let path = folder.join(format!("{}.db", variants.len()));
        let target = if name.starts_with("Db") {
            Storage::Db(runtime.block_on(open(&path, group)))
        } else {
            let connection = runtime.block_on(rusqlite(&path));
            Storage::Rusqlite { connection, group }
        };
        variants.push(Variant {
            name,
            writers,
            kind,
            path,
            target,
            figures: Vec::new(),
            written: 0,
        });
    }
    variants
}

/// Compares the answered writes with the rows of the database, or with the shares that it sold.
fn assert_written(path: &Path, kind: WriteKind, written: u64) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let written = written.cast_signed();
    let all = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    match kind {
        WriteKind::Row => assert_eq!(all("SELECT count(*) FROM entry"), written),
        WriteKind::Trade => {
            assert_eq!(all("SELECT sum(volume) FROM stock"), written);
            assert_eq!(all("SELECT count(*) FROM exchange_order"), written);
            assert_eq!(all("SELECT sum(free) FROM holding"), written);
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

async fn write_through(db: &Db, kind: WriteKind, writers: usize, time: Duration, next: &Arc<AtomicI64>) -> Figures {
    let before = db.stats();
    let start = RoundStart::now();
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers {
        let (db, next, stop, written) = (db.clone(), next.clone(), stop.clone(), written.clone());
        tasks.spawn(async move {
            while !stop.load(Relaxed) {
                let id = next.fetch_add(1, Relaxed);
                let done = match kind {
                    WriteKind::Row => db.write(async move |tx| insert(tx, id).await).await,
                    WriteKind::Trade => db.write(async move |tx| buy(tx, id).await).await,
                };
                done.unwrap();
                written.fetch_add(1, Relaxed);
            }
        });
    }
    tokio::time::sleep(time).await;
    stop.store(true, Relaxed);
    tasks.join_all().await;
    let after = db.stats();
    let commits = after.commits - before.commits;
    Figures::of(written.load(Relaxed), commits, start)
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

fn write_plainly(
    connection: &rusqlite::Connection,
    kind: WriteKind,
    group: usize,
    time: Duration,
    next: &AtomicI64,
) -> Figures {
    let (mut written, mut commits, start) = (0, 0, RoundStart::now());
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        let mut statement = connection.prepare_cached(sql).unwrap();
        let mut rows = statement.query(values).unwrap();
        while rows.next().unwrap().is_some() {}
    };
    while start.at.elapsed() < time {
        run("BEGIN IMMEDIATE", &[]);
        for _ in 0..group {
            let id = next.fetch_add(1, Relaxed);
            let (trader, stock) = parties(id);
            match kind {
                WriteKind::Row => run(INSERT, &[&id, &(id % 1000), &BODY]),
                WriteKind::Trade => TRADE.iter().for_each(|sql| run(sql, &[&trader, &stock, &NOW_US])),
            }
        }
        run("COMMIT", &[]);
        written += group as u64;
        commits += 1;
    }
    Figures::of(written, commits, start)
}

/// Measures how many times per second this disk completes an fsync, without other work.
fn fsyncs_per_second(folder: &Path, time: Duration) -> f64 {
    use std::io::Write;
    let mut file = std::fs::File::create(folder.join("fsync")).unwrap();
    let (mut syncs, start) = (0_u32, Instant::now());
    while start.elapsed() < time {
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
        syncs += 1;
    }
    f64::from(syncs) / start.elapsed().as_secs_f64()
}

impl Variant {
    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(self.figures.iter().map(figure).collect())
    }
}

impl Figures {
    fn of(written: u64, commits: u64, start: RoundStart) -> Self {
        let processor_ns = processor_ns() - start.processor_ns;
        Self {
            written,
            writes_per_second: written as f64 / start.at.elapsed().as_secs_f64(),
            writes_per_commit: written as f64 / commits.max(1) as f64,
            processor_us: processor_ns / 1e3 / written.max(1) as f64,
        }
    }
}

fn print(variants: &[Variant], fsyncs: f64) {
    let rate = |variant: &Variant| variant.median(|figures| figures.writes_per_second);
    let rate_of = |name| {
        variants
            .iter()
            .find(|variant| variant.name == name)
            .map_or(f64::NAN, rate)
    };
    let (single, plain) = (rate_of("Db, a commit each"), rate_of("rusqlite, a commit each"));
    println!(
        "| variant | writers | durable writes/s | writes a commit | processor µs | to Db single | to rusqlite single |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for variant in variants {
        let rate = rate(variant);
        println!(
            "| {} | {} | {rate:.0} | {:.1} | {:.1} | {:.2} | {:.2} |",
            variant.name,
            variant.writers,
            variant.median(|figures| figures.writes_per_commit),
            variant.median(|figures| figures.processor_us),
            rate / single,
            rate / plain,
        );
    }
    println!("\n{fsyncs:.0} appends of 4 KB with fdatasync per second on the same disk");
}
