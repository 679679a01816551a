//! Rows as models, each value put straight into its member.
//!
//! SeaORM makes a model from a row of its own, which a connection of another library can only give it as a map of names
//! ([`row`](crate::row)); that costs as much as reading the row. A row that does not fit its model exactly is left to
//! SeaORM, whose errors name the column and the type.

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sea_orm::sea_query::ColumnType;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IdenStatic, Iterable, Statement, TryIntoModel, Value};

use crate::statement::query;

/// A table whose rows can be read as models, as every table of SeaORM's derives can.
pub trait ReadEntity: EntityTrait<ActiveModel: TryIntoModel<<Self as EntityTrait>::Model>> {}

impl<E> ReadEntity for E where E: EntityTrait<ActiveModel: TryIntoModel<<E as EntityTrait>::Model>> {}

/// Reads the rows of a query; `None` if one of them does not fit.
pub(crate) fn read_models<E: ReadEntity>(
    connection: &Connection,
    asked: &Statement,
) -> rusqlite::Result<Option<Vec<E::Model>>> {
    let mut statement = query(connection, asked)?;
    let mut rows = statement.raw_query();
    let (mut members, mut models) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        // The first step has prepared the statement for the current tables.
        let members = members.get_or_insert_with(|| members_of::<E>(row.as_ref()));
        let Some(members) = members else { return Ok(None) };
        let Some(model) = model::<E>(row, members)? else {
            return Ok(None);
        };
        models.push(model);
    }
    Ok(Some(models))
}

/// A member of a model, and its column in the result.
struct Member<C> {
    column: C,
    index: usize,
    kind: MemberKind,
}

/// Returns the members of a table's model; `None` if the result lacks a column.
fn members_of<E: EntityTrait>(statement: &rusqlite::Statement<'_>) -> Option<Vec<Member<E::Column>>> {
    let names = statement.column_names();
    let member = |(place, column): (usize, E::Column)| {
        let is_here = |name: &&str| *name == column.as_str();
        // SeaORM selects the columns in their order.
        let index = if names.get(place).is_some_and(is_here) {
            place
        } else {
            names.iter().position(is_here)?
        };
        let kind = MemberKind::of(column.def().get_column_type());
        Some(Member { column, index, kind })
    };
    E::Column::iter()
        .enumerate()
        .map(|(place, column)| member((place, column)))
        .collect()
}

fn model<E: ReadEntity>(row: &rusqlite::Row<'_>, members: &[Member<E::Column>]) -> rusqlite::Result<Option<E::Model>> {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    for member in members {
        let value = member.kind.value(row.get_ref(member.index)?);
        let is_set = value.is_some_and(|value| model.try_set(member.column, value).is_ok());
        if !is_set {
            return Ok(None);
        }
    }
    Ok(model.try_into_model().ok())
}

/// The variant of [`Value`] that a member takes; also where it is null.
#[derive(Clone, Copy)]
enum MemberKind {
    Boolean,
    Integer,
    Real,
    Text,
    Bytes,
    Json,
}

impl MemberKind {
    fn of(column: &ColumnType) -> Self {
        match column {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Float | ColumnType::Double => Self::Real,
            ColumnType::Char(_) | ColumnType::String(_) | ColumnType::Text | ColumnType::Enum { .. } => Self::Text,
            ColumnType::Binary(_) | ColumnType::VarBinary(_) | ColumnType::Blob => Self::Bytes,
            ColumnType::Json | ColumnType::JsonBinary => Self::Json,
            _ => Self::Integer,
        }
    }

    /// Converts a value; `None` if it is of another kind.
    fn value(self, value: ValueRef<'_>) -> Option<Value> {
        Some(match (self, value) {
            (Self::Boolean, ValueRef::Integer(value)) => Value::Bool(Some(value != 0)),
            (Self::Boolean, ValueRef::Null) => Value::Bool(None),
            (Self::Integer, ValueRef::Integer(value)) => Value::BigInt(Some(value)),
            (Self::Integer, ValueRef::Null) => Value::BigInt(None),
            (Self::Real, ValueRef::Real(value)) => Value::Double(Some(value)),
            (Self::Real, ValueRef::Null) => Value::Double(None),
            (Self::Text, ValueRef::Text(value)) => Value::String(Some(str::from_utf8(value).ok()?.to_owned())),
            (Self::Text, ValueRef::Null) => Value::String(None),
            (Self::Bytes, ValueRef::Blob(value)) => Value::Bytes(Some(value.to_owned())),
            (Self::Bytes, ValueRef::Null) => Value::Bytes(None),
            (Self::Json, ValueRef::Text(value)) => Value::Json(Some(serde_json::from_slice(value).ok()?)),
            (Self::Json, ValueRef::Null) => Value::Json(None),
            _ => return None,
        })
    }
}
