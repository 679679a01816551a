//! Lists whose statements are built once.

use std::sync::{PoisonError, RwLock};

use database::{DbConnection, ReadEntity};
use sea_orm::{EntityTrait, QueryTrait, Select, Statement, Value};

/// A query of the rows of a list, such as those that belong to a person, whose text is built once for each way to read a
/// page of it.
///
/// SeaORM builds the text of a statement each time, which costs more than to read a row.
pub struct ListQuery<E: EntityTrait> {
    rows: fn() -> Select<E>,
    /// The statements so far, by the way to read a page.
    statements: RwLock<Vec<(Vec<&'static str>, Statement)>>,
}

impl<E: ReadEntity> ListQuery<E> {
    /// The rows of `rows`. If the list has a key, the condition on it comes last, with any value.
    pub const fn new(rows: fn() -> Select<E>) -> Self {
        Self {
            rows,
            statements: RwLock::new(Vec::new()),
        }
    }

    /// Returns the list of the rows with that key.
    pub fn of(&'static self, key: impl Into<Value>) -> ListedRows<E> {
        ListedRows {
            query: self,
            key: Some(key.into()),
        }
    }

    /// Returns the list without a key.
    pub fn all(&'static self) -> ListedRows<E> {
        ListedRows { query: self, key: None }
    }
}

/// The rows of a list.
#[derive(Clone)]
pub struct ListedRows<E: EntityTrait> {
    query: &'static ListQuery<E>,
    key: Option<Value>,
}

impl<E: ReadEntity> ListedRows<E> {
    /// Returns the query, with any key.
    pub fn select(&self) -> Select<E> {
        (self.query.rows)()
    }

    /// Returns the statement that reads rows in a certain way. `way` identifies `build`, which adds conditions, an order
    /// and a limit; `values` are the values that it adds.
    pub fn statement(
        &self,
        db: &impl DbConnection,
        way: &[&'static str],
        values: &[Value],
        build: impl FnOnce(Select<E>) -> Select<E>,
    ) -> Statement {
        let known = {
            let statements = self.query.statements.read().unwrap_or_else(PoisonError::into_inner);
            let mut statements = statements.iter();
            statements
                .find(|(known, _)| known == way)
                .map(|(_, found)| found.clone())
        };
        let mut statement = known.unwrap_or_else(|| {
            let built = build(self.select()).build(db.get_database_backend());
            let mut statements = self.query.statements.write().unwrap_or_else(PoisonError::into_inner);
            statements.push((way.to_vec(), built.clone()));
            built
        });
        let bound = values.iter().rev().chain(&self.key);
        if let Some(places) = &mut statement.values {
            let places = places.0.iter_mut().rev();
            std::iter::zip(places, bound).for_each(|(place, value)| place.clone_from(value));
        }
        statement
    }
}
