//! The cost of reading one row by its key: `Db::read` with SeaORM, the same through a write, and plain rusqlite, in
//! one run. `cargo bench -p contract --bench reads_by_key`; the arguments are those of [`Bench`]. The bench compares the rows
//! first.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use contract::{Db, DbOptions, InProcessBus};
use entities::user;
use migrations::{Migrator, MigratorTrait};
use sea_orm::EntityTrait;
use testing::bench::{Bench, median};

const ROUND_TIME: Duration = Duration::from_millis(700);
const ROUNDS: u32 = 5;
const PEOPLE: i64 = 1000;

/// Parameters: the key, and 1.
const BY_KEY: &str = "SELECT * FROM account WHERE id = ?1 AND 1 = ?2";
const BY_KEY_WITH_LIMIT: &str = "SELECT * FROM account WHERE id = ?1 LIMIT ?2";

#[derive(Clone, Copy)]
enum Way {
    Db { readers: usize },
    InsideOfWrite,
    Rusqlite(&'static str),
}

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let folder = tempfile::tempdir_in(bench.folder()).unwrap();
    let path = folder.path().join("agora.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(open(&path));
    let plain = rusqlite::Connection::open(&path).unwrap();
    runtime.block_on(compare_rows(&db, &plain));
    let time = bench.time(ROUND_TIME);
    let mut variants = vec![
        ("Db::read", Way::Db { readers: 1 }, vec![]),
        ("Db::read", Way::Db { readers: 16 }, vec![]),
        ("inside of one write", Way::InsideOfWrite, vec![]),
        ("rusqlite", Way::Rusqlite(BY_KEY), vec![]),
        ("rusqlite, with a bound LIMIT", Way::Rusqlite(BY_KEY_WITH_LIMIT), vec![]),
    ];
    variants.retain(|(name, ..)| bench.selects(name));
    // The first round warms up the caches.
    for round in bench.rounds(ROUNDS) {
        for (_, way, rates) in &mut variants {
            let rate = match *way {
                Way::Db { readers } => runtime.block_on(read_through(&db, readers, time)),
                Way::InsideOfWrite => runtime.block_on(read_inside(&db, time)),
                Way::Rusqlite(sql) => read_plainly(&plain, sql, time),
            };
            round.record(rates, rate);
        }
    }
    println!("| way | readers | reads/s | µs each |\n| --- | ---: | ---: | ---: |");
    for (name, way, rates) in variants {
        let readers = if let Way::Db { readers } = way { readers } else { 1 };
        let rate = median(rates);
        println!("| {name} | {readers} | {rate:.0} | {:.1} |", 1e6 / rate);
    }
    runtime.block_on(db.close()).unwrap();
}

/// Opens a database with some people, whose ids start at 1.
async fn open(path: &Path) -> Db {
    let db = Db::open(DbOptions::new(path), Arc::new(InProcessBus::new(1)))
        .await
        .unwrap();
    db.migrate(async |connection| Migrator::up(connection, None).await)
        .await
        .unwrap();
    db.write(async |tx| {
        for id in 1..=PEOPLE {
            let person = user::Model::with_username(username(id), 0);
            assert_eq!(user::insert(tx, person).await?.unwrap().id, id);
        }
        Ok(())
    })
    .await
    .unwrap();
    db
}

fn username(id: i64) -> String {
    format!("person{id}")
}

/// Reads one row in each way, and compares them.
async fn compare_rows(db: &Db, plain: &rusqlite::Connection) {
    let id = PEOPLE / 2;
    let outside = user::Entity::find_by_id(id).one(db.read()).await.unwrap().unwrap();
    let inside = db.write(async move |tx| Ok(user::Entity::find_by_id(id).one(tx).await?));
    assert_eq!(inside.await.unwrap().unwrap(), outside);
    assert_eq!(outside.username, username(id));
    for sql in [BY_KEY, BY_KEY_WITH_LIMIT] {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>("id")?, row.get::<_, String>("username")?));
        let row = plain.query_row(sql, [id, 1], read).unwrap();
        assert_eq!(row, (outside.id, outside.username.clone()));
    }
}

async fn read_through(db: &Db, readers: usize, time: Duration) -> f64 {
    let (start, stop, read) = (
        Instant::now(),
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut tasks = tokio::task::JoinSet::new();
    for reader in 0..readers {
        let (db, stop, read) = (db.clone(), stop.clone(), read.clone());
        tasks.spawn(async move {
            let mut id = reader as i64;
            while !stop.load(Relaxed) {
                id = id % PEOPLE + 1;
                black_box(user::Entity::find_by_id(id).one(db.read()).await.unwrap().unwrap());
                read.fetch_add(1, Relaxed);
            }
        });
    }
    tokio::time::sleep(time).await;
    stop.store(true, Relaxed);
    tasks.join_all().await;
    read.load(Relaxed) as f64 / start.elapsed().as_secs_f64()
}

async fn read_inside(db: &Db, time: Duration) -> f64 {
    db.write(async move |tx| {
        let (start, mut read) = (Instant::now(), 0);
        while start.elapsed() < time {
            read += 1;
            let id = read % PEOPLE + 1;
            black_box(user::Entity::find_by_id(id).one(tx).await?.unwrap());
        }
        Ok(read as f64 / start.elapsed().as_secs_f64())
    })
    .await
    .unwrap()
}

fn read_plainly(connection: &rusqlite::Connection, sql: &str, time: Duration) -> f64 {
    let (start, mut read) = (Instant::now(), 0);
    while start.elapsed() < time {
        read += 1;
        let mut statement = connection.prepare_cached(sql).unwrap();
        let columns = statement.column_count();
        let row = statement.query_row([read % PEOPLE + 1, 1], |row| {
            (0..columns)
                .map(|column| row.get::<_, rusqlite::types::Value>(column))
                .collect::<Result<Vec<_>, _>>()
        });
        black_box(row.unwrap());
    }
    read as f64 / start.elapsed().as_secs_f64()
}
