//! Rows as models, each value put straight into its member.
//!
//! SeaORM makes a model from a row of its own, which a connection of another library can only give it as a map of names
//! ([`row`](crate::row)); that costs as much as reading the row. A row that does not fit its model exactly is converted to
//! such a row after all, so that the error is SeaORM's, which names the column and the type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use rusqlite::{Connection, Row};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, FromQueryResult, IdenStatic, Iterable, Statement, TryIntoModel,
};

use crate::row;
use crate::statement::query;
use crate::value::ValueKind;

/// A table whose rows can be read as models, as every table of SeaORM's derives can.
pub trait ReadEntity: EntityTrait<ActiveModel: TryIntoModel<<Self as EntityTrait>::Model>> {}

impl<E> ReadEntity for E where E: EntityTrait<ActiveModel: TryIntoModel<<E as EntityTrait>::Model>> {}

/// Reads the first rows of a statement, at most `most`. The inner error is SeaORM's, for a row that does not fit the model.
pub(crate) fn read_models<E: ReadEntity>(
    connection: &Connection,
    statement: &Statement,
    most: usize,
) -> rusqlite::Result<Result<Vec<E::Model>, DbErr>> {
    let mut prepared = query(connection, statement)?;
    let mut rows = prepared.raw_query();
    let (mut members, mut models) = (None, Vec::new());
    while models.len() < most
        && let Some(row) = rows.next()?
    {
        // The first step has prepared the statement for the current tables.
        let members = members.get_or_insert_with(|| members_of::<E>(row.as_ref()));
        let model = match members.as_deref() {
            Some(members) => model::<E>(row, members)?,
            None => None,
        };
        match model.map_or_else(|| unfitting_model::<E>(row), |model| Ok(Ok(model)))? {
            Ok(model) => models.push(model),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(models))
}

/// Returns SeaORM's model of a row that does not fit, or its error.
#[cold]
fn unfitting_model<E: ReadEntity>(row: &Row<'_>) -> rusqlite::Result<Result<E::Model, DbErr>> {
    let row = row::convert(row)?.expect("one row gives one row");
    Ok(E::Model::from_query_result(&row, ""))
}

/// A member of a model, and its column in the result.
struct Member<C> {
    column: C,
    index: usize,
    kind: ValueKind,
}

/// The members of a table's model.
type Members<E> = Arc<[Member<<E as EntityTrait>::Column>]>;

/// Returns the members of a table's model; `None` if the result lacks a column.
fn members_of<E: EntityTrait>(statement: &rusqlite::Statement<'_>) -> Option<Members<E>> {
    let members = members_in_order::<E>();
    // SeaORM selects the columns in their order.
    let is_in_order = members.len() <= statement.column_count()
        && members.iter().all(|member| {
            statement
                .column_name(member.index)
                .is_ok_and(|name| name == member.column.as_str())
        });
    if is_in_order {
        return Some(members);
    }
    let names = statement.column_names();
    let member = |member: &Member<E::Column>| {
        let index = names.iter().position(|name| *name == member.column.as_str())?;
        Some(Member { index, ..*member })
    };
    members.iter().map(member).collect()
}

/// Returns the members of the result that has the columns of the table in their order.
///
/// SeaORM makes the definition of a column each time, which costs more than to read its value. So they are made once.
fn members_in_order<E: EntityTrait>() -> Members<E> {
    static KNOWN: LazyLock<RwLock<HashMap<TypeId, Box<dyn Any + Send + Sync>>>> = LazyLock::new(RwLock::default);
    let table = TypeId::of::<E>();
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(members) = known
        .get(&table)
        .and_then(|members| members.downcast_ref::<Members<E>>())
    {
        return Arc::clone(members);
    }
    drop(known);
    let member = |(index, column): (usize, E::Column)| {
        let kind = ValueKind::of_column(column.def().get_column_type());
        Member { column, index, kind }
    };
    let members: Members<E> = E::Column::iter().enumerate().map(member).collect();
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.insert(table, Box::new(Arc::clone(&members)));
    members
}

fn model<E: ReadEntity>(row: &Row<'_>, members: &[Member<E::Column>]) -> rusqlite::Result<Option<E::Model>> {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    for member in members {
        let value = member.kind.convert(row.get_ref(member.index)?, member.index)?;
        let is_set = value.is_some_and(|value| model.try_set(member.column, value).is_ok());
        if !is_set {
            return Ok(None);
        }
    }
    Ok(model.try_into_model().ok())
}
