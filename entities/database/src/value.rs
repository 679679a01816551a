//! Conversion of single values between SeaORM's type and rusqlite's: the one implementation for readers and writer, for
//! models and for SeaORM's rows.

use rusqlite::types::{ToSql, ToSqlOutput, Type, Value as Owned, ValueRef};
use rusqlite::{Error, Result, Statement};
use sea_orm::Value;
use sea_orm::sea_query::{ColumnType, OptionEnum};

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

pub(crate) fn conversion_error(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::ToSqlConversionFailure(why.into())
}

/// The variant of [`Value`] that a column is read as. SQLite does not know it: a stored value alone tells less.
#[derive(Clone, Copy)]
pub(crate) enum ValueKind {
    /// The variant of the stored value.
    AsStored,
    Boolean,
    Integer,
    Real,
    Text,
    Bytes,
    Json,
}

impl ValueKind {
    /// Returns the kind of a column of a table.
    pub(crate) fn of_column(column: &ColumnType) -> Self {
        match column {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Float | ColumnType::Double => Self::Real,
            ColumnType::Char(_) | ColumnType::String(_) | ColumnType::Text | ColumnType::Enum { .. } => Self::Text,
            ColumnType::Binary(_) | ColumnType::VarBinary(_) | ColumnType::Blob => Self::Bytes,
            ColumnType::Json | ColumnType::JsonBinary => Self::Json,
            _ => Self::Integer,
        }
    }

    /// Returns the kind of a column of a result, by the type that its table declares for it. A computed column has none.
    pub(crate) fn of_declaration(declared: Option<&str>) -> Self {
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

    /// Converts the value of the column with that index; `None` if it is of another kind.
    pub(crate) fn convert(self, value: ValueRef<'_>, index: usize) -> Result<Option<Value>> {
        Ok(Some(match (self, value) {
            (Self::Boolean, ValueRef::Integer(value)) => Value::Bool(Some(value != 0)),
            (Self::Boolean, ValueRef::Null) => Value::Bool(None),
            (Self::Integer | Self::AsStored, ValueRef::Integer(value)) => Value::BigInt(Some(value)),
            (Self::Integer | Self::AsStored, ValueRef::Null) => Value::BigInt(None),
            (Self::Real | Self::AsStored, ValueRef::Real(value)) => Value::Double(Some(value)),
            (Self::Real, ValueRef::Null) => Value::Double(None),
            (Self::Text | Self::AsStored, ValueRef::Text(value)) => Value::String(Some(utf8(value, index)?.to_owned())),
            (Self::Text, ValueRef::Null) => Value::String(None),
            (Self::Bytes | Self::AsStored, ValueRef::Blob(value)) => Value::Bytes(Some(value.to_owned())),
            (Self::Bytes, ValueRef::Null) => Value::Bytes(None),
            (Self::Json, ValueRef::Text(value)) => Value::Json(Some(parse_json(value, index)?)),
            (Self::Json, ValueRef::Null) => Value::Json(None),
            _ => return Ok(None),
        }))
    }

    /// Like [`convert`](Self::convert), but returns a value of another kind as it is stored.
    pub(crate) fn convert_any(self, value: ValueRef<'_>, index: usize) -> Result<Value> {
        let value = match self.convert(value, index)? {
            None => Self::AsStored.convert(value, index)?,
            fitting => fitting,
        };
        Ok(value.unwrap_or(Value::BigInt(None)))
    }
}

fn utf8(text: &[u8], index: usize) -> Result<&str> {
    std::str::from_utf8(text).map_err(|error| Error::Utf8Error(index, error))
}

fn parse_json(text: &[u8], index: usize) -> Result<Box<serde_json::Value>> {
    serde_json::from_slice(text).map_err(|error| Error::FromSqlConversionFailure(index, Type::Text, error.into()))
}
