//! Statements on a connection of rusqlite, as the writer and the readers run them.

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, CachedStatement, Connection};
use sea_orm::{DbErr, ExecResult, QueryResult, Statement};

use crate::row::{self, bind, exec_result};

/// Prepares a statement and binds its values.
pub(crate) fn query<'a>(connection: &'a Connection, asked: &Statement) -> rusqlite::Result<CachedStatement<'a>> {
    let mut statement = connection.prepare_cached(&asked.sql)?;
    bind(&mut statement, values(asked))?;
    Ok(statement)
}

/// Reads the first rows of a query, at most `most`.
pub(crate) fn read_rows(connection: &Connection, asked: &Statement, most: usize) -> rusqlite::Result<Vec<QueryResult>> {
    let mut statement = query(connection, asked)?;
    row::read(&mut statement, most, !asked.sql.ends_with(row::BY_NAME_ONLY))
}

/// Runs one statement, and ignores its rows.
pub(crate) fn execute(connection: &Connection, asked: &Statement) -> rusqlite::Result<StatementEffect> {
    let mut statement = query(connection, asked)?;
    count_changes(connection, || run_to_end(&mut statement))
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

fn values(asked: &Statement) -> &[sea_orm::Value] {
    asked.values.as_ref().map_or(&[], |values| &values.0)
}

/// The effect of a statement.
pub(crate) struct StatementEffect {
    last_insert_rowid: i64,
    changes: u64,
}

impl StatementEffect {
    pub(crate) fn into_exec_result(self) -> Result<ExecResult, DbErr> {
        // SeaORM does not support a negative key: it reports that it cannot read it.
        exec_result(self.last_insert_rowid.cast_unsigned(), self.changes)
    }
}

fn count_changes(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<StatementEffect> {
    let before = connection.total_changes();
    work()?;
    // If this statement changes no rows, `changes` alone still gives the count of an earlier statement.
    let changes = if connection.total_changes() == before {
        0
    } else {
        connection.changes()
    };
    Ok(StatementEffect {
        last_insert_rowid: connection.last_insert_rowid(),
        changes,
    })
}
