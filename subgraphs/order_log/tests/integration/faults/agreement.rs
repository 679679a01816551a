//! The guarantees once all faults are repaired: every acknowledged order is recorded once, on every replica.

use std::collections::HashSet;
use std::path::Path;

use order_log::{Catalog, ReplicaId};
use rusqlite::{Connection, OpenFlags};

use super::POLL;
use super::clients::AcknowledgedTrade;
use super::history::FailedAttempt;
use super::network::REPLICAS;
use super::retrying_client::RetryingClient;
use super::trial::STOCKS;
use crate::cluster::within;
use crate::sqlite_catalog::SqliteCatalog;

/// Checks that every replica holds exactly the acknowledged orders, once and without gaps, and that the catalog agrees.
pub async fn all_replicas_hold(
    folder: &Path,
    front: &RetryingClient,
    catalog: &SqliteCatalog,
    acknowledged: &[AcknowledgedTrade],
) {
    settled(front, catalog, i64::try_from(acknowledged.len()).expect("few") - 1).await;
    let ledgers = REPLICAS.map(|id| ledger(folder, id));
    assert!(ledgers.iter().all(|ledger| *ledger == ledgers[0]), "the ledgers differ");
    holds_what_was_answered(&ledgers[0], acknowledged);
    for (name, _, shares) in STOCKS {
        let left = catalog.quantity(name).await.expect("a catalog");
        assert_eq!(left, Some((shares + moved(folder, name), 0)), "{name}");
    }
}

/// Waits until every replica has applied the last order and no reservation is open.
pub async fn settled(front: &RetryingClient, catalog: &SqliteCatalog, last: i64) {
    for id in REPLICAS {
        let applied = async {
            while front
                .status(id)
                .await
                .is_none_or(|status| !status.ready || status.applied < last)
            {
                tokio::time::sleep(POLL).await;
            }
        };
        within("a replica catches up", applied).await;
    }
    // Many deaths leave many reservations, so each gets its own timeout.
    let reserved = async || catalog.reserved(None, 100_000).await.expect("a catalog").len();
    let mut left = reserved().await;
    while left > 0 {
        let fewer = async {
            loop {
                match reserved().await {
                    now if now < left => return now,
                    _ => tokio::time::sleep(POLL).await,
                }
            }
        };
        left = within("reservations are settled", fewer).await;
    }
}

fn holds_what_was_answered(ledger: &[String], acknowledged: &[AcknowledgedTrade]) {
    let mut expected: Vec<_> = acknowledged.iter().collect();
    expected.sort_by_key(|order| order.number);
    let numbers: Vec<_> = expected.iter().map(|order| order.number).collect();
    let dense: Vec<_> = (0..i64::try_from(expected.len()).expect("few")).collect();
    assert_eq!(numbers, dense);
    assert_eq!(ledger.len(), expected.len(), "an order without a request");
    for (row, order) in ledger.iter().zip(expected) {
        let (wanted, number) = (&order.wanted, order.number);
        let side = wanted.side.as_str();
        let beginning = format!("{number}|k:{}|{}|{side}|{}|", wanted.key, wanted.name, wanted.quantity);
        assert!(row.starts_with(&beginning), "{row} is not {beginning}");
    }
    let attempts: HashSet<_> = ledger.iter().map(|row| row.rsplit('|').next()).collect();
    assert_eq!(attempts.len(), ledger.len());
}

/// A replica's ledger, all of it, line by line.
fn ledger(folder: &Path, id: ReplicaId) -> Vec<String> {
    let sql =
        "SELECT number || '|' || key || '|' || name || '|' || side || '|' || quantity || '|' || price_minor || '|'
            || currency || '|' || coalesce(trader_id, '') || '|' || at_us || '|' || attempt
        FROM exchange_order ORDER BY number";
    let db = file(folder, id);
    let mut rows = db.prepare(sql).expect("a table");
    let rows = rows.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// The change that the ledger made to the available shares of a stock.
fn moved(folder: &Path, name: &str) -> i64 {
    let sql = "SELECT coalesce(sum(iif(side = 'buy', -quantity, quantity)), 0) FROM exchange_order WHERE name = ?1";
    let moved = file(folder, REPLICAS[0]).query_row(sql, [name], |row| row.get(0));
    moved.expect("a sum")
}

/// A replica's file, opened while the replica may write to it.
fn file(folder: &Path, id: ReplicaId) -> Connection {
    opened(&folder.join(format!("orders-{id}.sqlite")))
}

fn opened(path: &Path) -> Connection {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a file");
    db.busy_timeout(std::time::Duration::from_secs(5)).expect("a time");
    db
}

/// The failed attempts to buy.
pub fn failed_attempts_of(folder: &Path, name: &str) -> Vec<FailedAttempt> {
    let sql = "SELECT attempt, substr(key, 3), quantity FROM reservation
        WHERE name = ?1 AND side = 'buy' AND state = 'cancelled' ORDER BY id";
    let db = opened(&folder.join("catalog.sqlite"));
    let mut rows = db.prepare(sql).expect("a table");
    let rows = rows.query_map([name], |row| {
        Ok(FailedAttempt {
            name: row.get(0)?,
            key: row.get(1)?,
            quantity: row.get(2)?,
        })
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

/// The clients' keys that have an order.
pub fn recorded_keys(folder: &Path) -> HashSet<String> {
    let db = file(folder, REPLICAS[0]);
    let mut rows = db
        .prepare("SELECT substr(key, 3) FROM exchange_order")
        .expect("a table");
    let rows = rows.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}
