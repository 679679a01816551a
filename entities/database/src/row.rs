//! Conversion of values and rows between SeaORM's types and rusqlite's.
//!
//! Other crates can create rows of SeaORM only through its [`MockDatabase`]: maps from name to value, strict in
//! both. So a row has its values twice (by name, and by position where the names are not in order), unless the
//! statement says that no row is read by position (`RETURNING *`). A value must have
//! exactly the requested type, which SQLite does not know: integers are `i64`, reals `f64`, and a column declared as
//! boolean or JSON is that. SeaORM reads a value of any other type as null. (Its `ProxyDatabase` would
//! do the same more directly; 2.0.4 does not compile with it and sqlx-sqlite.)

use std::collections::BTreeMap;

use rusqlite::types::{ToSql, ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{Error, Result, Statement};
use sea_orm::sea_query::OptionEnum;
use sea_orm::{
    DbBackend, DbErr, ExecResult, MockDatabase, MockDatabaseTrait, MockExecResult, QueryResult,
    Statement as SeaStatement, Value,
};

/// Binds the values in their order. A wrong number of values is an error.
pub(crate) fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<()> {
    if statement.parameter_count() != values.len() {
        return Err(Error::InvalidParameterCount(values.len(), statement.parameter_count()));
    }
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, BoundValue(value))?;
    }
    Ok(())
}

struct BoundValue<'a>(&'a Value);

impl ToSql for BoundValue<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Bool(value) => integer(*value),
            Value::TinyInt(value) => integer(*value),
            Value::SmallInt(value) => integer(*value),
            Value::Int(value) => integer(*value),
            Value::BigInt(value) => integer(*value),
            Value::TinyUnsigned(value) => integer(*value),
            Value::SmallUnsigned(value) => integer(*value),
            Value::Unsigned(value) => integer(*value),
            Value::BigUnsigned(value) => integer(value.map(i64::try_from).transpose().map_err(conversion_error)?),
            Value::Float(value) => real(value.map(f64::from)),
            Value::Double(value) => real(*value),
            Value::String(value) => text(value.as_deref()),
            Value::Enum(OptionEnum::Some(value)) => text(Some(&value.value)),
            Value::Enum(OptionEnum::None(_)) => text(None),
            Value::Char(value) => owned(value.map(|value| Owned::Text(value.into()))),
            Value::Bytes(value) => ToSqlOutput::Borrowed(value.as_deref().map_or(ValueRef::Null, ValueRef::Blob)),
            other => return json(other),
        })
    }
}

fn integer(value: Option<impl Into<i64>>) -> ToSqlOutput<'static> {
    owned(value.map(|value| Owned::Integer(value.into())))
}

fn real(value: Option<f64>) -> ToSqlOutput<'static> {
    owned(value.map(Owned::Real))
}

/// SeaORM's features decide which other variants exist. No column here has a time or a decimal.
fn json(value: &Value) -> Result<ToSqlOutput<'_>> {
    let Value::Json(json) = value else {
        return Err(conversion_error(format!("no column holds a value like {value:?}")));
    };
    Ok(owned(json.as_ref().map(|json| Owned::Text(json.to_string()))))
}

fn owned(value: Option<Owned>) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(value.unwrap_or(Owned::Null))
}

fn text(value: Option<&str>) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(value.map_or(ValueRef::Null, |value| ValueRef::Text(value.as_bytes())))
}

fn conversion_error(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::ToSqlConversionFailure(why.into())
}

/// The type of a column, as far as the stored value alone does not tell it.
#[derive(Clone, Copy, PartialEq)]
enum ColumnKind {
    AsStored,
    Boolean,
    Json,
}

/// The end of statements whose rows are read by name only: the statement does not say in which order its columns are.
pub(crate) const BY_NAME_ONLY: &str = "RETURNING *";

/// Runs a statement, and converts at most so many of its rows to SeaORM's. `by_position` is false when no row is read
/// by position.
pub(crate) fn read(statement: &mut Statement<'_>, most: usize, by_position: bool) -> Result<Vec<QueryResult>> {
    let mut rows = statement.raw_query();
    let (mut kinds, mut read) = (Vec::new(), Vec::new());
    while read.len() < most
        && let Some(row) = rows.next()?
    {
        // The first step has prepared the statement for the current tables.
        if read.is_empty() {
            kinds = column_kinds(row.as_ref());
        }
        let mut values = Vec::with_capacity(kinds.len());
        for (index, kind) in kinds.iter().enumerate() {
            values.push(value(row.get_ref(index)?, *kind, index)?);
        }
        read.push(values);
    }
    drop(rows);
    if read.is_empty() {
        return Ok(Vec::new());
    }
    let keys = Keys::new(statement.column_names(), by_position);
    query_results(read.into_iter().map(|row| keys.values(row)))
}

fn column_kinds(statement: &Statement<'_>) -> Vec<ColumnKind> {
    let columns = statement.columns();
    let kinds = columns.iter().map(|column| ColumnKind::declared(column.decl_type()));
    kinds.collect()
}

/// The keys under which SeaORM looks up the values of a row.
struct Keys<'a> {
    /// The keys of the positions; empty where the names alone are in order, or where they are not asked for.
    positions: Vec<String>,
    /// The names with their positions, in the order of a map.
    names: Vec<(&'a str, usize)>,
}

impl<'a> Keys<'a> {
    fn new(columns: Vec<&'a str>, by_position: bool) -> Self {
        // The map would sort the columns differently, or lose one that has the name of another.
        let is_unsorted = !columns.is_sorted_by(|a, b| a < b);
        let positions = if by_position && is_unsorted {
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

fn query_results<'a>(rows: impl Iterator<Item = BTreeMap<&'a str, Value>>) -> Result<Vec<QueryResult>> {
    let mut database = MockDatabase::new(DbBackend::Sqlite).append_query_results([rows]);
    let results = database.query(0, empty_statement());
    results.map_err(|error| Error::ToSqlConversionFailure(error.into()))
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

impl ColumnKind {
    fn declared(declared: Option<&str>) -> Self {
        let starts = |start: &str| {
            let head = declared.and_then(|declared| declared.get(..start.len()));
            head.is_some_and(|head| head.eq_ignore_ascii_case(start))
        };
        match () {
            () if starts("bool") => Self::Boolean,
            () if starts("json") => Self::Json,
            () => Self::AsStored,
        }
    }
}

fn value(value: ValueRef<'_>, kind: ColumnKind, index: usize) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::BigInt(None),
        ValueRef::Integer(value) if kind == ColumnKind::Boolean => Value::Bool(Some(value != 0)),
        ValueRef::Integer(value) => Value::BigInt(Some(value)),
        ValueRef::Real(value) => Value::Double(Some(value)),
        ValueRef::Text(value) if kind == ColumnKind::Json => {
            let unreadable = |error| Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error);
            Value::Json(Some(
                serde_json::from_slice(value).map_err(|error| unreadable(error.into()))?,
            ))
        }
        ValueRef::Text(value) => {
            let value = std::str::from_utf8(value).map_err(|error| Error::Utf8Error(index, error))?;
            Value::String(Some(value.to_owned()))
        }
        ValueRef::Blob(value) => Value::Bytes(Some(value.to_owned())),
    })
}
