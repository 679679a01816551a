//! The events of a write are published once, after its commit, and only if it was committed.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use database::Error;
use futures_util::FutureExt;
use sea_orm::ConnectionTrait;
use tokio::task::JoinHandle;

use crate::support::{Db, EventLog, Result, TestDb, Tx, WriteError, number};

/// Inserts a row, and publishes an event with its id.
async fn insert(tx: &Tx, id: i64) -> Result<()> {
    let statement = format!("INSERT INTO counter (id, value) VALUES ({id}, 0)");
    tx.execute_unprepared(&statement).await?;
    tx.publish(id);
    Ok(())
}

/// Inserts a row whose parent is missing; SQLite reports that at the commit.
async fn insert_orphan(tx: &Tx) -> Result<()> {
    let statement = "INSERT INTO child (id, parent) VALUES (1, 999)";
    Ok(tx.execute_unprepared(statement).await.map(drop)?)
}

fn spawn<T: Send + 'static>(db: &Db, change: impl AsyncFn(&Tx) -> Result<T> + Send + 'static) -> JoinHandle<Result<T>> {
    let db = db.clone();
    tokio::spawn(async move { db.write(change).await })
}

/// Queues these changes one after the other, so that they share one group, and waits for their answers.
macro_rules! run_in_one_group {
    ($db:expr, $($change:expr),+ $(,)?) => {{
        let gate = $db.occupy().await;
        let mut waiting = Vec::new();
        $(
            waiting.push(spawn(&$db, $change));
            $db.until_waiting(waiting.len() as u64).await;
        )+
        gate.open().await;
        let mut answers = Vec::new();
        for write in waiting {
            answers.push(write.await.unwrap());
        }
        answers
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_publishes_in_commit_order_without_failed_writes() {
    let db = TestDb::with(|options| options.write_time = Duration::from_secs(3)).await;

    let answers = run_in_one_group!(
        db,
        async |tx: &Tx| {
            insert(tx, 1).await?;
            insert(tx, 2).await
        },
        async |tx: &Tx| {
            insert(tx, 3).await?;
            Err(WriteError::Refused("changed its mind"))
        },
        async |tx: &Tx| {
            insert(tx, 4).await?;
            if true {
                panic!("a bug in a domain");
            }
            Ok(())
        },
        async |tx: &Tx| {
            insert(tx, 5).await?;
            pending::<Result<()>>().await
        },
        async |tx: &Tx| insert(tx, 6).await,
    );

    let is_ok: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(is_ok, [true, false, false, false, true]);
    assert_eq!(db.events(), [1, 2, 6]);
    assert_eq!(db.stats().split, 0, "they shared a commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_published_before_any_later_response() {
    let db = TestDb::new().await;
    let gate = db.occupy().await;
    let mut waiting = Vec::new();
    for (place, fails) in [false, true, false].into_iter().enumerate() {
        let id = i64::try_from(place).unwrap();
        waiting.push(spawn(&db, async move |tx| {
            insert(tx, id).await?;
            if fails {
                Err(WriteError::Refused("book"))
            } else {
                Ok(id)
            }
        }));
        db.until_waiting(u64::try_from(place).unwrap() + 1).await;
    }
    let later = spawn(&db, async |tx| number(tx, "SELECT count(*) FROM counter").await);
    db.until_waiting(4).await;
    assert_eq!(db.events(), [0; 0]);

    gate.open().await;

    assert_eq!(later.await.unwrap().unwrap(), 2);
    assert_eq!(db.events(), [0, 2]);
    for write in waiting {
        let _ = write.await.unwrap();
    }
    assert_eq!(db.events(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_write_that_fails_publishes_nothing() {
    let db = TestDb::new().await;

    let failed = db
        .write(async |tx| {
            insert(tx, 1).await?;
            Err::<(), _>(WriteError::Refused("changed its mind"))
        })
        .await;
    assert!(matches!(failed, Err(WriteError::Refused(_))), "{failed:?}");
    db.write(async |tx| insert(tx, 2).await).await.unwrap();

    assert_eq!(db.events(), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_publishes_nothing() {
    let db = TestDb::new().await;

    let failed = db
        .write(async |tx| {
            insert(tx, 1).await?;
            insert_orphan(tx).await
        })
        .await;
    assert!(
        matches!(failed, Err(WriteError::Database(Error::Driver(_)))),
        "{failed:?}"
    );
    let ended = db
        .write(async |tx| {
            tx.publish(2);
            let _ = tx.execute_unprepared("ROLLBACK").await;
            Ok(())
        })
        .await;
    assert!(
        matches!(ended, Err(WriteError::Database(Error::Driver(_)))),
        "{ended:?}"
    );
    db.write(async |tx| insert(tx, 3).await).await.unwrap();

    assert_eq!(db.events(), [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_run_again_publish_once() {
    let db = TestDb::new().await;

    let answers = run_in_one_group!(
        db,
        async |tx: &Tx| insert(tx, 1).await,
        async |tx: &Tx| {
            insert(tx, 2).await?;
            insert_orphan(tx).await
        },
        async |tx: &Tx| insert(tx, 3).await,
    );

    let is_ok: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(is_ok, [true, false, true]);
    assert_eq!(db.stats().split, 1, "the shared commit failed");
    assert_eq!(db.events(), [1, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_transaction_keeps_the_events_of_the_other_writes() {
    let db = TestDb::new().await;

    let answers = run_in_one_group!(
        db,
        async |tx: &Tx| insert(tx, 1).await,
        async |tx: &Tx| {
            tx.publish(2);
            let statement = "INSERT OR ROLLBACK INTO counter (id, value) VALUES (1, 0), (1, 0)";
            Ok(tx.execute_unprepared(statement).await.map(drop)?)
        },
        async |tx: &Tx| insert(tx, 3).await,
    );

    let is_ok: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(is_ok, [true, false, true]);
    assert_eq!(db.events(), [1, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_savepoint_that_is_rolled_back_drops_its_events_only() {
    let db = TestDb::new().await;

    db.write(async |tx| {
        insert(tx, 1).await?;
        let fails = tx.savepoint(async |tx| {
            insert(tx, 2).await?;
            tx.savepoint(async |tx| insert(tx, 3).await).await?;
            Err::<(), _>(WriteError::Refused("changed its mind"))
        });
        assert!(matches!(fails.await, Err(WriteError::Refused(_))));
        let left_open = tx.savepoint(async |tx| {
            insert(tx, 4).await?;
            pending::<Result<()>>().await
        });
        assert!(left_open.now_or_never().is_none());
        tx.savepoint(async |tx| insert(tx, 5).await).await?;
        insert(tx, 6).await
    })
    .await
    .unwrap();

    assert_eq!(db.events(), [1, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_caller_that_is_gone_are_published() {
    let db = TestDb::new().await;
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (open, opened) = tokio::sync::oneshot::channel();
    let signals = Mutex::new(Some((entered, opened)));
    let caller = spawn(&db, async move |tx| {
        let signals = signals.lock().unwrap().take();
        if let Some((entered, opened)) = signals {
            entered.send(()).unwrap();
            opened.await.unwrap();
        }
        insert(tx, 1).await
    });
    inside.await.unwrap();

    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    open.send(()).unwrap();
    db.write(async |tx| insert(tx, 2).await).await.unwrap();

    assert_eq!(db.events(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_panics_loses_that_event_and_no_answer() {
    let db = TestDb::new().await;
    let events = Arc::new(EventLog::panicking_at(2));
    let other = Db::open(db.1.clone(), events.clone()).await.unwrap();

    other
        .write(async |tx| {
            insert(tx, 1).await?;
            insert(tx, 2).await?;
            insert(tx, 3).await
        })
        .await
        .unwrap();

    assert_eq!(events.take(), [1, 3]);
    assert_eq!(number(other.read(), "SELECT count(*) FROM counter").await.unwrap(), 3);
}
