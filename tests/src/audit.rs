//! The invariants of the tables between writes: money, shares, products and votes add up.

use std::collections::BTreeMap;
use std::path::Path;

use agora::config::DataFolder;
use audit::AuditLimits;
use rusqlite::{Connection, OpenFlags};

/// The deviations of one check that a failed test shows.
const DEVIATIONS_MAX: usize = 20;

/// A read-only view of the database in a data folder, which a server may have open at the same time.
pub struct Audit(Connection);

impl Audit {
    /// Opens the database of the data folder `data`.
    pub fn open(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self(Connection::open_with_flags(data.join("agora.db"), flags).expect("the database opens"))
    }

    /// Describes each violated invariant; the list is empty when everything adds up. All queries read one snapshot.
    pub fn violations(&self) -> Vec<String> {
        let snapshot = self.0.unchecked_transaction().expect("a moment");
        let checks = audit::check_tables(&snapshot, DEVIATIONS_MAX).expect("the checks run");
        let violations = checks.iter().flat_map(|check| {
            let violation = |deviation| format!("not true that {}: {deviation}", check.rule);
            check.first.iter().map(violation)
        });
        violations.collect()
    }

    /// Returns the shares of each stock, whether the exchange or people hold them, or the bazaar sold them. Only
    /// listing a stock and correcting the catalog change these sums, also while trades are executed.
    pub fn shares(&self) -> Vec<(String, i64)> {
        // A trade without a number has moved its shares already, or set those of a purchase aside.
        let sql = "SELECT name, stock.quantity
                + coalesce((SELECT sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END)
                            FROM exchange_order e WHERE e.stock_id = stock.id), 0)
                + coalesce((SELECT sum(CASE WHEN side = 'BUY' THEN quantity WHEN binding THEN -quantity ELSE 0 END)
                            FROM reservation r WHERE r.stock_id = stock.id AND state = 'RESERVED'), 0)
             FROM stock ORDER BY stock.id";
        let mut statement = self.0.prepare(sql).expect("a query");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.expect("a query").map(|row| row.expect("a row")).collect()
    }

    /// Returns the single number that a query selects.
    pub fn number(&self, query: &str) -> i64 {
        self.0.query_row(query, [], |row| row.get(0)).expect("a number")
    }

    /// Returns the row count of each table.
    pub fn rows(&self) -> BTreeMap<String, i64> {
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let mut tables = self.0.prepare(tables).expect("a query");
        let names = tables.query_map([], |row| row.get(0)).expect("a query");
        let rows = |name: String| {
            let rows = self.number(&format!(r#"SELECT count(*) FROM "{name}""#));
            (name, rows)
        };
        names.map(|name| rows(name.expect("a row"))).collect()
    }

    /// Fails the test when an invariant is violated.
    pub fn assert_balanced(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }
}

/// Fails the test when something in a data folder does not add up: the rules of the tables, the files, the acknowledged
/// commits, or the ledgers of order replicas.
pub fn verify(data: &Path) {
    let files = DataFolder::new(data).files().expect("a folder");
    let report = audit::audit(&files, &AuditLimits::default()).expect("a report");
    assert!(report.adds_up, "{report}");
}
