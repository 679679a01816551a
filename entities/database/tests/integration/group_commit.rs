//! Writes that share a commit do not share each other's failures.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use database::{Error, Unavailability};
use futures_util::FutureExt;
use futures_util::future::{join_all, poll_immediate};
use sea_orm::ConnectionTrait;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{Db, Result, TestDb, Tx, WriteError, number};

fn spawn<T: Send + 'static>(db: &Db, change: impl AsyncFn(&Tx) -> Result<T> + Send + 'static) -> JoinHandle<Result<T>> {
    let db = db.clone();
    tokio::spawn(async move { db.write(change).await })
}

async fn insert(tx: &Tx, id: i64) -> Result<()> {
    let statement = format!("INSERT INTO counter (id, value) VALUES ({id}, 0)");
    Ok(tx.execute_unprepared(&statement).await.map(drop)?)
}

/// A row whose parent is missing; SQLite reports that at the commit.
async fn orphan(tx: &Tx) -> Result<()> {
    let statement = "INSERT INTO child (id, parent) VALUES (1, 999)";
    Ok(tx.execute_unprepared(statement).await.map(drop)?)
}

async fn rows(db: &Db) -> i64 {
    number(db.read(), "SELECT count(*) FROM counter").await.unwrap()
}

/// A statement that has no end.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

