//! Conversion of values and rows between SeaORM's types and rusqlite's.
//!
//! Other crates can create rows of SeaORM only through its [`MockDatabase`]: maps from name to value, strict in
//! both. So a row has its values twice (by name, and by position where the names are not in order). A value must
//! have exactly the requested type, which SQLite does not know: integers are `i64`, reals `f64`, and a column
//! declared as boolean or JSON is that. SeaORM reads a value of any other type as null. (Its `ProxyDatabase` would
//! do the same more directly; 2.0.4 does not compile with it and sqlx-sqlite.)

use std::borrow::Cow;
use std::collections::BTreeMap;

use rusqlite::types::{ToSql, ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{Error, Result, Row, Statement};
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

/// The columns of a statement's result.
pub(crate) struct Columns {
    columns: Vec<(String, ColumnKind)>,
    /// Whether the map would sort them differently, or lose a column that has the name of another.
    is_unsorted: bool,
}

/// The type of a column, as far as the stored value alone does not tell it.
#[derive(Clone, Copy, PartialEq)]
enum ColumnKind {
    AsStored,
    Boolean,
    Json,
}

impl Columns {
    /// Reads the columns of a statement that has run a step, so that it knows the current tables.
    pub(crate) fn of(statement: &Statement<'_>) -> Self {
        let described = statement.columns();
        let columns: Vec<_> = described
            .iter()
            .map(|column| (column.name().to_owned(), ColumnKind::declared(column.decl_type())))
            .collect();
        let is_unsorted = !columns.is_sorted_by(|(a, _), (b, _)| a < b);
        Self { columns, is_unsorted }
    }

    pub(crate) fn row(&self, row: &Row<'_>) -> Result<Values> {
        let mut values = Values::new();
        for (index, (name, kind)) in self.columns.iter().enumerate() {
            let value = value(row.get_ref(index)?, *kind, index)?;
            if self.is_unsorted {
                values.insert(position_key(index).into(), value.clone());
            }
            // An empty name would sort before the positions.
            if !(self.is_unsorted && name.is_empty()) {
                values.insert(name.clone().into(), value);
            }
        }
        Ok(values)
    }
}

/// The values of a row, under the keys that SeaORM looks up.
pub(crate) type Values = BTreeMap<Cow<'static, str>, Value>;

/// Returns the key of a position: before every name, and in order. SQLite allows fewer columns than there are
/// characters.
fn position_key(index: usize) -> String {
    let character = u32::try_from(index).ok().and_then(char::from_u32);
    String::from_iter(['\0', character.unwrap_or(char::MAX)])
}

/// Converts rows to SeaORM's.
pub(crate) fn query_results(rows: Vec<Values>) -> Result<Vec<QueryResult>, DbErr> {
    if rows.is_empty() {
        Ok(Vec::new())
    } else {
        MockDatabase::new(DbBackend::Sqlite)
            .append_query_results([rows])
            .query(0, empty_statement())
    }
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
