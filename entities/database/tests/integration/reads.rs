//! Reads run on the thread of their caller while they are short, and elsewhere when they are not.

use std::time::Duration;

use database::is_read_timeout;
use sea_orm::ConnectionTrait;
use tokio::task::JoinHandle;

use crate::support::{Db, Result, TestDb, number};

/// A statement of some thousand steps.
const SLOW: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT count(*) FROM n";
/// A statement that has no end.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

/// A database whose reads are slow after their first thousand steps.
async fn impatient(slow_readers: u32, read_time: Duration) -> TestDb {
    TestDb::with(|options| {
        options.readers = 1;
        options.inline_read_time = Duration::from_nanos(1);
        options.slow_readers = slow_readers;
        options.read_time = read_time;
    })
    .await
}

fn spawn(db: &Db, query: &'static str) -> JoinHandle<Result<i64>> {
    let db = db.clone();
    tokio::spawn(async move { number(db.read(), query).await })
}

async fn until_slow(db: &Db, reads: u64) {
    while db.stats().slow_reads < reads {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_short_read_stays_and_a_slow_one_moves() {
    let db = impatient(1, Duration::from_secs(600)).await;
    let before = db.stats();

    assert_eq!(number(db.read(), "SELECT 7").await.unwrap(), 7);
    assert_eq!(db.stats().slow_reads, 0);
    assert_eq!(number(db.read(), SLOW).await.unwrap(), 5000);

    let after = db.stats();
    assert_eq!(
        (after.reads - before.reads, after.slow_reads),
        (2, 1),
        "each is one read"
    );
}

#[tokio::test]
async fn an_endless_read_stalls_no_task_of_its_thread() {
    let db = impatient(1, Duration::from_secs(600)).await;
    let endless = spawn(&db, ENDLESS);
    until_slow(&db, 1).await;

    for _ in 0..100 {
        assert_eq!(number(db.read(), "SELECT 7").await.unwrap(), 7);
    }

    assert!(!endless.is_finished());
    endless.abort();
}

#[tokio::test]
async fn a_read_past_its_time_fails() {
    let db = impatient(1, Duration::from_millis(50)).await;

    let failed = db.read().execute_unprepared(ENDLESS).await.unwrap_err();

    assert!(is_read_timeout(&failed), "{failed}");
    assert!(!database::is_storage_failure(&failed));
    assert_eq!(number(db.read(), SLOW).await.unwrap(), 5000, "its connection is free");
}

#[tokio::test]
async fn a_read_that_waits_past_its_time_fails() {
    let db = impatient(1, Duration::from_millis(500)).await;
    let endless = spawn(&db, ENDLESS);
    until_slow(&db, 1).await;

    let waits = spawn(&db, ENDLESS);

    for read in [endless, waits] {
        let failed = read.await.unwrap().unwrap_err();
        assert!(failed.to_string().contains("took too long"), "{failed}");
    }
}

#[tokio::test]
async fn slow_reads_wait_for_their_turn_and_a_dropped_one_ends() {
    let db = impatient(1, Duration::from_secs(600)).await;
    let endless = spawn(&db, ENDLESS);
    until_slow(&db, 1).await;
    let waits = spawn(&db, SLOW);
    until_slow(&db, 2).await;
    assert!(!waits.is_finished());

    endless.abort();

    assert!(endless.await.unwrap_err().is_cancelled());
    assert_eq!(waits.await.unwrap().unwrap(), 5000);
}

#[tokio::test]
async fn a_read_that_is_dropped_before_it_runs_takes_no_connection() {
    let db = impatient(1, Duration::from_secs(600)).await;
    let endless = spawn(&db, ENDLESS);
    until_slow(&db, 1).await;

    for _ in 0..3 {
        let gives_up = async {
            tokio::select! {
                biased;
                read = number(db.read(), SLOW) => drop(read),
                () = std::future::ready(()) => {}
            }
        };
        gives_up.await;
    }
    endless.abort();

    assert_eq!(number(db.read(), SLOW).await.unwrap(), 5000);
}

#[tokio::test]
async fn a_task_that_only_reads_lets_others_run() {
    let db = TestDb::with(|options| options.inline_read_time = Duration::from_secs(600)).await;
    let other = tokio::spawn(async {});
    let mut reads = 0;

    while !other.is_finished() && reads < 10_000 {
        number(db.read(), "SELECT 7").await.unwrap();
        reads += 1;
    }

    assert!(other.is_finished());
}

#[tokio::test]
async fn a_transaction_of_a_read_ends_with_it() {
    let db = TestDb::with(|options| options.readers = 1).await;
    let began = "BEGIN; SELECT count(*) FROM counter";
    db.read().execute_unprepared(began).await.unwrap();

    db.run("INSERT INTO counter (id, value) VALUES (1, 0)").await;

    assert_eq!(number(db.read(), "SELECT count(*) FROM counter").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_readers_than_connections_take_turns() {
    let db = TestDb::with(|options| options.readers = 2).await;
    let before = db.stats().reads;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let db = db.0.clone();
        tasks.spawn(async move {
            for _ in 0..20 {
                assert_eq!(number(db.read(), "SELECT 7").await.unwrap(), 7);
            }
        });
    }

    tasks.join_all().await;

    assert_eq!(db.stats().reads - before, 1000);
}

#[tokio::test]
async fn closing_waits_for_a_slow_read() {
    let db = impatient(1, Duration::from_millis(300)).await;
    let endless = spawn(&db, ENDLESS);
    until_slow(&db, 1).await;
    db.close().await.unwrap();

    assert!(endless.await.unwrap().is_err());
    assert!(db.read().execute_unprepared("SELECT 1").await.is_err());
}
