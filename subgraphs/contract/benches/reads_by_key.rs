//! The cost of reading one row by its key: `Db::read` with SeaORM, the same through a write, and plain rusqlite, in
//! one run. `cargo bench -p contract --bench reads_by_key`; figures in docs/PERFORMANCE.md.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use contract::{Db, DbOptions, InProcessBus};
use entities::user;
use migrations::{Migrator, MigratorTrait};
use sea_orm::EntityTrait;

const ROUND: Duration = Duration::from_millis(700);
const ROUNDS: usize = 5;
const PEOPLE: i64 = 1000;

fn main() {
    // `cargo bench` passes `--bench`; `cargo test --all-targets` only checks that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir_in(option_env!("CARGO_TARGET_TMPDIR").unwrap_or(".")).unwrap();
    let path = folder.path().join("agora.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(async {
        let db = Db::open(DbOptions::new(&path), Arc::new(InProcessBus::new(1)))
            .await
            .unwrap();
        db.migrate(async |connection| Migrator::up(connection, None).await)
            .await
            .unwrap();
        db.write(async |tx| {
            for id in 1..=PEOPLE {
                let person = user::Model::with_username(format!("person{id}"), 0);
                assert_eq!(user::insert(tx, person).await?.unwrap().id, id);
            }
            Ok(())
        })
        .await
        .unwrap();
        db
    });
    let plain = rusqlite::Connection::open(&path).unwrap();
    println!("| way | readers | reads/s | µs each |\n| --- | ---: | ---: | ---: |");
    let mut ways: Vec<(&str, usize, Vec<f64>)> = vec![
        ("Db::read", 1, vec![]),
        ("Db::read", 16, vec![]),
        ("inside of one write", 1, vec![]),
        ("rusqlite", 1, vec![]),
        ("rusqlite, with a bound LIMIT", 1, vec![]),
    ];
    // The first round warms up the caches, and does not count.
    for round in 0..=ROUNDS {
        for (name, readers, rates) in &mut ways {
            let rate = match *name {
                "Db::read" => runtime.block_on(read_through(&db, *readers)),
                "rusqlite" => read_plainly(&plain, "SELECT * FROM account WHERE id = ?1 AND 1 = ?2"),
                "rusqlite, with a bound LIMIT" => read_plainly(&plain, "SELECT * FROM account WHERE id = ?1 LIMIT ?2"),
                _ => runtime.block_on(read_inside(&db)),
            };
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    for (name, readers, rates) in &mut ways {
        rates.sort_by(f64::total_cmp);
        let rate = rates[rates.len() / 2];
        println!("| {name} | {readers} | {rate:.0} | {:.1} |", 1e6 / rate);
    }
    runtime.block_on(db.close()).unwrap();
}

async fn read_through(db: &Db, readers: usize) -> f64 {
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
    tokio::time::sleep(ROUND).await;
    stop.store(true, Relaxed);
    tasks.join_all().await;
    read.load(Relaxed) as f64 / start.elapsed().as_secs_f64()
}

async fn read_inside(db: &Db) -> f64 {
    db.write(async |tx| {
        let (start, mut read) = (Instant::now(), 0);
        while start.elapsed() < ROUND {
            read += 1;
            let id = read % PEOPLE + 1;
            black_box(user::Entity::find_by_id(id).one(tx).await?.unwrap());
        }
        Ok(read as f64 / start.elapsed().as_secs_f64())
    })
    .await
    .unwrap()
}

fn read_plainly(connection: &rusqlite::Connection, sql: &str) -> f64 {
    let (start, mut read) = (Instant::now(), 0);
    while start.elapsed() < ROUND {
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
