//! The check of the order log's replicas in the folder: their ledgers are the table of trades.

use std::path::Path;

use rusqlite::{Connection, Row, Rows};

use crate::report::{CheckResult, Deviation, FolderState};
use crate::snapshot::{Snapshot, begin, log_bytes, open_file, sqlite_error};
use crate::{AuditError, InstallationFiles};

const NAME: &str = "replicas";
const RULE: &str =
    "the ledgers of the order replicas have no gaps and are the trades of the table, and one of them has all";

/// A trade as both have it. The times may differ: a replica that executes a trade itself uses its own clock.
const OF_TABLE: &str = "SELECT e.number, e.side || ' ' || e.quantity || ' ' || name || ' at ' || e.price_minor || ' ' || e.currency
    || coalesce(' for user ' || trader_id, '') FROM exchange_order e LEFT JOIN stock ON stock.id = e.stock_id ORDER BY e.number";
const OF_REPLICA: &str =
    "SELECT number, upper(side) || ' ' || quantity || ' ' || name || ' at ' || price_minor || ' ' || currency
    || coalesce(' for user ' || trader_id, ''), attempt FROM exchange_order ORDER BY number";

/// Runs the check. The ledgers are read after the snapshot of the database, so each number that the table has, a majority has, and
/// its leader has applied it.
pub(crate) fn check(
    snapshot: &Snapshot,
    files: &InstallationFiles,
    deviations_max: usize,
) -> Result<CheckResult, AuditError> {
    let mut result = CheckResult {
        name: NAME,
        rule: RULE,
        rows: 0,
        deviations: 0,
        first: Vec::new(),
    };
    let mut last = -1;
    for path in &files.replicas {
        let replica = open_file(path, snapshot.state, log_bytes(path)).map_err(|error| sqlite_error(path, error))?;
        begin(&replica).map_err(|error| sqlite_error(path, error))?;
        let mut comparison = Comparison {
            snapshot,
            path,
            result: &mut result,
            deviations_max,
        };
        last = last.max(comparison.run(&replica)?);
    }
    let of_table = "SELECT coalesce(max(number), -1) FROM exchange_order";
    let table: i64 = snapshot.during(NAME, |db| db.query_row(of_table, [], |row| row.get(0)))?;
    if last < table {
        let deviation = Deviation {
            table: "exchange_order".to_owned(),
            key: "last number".to_owned(),
            expected: format!("{last}, the last number of the replicas, or less"),
            found: table.to_string(),
        };
        result.add(deviation, deviations_max);
    }
    Ok(result)
}

/// The comparison of one replica's ledger with the table.
struct Comparison<'a> {
    snapshot: &'a Snapshot,
    path: &'a Path,
    result: &'a mut CheckResult,
    deviations_max: usize,
}

impl Comparison<'_> {
    /// Returns the last number of the ledger.
    fn run(&mut self, replica: &Connection) -> Result<i64, AuditError> {
        let (path, snapshot) = (self.path, self.snapshot);
        let failed = |error| sqlite_error(path, error);
        let mut of_replica = replica.prepare(OF_REPLICA).map_err(failed)?;
        let mut of_replica = of_replica.query([]).map_err(failed)?;
        let mut expected = 0;
        snapshot.during(NAME, |db| {
            let mut of_table = db.prepare(OF_TABLE)?;
            let mut table = of_table.query([])?;
            let mut in_table = next(&mut table)?;
            while let Some(row) = of_replica.next()? {
                self.result.rows += 1;
                let (number, trade) = numbered(row)?;
                if number != expected {
                    self.add(number, format!("number {expected}"), format!("number {number}"));
                }
                expected = number + 1;
                while in_table.as_ref().is_some_and(|(of_table, _)| *of_table < number) {
                    in_table = next(&mut table)?;
                }
                match &in_table {
                    Some((of_table, known)) if *of_table == number => {
                        if *known != trade {
                            self.add(number, known.clone(), trade);
                        }
                    }
                    // The table lacks a number that is not written back yet.
                    _ => self.require_reserved(db, number, &row.get::<_, String>(2)?)?,
                }
            }
            Ok(())
        })?;
        Ok(expected - 1)
    }

    /// Without a server, each trade that the table lacks is one whose number is missing there.
    fn require_reserved(&mut self, db: &Connection, number: i64, attempt: &str) -> rusqlite::Result<()> {
        if self.snapshot.state == FolderState::Running {
            return Ok(());
        }
        let mut reserved = db.prepare_cached("SELECT 1 FROM reservation WHERE attempt = ?1 AND state = 'RESERVED'")?;
        if !reserved.exists([attempt])? {
            self.add(
                number,
                "a trade of the table".to_owned(),
                "a trade that the table lacks".to_owned(),
            );
        }
        Ok(())
    }

    fn add(&mut self, number: i64, expected: String, found: String) {
        let name = self.path.file_name().unwrap_or_default().display().to_string();
        let deviation = Deviation {
            table: format!("exchange_order of {name}"),
            key: number.to_string(),
            expected,
            found,
        };
        self.result.add(deviation, self.deviations_max);
    }
}

fn next(rows: &mut Rows<'_>) -> rusqlite::Result<Option<(i64, String)>> {
    rows.next()?.map(numbered).transpose()
}

fn numbered(row: &Row<'_>) -> rusqlite::Result<(i64, String)> {
    Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default()))
}