fn insert_one(id: i64) -> String {
    format!("INSERT INTO counter (id, value) VALUES ({id}, 0)")
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_together_commit_together() {
    let db = TestDb::new().await;
    let gate = db.occupy().await;
    let waiting = db.queue(1..=50, insert_one);
    db.until_waiting(50).await;
    let before = db.stats();

    gate.open().await;

    assert!(waiting.join_all().await.iter().all(Result::is_ok));
    let after = db.stats();
    assert_eq!((after.commits - before.commits, after.writes - before.writes), (1, 51));
    assert_eq!((after.undone, after.split, after.waiting), (0, 0, 0));
    assert_eq!(rows(&db).await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_a_maximum_size() {
    let db = TestDb::with(|options| options.group = 10).await;
    let gate = db.occupy().await;
    let waiting = db.queue(1..=49, insert_one);
    db.until_waiting(49).await;
    let before = db.stats();

    gate.open().await;

    assert!(waiting.join_all().await.iter().all(Result::is_ok));
    assert_eq!(db.stats().commits - before.commits, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_panics_or_hangs_spares_its_group() {
    let db = TestDb::with(|options| options.write_time = Duration::from_secs(3)).await;
    let gate = db.occupy().await;
    let before_them = db.queue(1..=5, insert_one);
    db.until_waiting(5).await;
    let violates = spawn(&db, async |tx| {
        insert(tx, 101).await?;
        Ok(tx
            .execute_unprepared("INSERT INTO counter (id, value) VALUES (102, -1)")
            .await
            .map(drop)?)
    });
    let refuses = spawn(&db, async |tx| {
        insert(tx, 103).await?;
        Err::<(), _>(WriteError::Refused("changed its mind"))
    });
    let panics = spawn(&db, async |tx| {
        insert(tx, 104).await?;
        if true {
            panic!("a bug in a domain");
        }
        Ok(())
    });
    let hangs = spawn(&db, async |tx| {
        insert(tx, 105).await?;
        pending::<Result<()>>().await
    });
    db.until_waiting(9).await;
    let after_them = db.queue(6..=10, insert_one);
    db.until_waiting(14).await;
    let before = db.stats();

    gate.open().await;

    assert!(before_them.join_all().await.iter().all(Result::is_ok));
    assert!(after_them.join_all().await.iter().all(Result::is_ok));
    assert!(matches!(
        violates.await.unwrap(),
        Err(WriteError::Database(Error::Driver(_)))
    ));
    assert!(matches!(refuses.await.unwrap(), Err(WriteError::Refused(_))));
    assert!(matches!(
        panics.await.unwrap(),
        Err(WriteError::Database(Error::Misuse(_)))
    ));
    assert!(matches!(
        hangs.await.unwrap(),
        Err(WriteError::Database(Error::Unavailable(Unavailability::TimedOut)))
    ));
    let after = db.stats();
    assert_eq!(after.commits - before.commits, 1, "they shared one commit");
    assert_eq!((after.writes - before.writes, after.undone, after.split), (11, 4, 0));
    assert_eq!(rows(&db).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_one_write_breaks_succeeds_for_the_others() {
    let db = TestDb::new().await;
    let gate = db.occupy().await;
    let waiting = db.queue(1..=10, insert_one);
    db.until_waiting(10).await;
    let spoils = spawn(&db, async |tx| {
        insert(tx, 100).await?;
        orphan(tx).await
    });
    db.until_waiting(11).await;

    gate.open().await;

    assert!(waiting.join_all().await.iter().all(Result::is_ok));
    let error = spoils.await.unwrap().unwrap_err();
    assert!(
        matches!(&error, WriteError::Database(Error::Driver(db)) if db.to_string().contains("FOREIGN KEY")),
        "{error:?}"
    );
    assert_eq!(db.stats().split, 1, "they had shared a commit");
    assert_eq!(rows(&db).await, 10);
    assert_eq!(number(db.read(), "SELECT count(*) FROM child").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_commit_that_fails_is_an_error_and_leaves_nothing() {
    let db = TestDb::new().await;

    let outcome = db
        .write(async |tx| {
            insert(tx, 100).await?;
            orphan(tx).await
        })
        .await;

    assert!(
        matches!(outcome, Err(WriteError::Database(Error::Driver(_)))),
        "{outcome:?}"
    );
    db.run(insert_one(1)).await;
    assert_eq!(rows(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_based_on_an_undone_change_is_repeated() {
    let db = TestDb::new().await;
    let gate = db.occupy().await;
    let spoils = spawn(&db, async |tx| {
        insert(tx, 1).await?;
        orphan(tx).await
    });
    db.until_waiting(1).await;
    let wants_the_same = spawn(&db, async |tx| {
        if number(tx, "SELECT count(*) FROM counter WHERE id = 1").await? > 0 {
            return Err(WriteError::Refused("taken"));
        }
        insert(tx, 1).await
    });
    db.until_waiting(2).await;

    gate.open().await;

    assert!(spoils.await.unwrap().is_err());
    wants_the_same.await.unwrap().unwrap();
    assert_eq!(rows(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_statement_is_interrupted_and_spares_its_group() {
    for statement in [
        format!("{ENDLESS} SELECT count(*) FROM n"),
        format!(
            "{ENDLESS} INSERT INTO counter (id, value) SELECT 1000 + i % 7, 0 FROM n WHERE true ON CONFLICT DO NOTHING"
        ),
    ] {
        let db = TestDb::with(|options| options.write_time = Duration::from_secs(3)).await;
        let gate = db.occupy().await;
        let before_it = db.queue(1..=5, insert_one);
        db.until_waiting(5).await;
        let endless = spawn(&db, async move |tx| {
            insert(tx, 100).await?;
            Ok(tx.execute_unprepared(&statement).await.map(drop)?)
        });
        db.until_waiting(6).await;
        let after_it = db.queue(6..=10, insert_one);
        db.until_waiting(11).await;

        gate.open().await;

        assert!(matches!(
            endless.await.unwrap(),
            Err(WriteError::Database(Error::Unavailable(Unavailability::TimedOut)))
        ));
        assert!(before_it.join_all().await.iter().all(Result::is_ok));
        assert!(after_it.join_all().await.iter().all(Result::is_ok));
        db.run(insert_one(11)).await;
        assert_eq!(rows(&db).await, 11);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_rolls_back_the_group_spares_the_others() {
    let db = TestDb::new().await;
    let gate = db.occupy().await;
    let waiting = db.queue(1..=10, insert_one);
    db.until_waiting(10).await;
    let ends_it = spawn(&db, async |tx| {
        let statement = "INSERT OR ROLLBACK INTO counter (id, value) VALUES (1, 0), (1, 0)";
        Ok(tx.execute_unprepared(statement).await.map(drop)?)
    });
    db.until_waiting(11).await;

    gate.open().await;

    assert!(matches!(
        ends_it.await.unwrap(),
        Err(WriteError::Database(Error::Driver(_)))
    ));
    assert!(waiting.join_all().await.iter().all(Result::is_ok));
    db.run(insert_one(11)).await;
    assert_eq!(rows(&db).await, 11);
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("a bug in a drop");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_panic_on_drop_do_not_end_the_writer() {
    let db = TestDb::new().await;

    let outcome = db
        .write(async |_| {
            std::panic::panic_any(Bomb);
            #[expect(unreachable_code, reason = "gives the change its type")]
            Ok(())
        })
        .await;
    assert!(
        matches!(outcome, Err(WriteError::Database(Error::Misuse(_)))),
        "{outcome:?}"
    );

    // The writer drops the answer of a caller that is gone.
    let gate = db.occupy().await;
    let caller = spawn(&db, async |tx| insert(tx, 1).await.map(|()| Bomb));
    db.until_waiting(1).await;
    caller.abort();
    gate.open().await;

    db.run(insert_one(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_or_open_savepoint_is_rolled_back_alone() {
    let db = TestDb::new().await;
    db.write(async |tx| {
        let fails = tx.savepoint(async |tx| {
            insert(tx, 1).await?;
            Err::<(), _>(WriteError::Refused("changed its mind"))
        });
        assert!(matches!(fails.await, Err(WriteError::Refused(_))));
        let left_open = tx.savepoint(async |tx| {
            insert(tx, 10).await?;
            pending::<Result<()>>().await
        });
        assert!(left_open.now_or_never().is_none());
        tx.savepoint(async |tx| insert(tx, 100).await).await?;
        insert(tx, 1000).await
    })
    .await
    .unwrap();

    assert_eq!(number(db.read(), "SELECT sum(id) FROM counter").await.unwrap(), 1100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_ignores_a_rollback_writes_nothing_more() {
    let db = TestDb::new().await;
    for overlooked in [
        "INSERT OR ROLLBACK INTO counter (id, value) VALUES (1, 0), (1, 0)",
        "ROLLBACK; INSERT INTO counter (id, value) VALUES (1, 0)",
    ] {
        let outcome = db
            .write(async |tx| {
                let _ = tx.execute_unprepared(overlooked).await;
                let _ = insert(tx, 2).await;
                Ok(())
            })
            .await;
        assert!(
            matches!(outcome, Err(WriteError::Database(Error::Driver(_)))),
            "{outcome:?}"
        );
    }
    assert_eq!(rows(&db).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_ignores_its_timeout_does_not_continue() {
    let db = TestDb::with(|options| options.write_time = Duration::from_millis(200)).await;
    let went_on = Arc::new(AtomicBool::new(false));

    let outcome = db
        .write({
            let went_on = went_on.clone();
            async move |tx| {
                insert(tx, 1).await?;
                let _ = tx
                    .execute_unprepared(&format!("{ENDLESS} SELECT count(*) FROM n"))
                    .await;
                went_on.store(true, Relaxed);
                Ok(())
            }
        })
        .await;
    assert!(
        matches!(
            outcome,
            Err(WriteError::Database(Error::Unavailable(Unavailability::TimedOut)))
        ),
        "{outcome:?}"
    );
    assert!(!went_on.load(Relaxed));

    let outcome = db
        .write(async |tx| {
            loop {
                number(tx, "SELECT 1").await?;
                if false {
                    break Ok(());
                }
            }
        })
        .await;
    assert!(
        matches!(
            outcome,
            Err(WriteError::Database(Error::Unavailable(Unavailability::TimedOut)))
        ),
        "{outcome:?}"
    );

    db.run(insert_one(2)).await;
    assert_eq!(rows(&db).await, 1);
}

/// A write that waits for another one, until `due`. The writer has it when this returns.
async fn along(
    db: &Db,
    id: i64,
    due: impl Future<Output = ()> + Send + 'static,
) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> {
    let db = db.clone();
    let mut write: Pin<Box<dyn Future<Output = _> + Send>> =
        Box::pin(async move { db.write_along(async move |tx: &Tx| insert(tx, id).await, due).await });
    let answer = poll_immediate(&mut write).await;
    assert!(answer.is_none(), "{answer:?}");
    write
}

#[tokio::test]
async fn a_write_along_shares_the_commit_of_the_next_one() {
    let db = TestDb::new().await;
    let before = db.stats();
    let waiting = [along(&db, 1, pending()).await, along(&db, 2, pending()).await];
    assert_eq!(rows(&db).await, 0);

    db.run(insert_one(3)).await;

    assert!(join_all(waiting).await.iter().all(Result::is_ok));
    let after = db.stats();
    assert_eq!((after.commits - before.commits, after.writes - before.writes), (1, 3));
    assert_eq!(rows(&db).await, 3);
}

#[tokio::test]
async fn a_write_along_commits_alone_when_it_is_due() {
    let db = TestDb::new().await;
    let (tell, due) = oneshot::channel();
    let waiting = along(&db, 1, due.map(|_| ())).await;
    assert_eq!(rows(&db).await, 0);

    tell.send(()).unwrap();

    waiting.await.unwrap();
    assert_eq!(rows(&db).await, 1);
}

#[tokio::test]
async fn a_write_along_outlives_the_failure_of_the_other() {
    let db = TestDb::new().await;
    db.run(insert_one(1)).await;
    let twice = along(&db, 1, pending()).await;
    let waiting = along(&db, 2, pending()).await;

    assert!(db.try_run(insert_one(1)).await.is_err());
    assert_eq!(rows(&db).await, 1);
    db.run(insert_one(3)).await;

    waiting.await.unwrap();
    assert!(twice.await.is_err());
    assert_eq!(rows(&db).await, 3);
}

#[tokio::test]
async fn a_write_along_without_a_caller_does_not_happen() {
    let db = TestDb::new().await;
    drop(along(&db, 1, pending()).await);
    let (tell, due) = oneshot::channel();
    let waiting = along(&db, 2, due.map(|_| ())).await;

    tell.send(()).unwrap();

    waiting.await.unwrap();
    assert_eq!(rows(&db).await, 1);
}

#[tokio::test]
async fn a_write_along_fails_when_the_database_closes() {
    let db = TestDb::new().await;
    let waiting = along(&db, 1, pending()).await;

    db.close().await.unwrap();

    let closed = waiting.await;
    assert!(
        matches!(
            closed,
            Err(WriteError::Database(Error::Unavailable(Unavailability::Closed)))
        ),
        "{closed:?}"
    );
}
