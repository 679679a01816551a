//! Statements on a connection of rusqlite, as the writer and the readers run them.

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, CachedStatement, Connection};
use sea_orm::{DbErr, ExecResult, QueryResult, Statement};

use crate::row::{self, exec_result};
use crate::value::bind;

/// Prepares a statement and binds its values.
pub(crate) fn query<'a>(connection: &'a Connection, statement: &Statement) -> rusqlite::Result<CachedStatement<'a>> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    bind(&mut prepared, values(statement))?;
    Ok(prepared)
}

/// Reads the first rows of a query, at most `most`.
pub(crate) fn read_rows(
    connection: &Connection,
    statement: &Statement,
    most: usize,
) -> rusqlite::Result<Vec<QueryResult>> {
    let mut prepared = query(connection, statement)?;
    row::read(&mut prepared, most)
}

/// Reads the rows of a query of two integers.
pub(crate) fn read_pairs(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut prepared = query(connection, statement)?;
    let mut rows = prepared.raw_query();
    let mut pairs = Vec::new();
    while let Some(row) = rows.next()? {
        pairs.push((row.get(0)?, row.get(1)?));
    }
    Ok(pairs)
}

/// Runs one statement, and ignores its rows.
pub(crate) fn execute(connection: &Connection, statement: &Statement) -> rusqlite::Result<StatementEffect> {
    let mut prepared = query(connection, statement)?;
    count_changes(connection, || run_to_end(&mut prepared))
}

/// Runs several statements. It stops behind one that ends the transaction, if `needs_transaction`.
pub(crate) fn execute_batch(
    connection: &Connection,
    sql: &str,
    needs_transaction: bool,
) -> rusqlite::Result<StatementEffect> {
    count_changes(connection, || {
        let mut batch = Batch::new(connection, sql);
        while let Some(mut statement) = batch.next()? {
            run_to_end(&mut statement)?;
            if needs_transaction && connection.is_autocommit() {
                break;
            }
        }
        Ok(())
    })
}

/// Runs a statement to its end, and ignores its rows.
pub(crate) fn run_to_end(statement: &mut rusqlite::Statement<'_>) -> rusqlite::Result<()> {
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

/// Runs one statement that begins or ends a transaction.
pub(crate) fn run_control(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    run_to_end(&mut *connection.prepare_cached(sql)?)
}

fn values(statement: &Statement) -> &[sea_orm::Value] {
    statement.values.as_ref().map_or(&[], |values| &values.0)
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug)]
pub struct StatementEffect {
    /// The key of the last row that this connection inserted, by this statement or an earlier one.
    pub last_insert_id: i64,
    /// The number of rows that the statement changed.
    pub rows_affected: u64,
}

impl StatementEffect {
    pub(crate) fn into_exec_result(self) -> Result<ExecResult, DbErr> {
        // SeaORM does not support a negative key: it reports that it cannot read it.
        exec_result(self.last_insert_id.cast_unsigned(), self.rows_affected)
    }
}

fn count_changes(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<StatementEffect> {
    let before = connection.total_changes();
    work()?;
    // If this statement changes no rows, `changes` alone still gives the count of an earlier statement.
    let rows_affected = if connection.total_changes() == before {
        0
    } else {
        connection.changes()
    };
    Ok(StatementEffect {
        last_insert_id: connection.last_insert_rowid(),
        rows_affected,
    })
}
