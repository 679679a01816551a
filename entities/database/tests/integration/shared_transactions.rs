//! The statements of one poll share a transaction, and still see every write that was answered before them.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use database::share_transactions;
use rusqlite::Connection;
use sea_orm::ConnectionTrait;
use tokio::task::{unconstrained, yield_now};

use crate::support::{Db, TestDb, number, run_on};

const INSERT: &str = "INSERT INTO counter (value) VALUES (0)";

/// Returns the number of counters.
async fn counters(db: &Db) -> i64 {
    number(db.read(), "SELECT count(*) FROM counter").await.unwrap()
}

/// Another connection to the same file, whose commits the database does not count.
fn stranger(db: &TestDb) -> Connection {
    let stranger = Connection::open(&db.1.path).unwrap();
    stranger.busy_timeout(Duration::ZERO).unwrap();
    stranger
}

/// Whether a reader keeps the log from being written from its start again.
fn is_log_in_use(stranger: &Connection) -> bool {
    let checkpoint = "PRAGMA wal_checkpoint(RESTART)";
    stranger.query_row(checkpoint, [], |row| row.get(0)).unwrap()
}

/// Completes in the poll in which it is awaited, however long its work takes.
async fn within_one_poll<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(unconstrained(work));
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            std::thread::yield_now();
        }
    })
    .await
}

#[tokio::test]
async fn the_statements_of_one_poll_share_a_transaction() {
    let db = TestDb::new().await;
    let stranger = stranger(&db);
    let insert = || stranger.execute(INSERT, []).unwrap();

    let seen = share_transactions(pin!(async {
        let first = counters(&db).await;
        insert();
        let second = counters(&db).await;
        insert();
        let third = counters(&db).await;
        yield_now().await;
        [first, second, third, counters(&db).await]
    }))
    .await;

    assert_eq!(seen, [0, 1, 1, 2], "the second statement begins the transaction");
}

#[tokio::test]
async fn statements_see_writes_answered_in_their_own_poll() {
    let db = TestDb::new().await;

    let seen = share_transactions(pin!(within_one_poll(async {
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(counters(&db).await);
            seen.push(counters(&db).await);
            run_on(&db, INSERT).await.unwrap();
        }
        seen
    })))
    .await;

    assert_eq!(seen, [0, 0, 1, 1, 2, 2, 3, 3]);
}

#[tokio::test]
async fn no_shared_transaction_outlives_its_poll() {
    let db = TestDb::new().await;
    let stranger = stranger(&db);
    db.run(INSERT).await;

    let in_use = share_transactions(pin!(async {
        counters(&db).await;
        let of_one = is_log_in_use(&stranger);
        db.run(INSERT).await;
        counters(&db).await;
        counters(&db).await;
        let of_two = is_log_in_use(&stranger);
        yield_now().await;
        [of_one, of_two, is_log_in_use(&stranger)]
    }))
    .await;

    assert_eq!(in_use, [false, true, false]);
}

#[tokio::test]
async fn a_read_cannot_leave_a_transaction_to_those_of_its_poll() {
    let db = TestDb::new().await;

    let seen = share_transactions(pin!(within_one_poll(async {
        for begun in ["BEGIN", "SELECT 1", "COMMIT", "BEGIN", "SELECT 1"] {
            // SQLite rejects those that do not fit the transaction that they find.
            let _ = db.read().execute_unprepared(begun).await;
        }
        counters(&db).await;
        run_on(&db, INSERT).await.unwrap();
        counters(&db).await
    })))
    .await;

    assert_eq!(seen, 1);
}

#[tokio::test]
async fn tasks_that_share_leave_connections_to_others() {
    let db = TestDb::with(|options| options.readers = 2).await;

    let seen = share_transactions(pin!(async {
        counters(&db).await;
        counters(&db).await;
        let others = [db.0.clone(), db.0.clone()].map(|db| tokio::spawn(async move { counters(&db).await }));
        let mut seen = Vec::new();
        for other in others {
            seen.push(other.await.unwrap());
        }
        seen
    }))
    .await;

    assert_eq!(seen, [0, 0]);
}
