//! Rows as SeaORM's, for what is not read as models ([`models`](crate::models)).
//!
//! Other crates can create rows of SeaORM only through its [`MockDatabase`]: maps from name to value, strict in both. So a
//! row has its values twice: by name, and by position where the names are not in order. A value must have exactly the
//! requested type, which SQLite does not know: integers are `i64`, reals `f64`, and a column declared as boolean or JSON is
//! that. SeaORM reads a value of any other type as null. (Its `ProxyDatabase` would do the same more directly; 2.0.4 does
//! not compile with it and sqlx-sqlite.)

use std::collections::BTreeMap;

use rusqlite::{Result, Row, Statement};
use sea_orm::{
    DbBackend, DbErr, ExecResult, MockDatabase, MockDatabaseTrait, MockExecResult, QueryResult,
    Statement as SeaStatement, Value,
};

use crate::value::{ValueKind, conversion_error};

/// Runs a statement, and converts at most so many of its rows.
pub(crate) fn read(statement: &mut Statement<'_>, most: usize) -> Result<Vec<QueryResult>> {
    let mut rows = statement.raw_query();
    let (mut kinds, mut read) = (Vec::new(), Vec::new());
    while read.len() < most
        && let Some(row) = rows.next()?
    {
        // The first step has prepared the statement for the current tables.
        if read.is_empty() {
            kinds = value_kinds(row);
        }
        read.push(values(row, &kinds)?);
    }
    drop(rows);
    if read.is_empty() {
        return Ok(Vec::new());
    }
    query_results(statement.column_names(), read)
}

/// Converts the current row of a statement.
pub(crate) fn convert(row: &Row<'_>) -> Result<Option<QueryResult>> {
    let values = values(row, &value_kinds(row))?;
    Ok(query_results(row.as_ref().column_names(), vec![values])?.pop())
}

fn value_kinds(row: &Row<'_>) -> Vec<ValueKind> {
    let columns = row.as_ref().columns();
    let kinds = columns
        .iter()
        .map(|column| ValueKind::of_declaration(column.decl_type()));
    kinds.collect()
}

fn values(row: &Row<'_>, kinds: &[ValueKind]) -> Result<Vec<Value>> {
    let values = kinds.iter().enumerate();
    values
        .map(|(index, kind)| kind.convert_any(row.get_ref(index)?, index))
        .collect()
}

/// The keys under which SeaORM looks up the values of a row.
struct Keys<'a> {
    /// The keys of the positions; empty where the names alone are in order.
    positions: Vec<String>,
    /// The names with their positions, in the order of a map.
    names: Vec<(&'a str, usize)>,
}

impl<'a> Keys<'a> {
    fn new(columns: Vec<&'a str>) -> Self {
        // The map would sort the columns differently, or lose one that has the name of another.
        let is_unsorted = !columns.is_sorted_by(|a, b| a < b);
        let positions = if is_unsorted {
            (0..columns.len()).map(position_key).collect()
        } else {
            Vec::new()
        };
        let mut names: Vec<_> = columns.into_iter().zip(0..).collect();
        if is_unsorted {
            // An empty name would sort before the positions.
            names.retain(|(name, _)| !name.is_empty());
            names.sort();
        }
        Self { positions, names }
    }

    /// Returns the values of a row as a map. From entries in order it is built without a search for each.
    fn values(&self, mut row: Vec<Value>) -> BTreeMap<&str, Value> {
        let positions: Vec<_> = self
            .positions
            .iter()
            .map(String::as_str)
            .zip(row.iter().cloned())
            .collect();
        let names = self.names.iter().map(|(name, index)| {
            let nothing = Value::BigInt(None);
            let value = row
                .get_mut(*index)
                .map(|value| std::mem::replace(value, nothing.clone()));
            (*name, value.unwrap_or(nothing))
        });
        positions.into_iter().chain(names).collect()
    }
}

/// Returns the key of a position: before every name, and in order. SQLite allows fewer columns than there are
/// characters.
fn position_key(index: usize) -> String {
    let character = u32::try_from(index).ok().and_then(char::from_u32);
    String::from_iter(['\0', character.unwrap_or(char::MAX)])
}

fn query_results(columns: Vec<&str>, rows: Vec<Vec<Value>>) -> Result<Vec<QueryResult>> {
    let keys = Keys::new(columns);
    let rows = rows.into_iter().map(|row| keys.values(row));
    let mut database = MockDatabase::new(DbBackend::Sqlite).append_query_results([rows]);
    let results = database.query(0, empty_statement());
    results.map_err(conversion_error)
}

/// Converts the effect of a statement to SeaORM's.
pub(crate) fn exec_result(last_insert_id: u64, rows_affected: u64) -> Result<ExecResult, DbErr> {
    let done = MockExecResult {
        last_insert_id,
        rows_affected,
    };
    MockDatabase::new(DbBackend::Sqlite)
        .append_exec_results([done])
        .execute(0, empty_statement())
}

fn empty_statement() -> SeaStatement {
    SeaStatement::from_string(DbBackend::Sqlite, "")
}
