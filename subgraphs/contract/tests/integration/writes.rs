//! The events of a write: a replayed request publishes none, and a service's write is independent of its caller.

use contract::{Event, EventStream, IdempotencyKey, IdempotentResult, Result, Tx, Viewer, idempotent};
use migrations::{Migrator, MigratorTrait};
use sea_orm::ConnectionTrait;
use testing::{Gate, received_events, until_waiting};

use crate::support::TestDb;

/// The ids of the events that have arrived.
fn received(events: &mut EventStream) -> Vec<i64> {
    let id = |event| match event {
        Event::MessageSent { id, .. } => id,
        other => panic!("{other:?}"),
    };
    received_events(events).into_iter().map(id).collect()
}

/// Inserts a row, and publishes an event with its id.
async fn insert(tx: &Tx, id: i64) -> Result<()> {
    let statement = format!("INSERT INTO counter (id, value) VALUES ({id}, 0)");
    tx.execute_unprepared(&statement).await?;
    tx.publish(Event::MessageSent { id, to: 0 });
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_idempotency_key_publishes_nothing() {
    let db = TestDb::new().await;
    db.migrate(async |connection| Migrator::up(connection, None).await)
        .await
        .unwrap();
    let mut events = db.events();
    let add = async || {
        let key = IdempotencyKey::for_mutation(&Viewer::Anonymous, "add", Some("k".to_owned()), &"a").unwrap();
        let add = async move |tx: &Tx| idempotent(tx, key.as_ref(), 0, async || insert(tx, 1).await).await;
        db.write(add).await.unwrap()
    };

    assert_eq!(add().await, IdempotentResult::Executed(()));
    assert_eq!(received(&mut events), [1]);

    assert_eq!(add().await, IdempotentResult::Replayed(()));
    assert_eq!(received(&mut events), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_write_happens_although_its_caller_left_the_queue() {
    let db = TestDb::new().await;
    let mut events = db.events();
    let gate = Gate::close(&db.services().db).await;
    let services = db.services();
    let of_services = tokio::spawn(async move { services.write(async |tx: &Tx| insert(tx, 1).await).await });
    until_waiting(&db, 1).await;
    let other = db.services().db;
    let of_db = tokio::spawn(async move { other.write(async |tx: &Tx| insert(tx, 2).await).await });
    until_waiting(&db, 2).await;

    for caller in [of_services, of_db] {
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
    }
    gate.open().await;
    db.write(async |tx| insert(tx, 3).await).await.unwrap();

    assert_eq!(received(&mut events), [1, 3]);
}
