//! The two entry points, `read` and `write`, and closing.

use std::time::Duration;

use database::{DbOptions, Error, Unavailability};
use sea_orm::ConnectionTrait;

use crate::support::{Db, TestDb, WriteError, no_subscribers, number};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_read_modify_writes_lose_no_update() {
    let db = TestDb::new().await;
    db.run("INSERT INTO counter (id, value) VALUES (1, 0)").await;

    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let db = db.clone();
        tasks.spawn(async move {
            for _ in 0..5 {
                db.write(async |tx| {
                    let value = number(tx, "SELECT value FROM counter WHERE id = 1").await?;
                    tx.execute_unprepared(&format!("UPDATE counter SET value = {} WHERE id = 1", value + 1))
                        .await?;
                    Ok(())
                })
                .await
                .expect("no write fails");
            }
        });
    }
    tasks.join_all().await;

    assert_eq!(
        number(db.read(), "SELECT value FROM counter WHERE id = 1")
            .await
            .unwrap(),
        500
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_write_can_be_read_at_once() {
    let db = TestDb::new().await;

    for id in 0..50 {
        db.run(format!("INSERT INTO counter (id, value) VALUES ({id}, 0)"))
            .await;
        assert_eq!(number(db.read(), "SELECT count(*) FROM counter").await.unwrap(), id + 1);
    }
}

#[tokio::test]
async fn a_read_cannot_write() {
    let db = TestDb::new().await;

    for statement in [
        "INSERT INTO counter (id, value) VALUES (1, 0)",
        "DELETE FROM counter",
        "DROP TABLE counter",
        "CREATE TABLE another (id INTEGER)",
        "PRAGMA query_only = OFF; INSERT INTO counter (id, value) VALUES (1, 0)",
        "PRAGMA user_version = 7",
    ] {
        let error = db.read().execute_unprepared(statement).await.expect_err(statement);
        assert!(error.to_string().contains("readonly"), "{statement}: {error}");
    }
    assert_eq!(number(db.read(), "SELECT count(*) FROM counter").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_write_is_an_error_and_no_deadlock() {
    let db = TestDb::new().await;

    let inner = db.0.clone();
    let outcome = db.write(async move |_| inner.write(async |_| Ok(())).await).await;

    assert!(
        matches!(outcome, Err(WriteError::Database(Error::Misuse(_)))),
        "{outcome:?}"
    );
    db.run("INSERT INTO counter (id, value) VALUES (1, 0)").await;
}

#[tokio::test]
async fn a_write_after_the_close_is_an_error() {
    let db = TestDb::new().await;
    db.run("INSERT INTO counter (id, value) VALUES (1, 0)").await;

    db.close().await.unwrap();
    db.close().await.unwrap();

    let outcome = db.write(async |_| Ok(())).await;
    assert!(
        matches!(
            outcome,
            Err(WriteError::Database(Error::Unavailable(Unavailability::Closed)))
        ),
        "{outcome:?}"
    );
    let outcome = db.migrate(async |_| Ok(())).await;
    assert!(
        matches!(outcome, Err(Error::Unavailable(Unavailability::Closed))),
        "{outcome:?}"
    );
    assert!(db.read().execute_unprepared("SELECT 1").await.is_err());
    assert!(!db.file("-wal").exists(), "the log is in the file");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_finishes_the_queued_writes() {
    let db = TestDb::new().await;
    let gate = db.occupy().await;
    let waiting = db.queue(1..=20, |id| format!("INSERT INTO counter (id, value) VALUES ({id}, 0)"));
    db.until_waiting(20).await;
    let closing = tokio::spawn({
        let db = db.0.clone();
        async move { db.close().await }
    });
    db.until_waiting(21).await;

    gate.open().await;

    for written in waiting.join_all().await {
        written.unwrap();
    }
    closing.await.unwrap().unwrap();
    let again = db.reopen().await;
    assert_eq!(number(again.read(), "SELECT count(*) FROM counter").await.unwrap(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_answers_unavailable() {
    let db = TestDb::with(|options| {
        options.queue = 1;
        options.queue_wait = Duration::ZERO;
    })
    .await;
    let gate = db.occupy().await;
    let waiting = db.queue(1..=1, |id| format!("INSERT INTO counter (id, value) VALUES ({id}, 0)"));
    db.until_waiting(1).await;

    let outcome = db.write(async |_| Ok(())).await;

    assert!(
        matches!(
            outcome,
            Err(WriteError::Database(Error::Unavailable(Unavailability::QueueFull)))
        ),
        "{outcome:?}"
    );
    gate.open().await;
    assert!(waiting.join_all().await[0].is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_caller_leaves_no_partial_change() {
    let db = TestDb::new().await;
    let gate = db.occupy().await;
    let mut waiting = db.queue(1..=10, |id| {
        format!("INSERT INTO counter (id, value) VALUES ({id}, 0); INSERT INTO counter (id, value) VALUES (-{id}, 0)")
    });
    db.until_waiting(10).await;

    waiting.shutdown().await;
    gate.open().await;

    db.run("INSERT INTO counter (id, value) VALUES (100, 0)").await;
    let halves =
        "SELECT count(*) FROM counter a WHERE a.id < 100 AND NOT EXISTS (SELECT 1 FROM counter b WHERE b.id = -a.id)";
    assert_eq!(number(db.read(), halves).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_connection_checkpoints_the_log_into_the_file() {
    let db = TestDb::new().await;
    db.run("INSERT INTO counter (id, value) VALUES (1, 0)").await;
    assert!(db.file("-wal").metadata().unwrap().len() > 0);

    let (log, folder) = (db.file("-wal"), db.forget());

    let closed = async {
        while log.metadata().is_ok_and(|log| log.len() > 0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), closed)
        .await
        .expect("the write thread ends, and its connection with it");
    drop(folder);
}

#[tokio::test]
async fn the_migrations_run_on_the_write_connection_and_may_run_again() {
    use migrations::{Migrator, MigratorTrait};

    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(DbOptions::new(folder.path().join("agora.db")), no_subscribers())
        .await
        .unwrap();

    for _ in 0..2 {
        db.migrate(async |connection| Migrator::up(connection, None).await)
            .await
            .unwrap();
    }
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('seaql_migrations', 'idempotency_key')";
    assert_eq!(number(db.read(), tables).await.unwrap(), 2);
    db.migrate(async |connection| Migrator::down(connection, None).await)
        .await
        .unwrap();
    assert_eq!(number(db.read(), tables).await.unwrap(), 1);
}

#[tokio::test]
async fn a_migration_that_fails_or_panics_is_an_error() {
    let db = TestDb::new().await;

    let failed = db
        .migrate(async |connection| connection.execute_unprepared("nonsense").await.map(drop))
        .await;
    assert!(matches!(failed, Err(Error::Driver(_))), "{failed:?}");
    let panicked = db.migrate(async |_| panic!("a bug")).await;
    assert!(matches!(panicked, Err(Error::Misuse(_))), "{panicked:?}");

    db.run("INSERT INTO counter (id, value) VALUES (1, 0)").await;
}

#[tokio::test]
async fn a_commit_waits_for_the_disk() {
    let db = TestDb::new().await;

    db.migrate(async |connection| {
        assert_eq!(number(connection, "PRAGMA synchronous").await.unwrap(), 2, "FULL");
        assert_eq!(number(connection, "PRAGMA foreign_keys").await.unwrap(), 1);
        assert_eq!(
            number(connection, "SELECT journal_mode = 'wal' FROM pragma_journal_mode")
                .await
                .unwrap(),
            1
        );
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = Db::open(DbOptions::new(folder.path().join("missing/agora.db")), no_subscribers()).await;
    assert!(matches!(outcome.err(), Some(Error::Driver(_))));
}

#[tokio::test]
async fn the_name_of_the_file_is_taken_literally() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("what? 100% ägora#1.db");
    let db = Db::open(DbOptions::new(&path), no_subscribers()).await.unwrap();
    db.migrate(async |connection| {
        connection
            .execute_unprepared("CREATE TABLE t (id INTEGER)")
            .await
            .map(drop)
    })
    .await
    .unwrap();
    assert!(path.exists());
    assert_eq!(number(db.read(), "SELECT count(*) FROM t").await.unwrap(), 0);
}
