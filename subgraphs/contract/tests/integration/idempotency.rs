//! The same key with the same request has one effect and one answer.

use contract::{Db, Error, IdempotencyKey, IdempotentResult, Result, Role, Viewer, idempotent};
use migrations::{Migrator, MigratorTrait};
use sea_orm::ConnectionTrait;

use crate::support::{TestDb, number};

const NOW: i64 = 1_800_000_000_000_000;
const HOUR: i64 = 3_600_000_000;

async fn database() -> TestDb {
    let db = TestDb::new().await;
    db.migrate(async |connection| Migrator::up(connection, None).await)
        .await
        .unwrap();
    db
}

fn person(id: i64) -> Viewer {
    Viewer::User {
        id,
        role: Role::Member,
        admin: false,
    }
}

fn key_of(viewer: &Viewer, field: &str, key: &str, arguments: &str) -> Option<IdempotencyKey> {
    IdempotencyKey::for_mutation(viewer, field, Some(key.to_owned()), &arguments).unwrap()
}

/// Adds a row, once for each key, and returns the number of rows.
async fn add(db: &Db, key: Option<IdempotencyKey>, now_us: i64) -> Result<IdempotentResult<i64>> {
    db.write(async move |tx| {
        idempotent(tx, key.as_ref(), now_us, async || {
            tx.execute_unprepared("INSERT INTO counter (value) VALUES (0)").await?;
            number(tx, "SELECT count(*) FROM counter").await
        })
        .await
    })
    .await
}

async fn rows(db: &Db) -> i64 {
    number(db.read(), "SELECT count(*) FROM counter").await.unwrap()
}

#[tokio::test]
async fn a_repeated_request_repeats_the_response_and_does_nothing() {
    let db = database().await;
    let key = key_of(&person(1), "add", "k", "a");

    assert_eq!(add(&db, key.clone(), NOW).await.unwrap(), IdempotentResult::Executed(1));
    db.run("INSERT INTO counter (value) VALUES (0)").await;
    assert_eq!(
        add(&db, key.clone(), NOW + HOUR).await.unwrap(),
        IdempotentResult::Replayed(1)
    );
    assert_eq!(rows(&db).await, 2);

    db.close().await.unwrap();
    let again = db.reopen().await;
    assert_eq!(
        add(&again, key, NOW + 2 * HOUR).await.unwrap(),
        IdempotentResult::Replayed(1),
        "also after a restart"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_with_one_key_have_one_effect() {
    let db = database().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (db, key) = (db.services().db, key_of(&person(1), "add", "k", "a"));
        tasks.spawn(async move { add(&db, key, NOW).await.unwrap() });
    }

    let answers = tasks.join_all().await;

    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == IdempotentResult::Executed(1))
            .count(),
        1
    );
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == IdempotentResult::Replayed(1))
            .count(),
        49
    );
    assert_eq!(rows(&db).await, 1);
}

#[tokio::test]
async fn the_key_of_another_request_is_refused_without_an_effect() {
    let db = database().await;
    add(&db, key_of(&person(1), "add", "k", "a"), NOW).await.unwrap();

    let outcome = add(&db, key_of(&person(1), "add", "k", "b"), NOW).await;

    assert!(matches!(outcome, Err(Error::IdempotencyMismatch)), "{outcome:?}");
    assert_eq!(rows(&db).await, 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_unused() {
    let db = database().await;
    let key = || key_of(&person(1), "add", "k", "a");

    let refused = db
        .write(async move |tx| {
            idempotent(tx, key().as_ref(), NOW, async || {
                tx.execute_unprepared("INSERT INTO counter (value) VALUES (0)").await?;
                Err::<i64, _>(Error::InsufficientFunds)
            })
            .await
        })
        .await;

    assert!(matches!(refused, Err(Error::InsufficientFunds)), "{refused:?}");
    assert_eq!(add(&db, key(), NOW).await.unwrap(), IdempotentResult::Executed(1));
}

#[tokio::test]
async fn a_failed_commit_leaves_its_key_unused() {
    let db = database().await;
    let key = || key_of(&person(1), "add", "k", "a");

    let failed = db
        .write(async move |tx| {
            idempotent(tx, key().as_ref(), NOW, async || {
                // The parent does not exist, which SQLite reports at the commit.
                Ok(tx
                    .execute_unprepared("INSERT INTO child (parent) VALUES (999)")
                    .await
                    .map(drop)?)
            })
            .await
        })
        .await;

    assert!(matches!(failed, Err(Error::Database(_))), "{failed:?}");
    assert_eq!(add(&db, key(), NOW).await.unwrap(), IdempotentResult::Executed(1));
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let db = database().await;
    let service = |name: &str| Viewer::service(name);

    for viewer in [
        person(1),
        person(2),
        Viewer::Anonymous,
        service("bookstore"),
        service("shop"),
        Viewer::open_mount("shop"),
    ] {
        let answer = add(&db, key_of(&viewer, "add", "k", "a"), NOW).await.unwrap();
        assert!(matches!(answer, IdempotentResult::Executed(_)), "{viewer:?}");
    }
    assert_eq!(rows(&db).await, 6);

    for viewer in [person(1), service("shop")] {
        let another = add(&db, key_of(&viewer, "addAnother", "k", "a"), NOW).await.unwrap();
        assert!(
            matches!(another, IdempotentResult::Executed(_)),
            "the keys of {viewer:?} are told apart by the mutation"
        );
    }
    let another = add(&db, key_of(&Viewer::open_mount("shop"), "addAnother", "k", "a"), NOW).await;
    assert!(
        matches!(another, Err(Error::IdempotencyMismatch)),
        "those of an open mount are not"
    );
}

#[tokio::test]
async fn without_a_key_every_request_has_its_effect() {
    let db = database().await;
    let none = IdempotencyKey::for_mutation(&person(1), "add", None, &"a").unwrap();

    for n in 1..=3 {
        assert_eq!(
            add(&db, none.clone(), NOW).await.unwrap(),
            IdempotentResult::Executed(n)
        );
    }
}

#[tokio::test]
async fn invalid_keys_are_refused() {
    for key in ["", " ", "\t\n", &"k".repeat(256)] {
        let outcome = IdempotencyKey::for_mutation(&person(1), "add", Some(key.to_owned()), &"a");
        assert!(
            matches!(&outcome, Err(Error::InvalidInput { field, .. }) if field == "idempotencyKey"),
            "{outcome:?}"
        );
    }
    let longest = "ä".repeat(255);
    assert!(key_of(&person(1), "add", &longest, "a").is_some());
}
