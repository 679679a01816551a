//! Look-ups of several rows by their keys.

use std::sync::OnceLock;

use database::{DbConnection, ReadEntity};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryTrait, Select, Statement, Value};

/// Whether a column has one of these keys, which are integers or texts.
///
/// Several keys are one value of the statement, so its text does not depend on their number, and a connection prepares it
/// once. A list (`is_in`) of each length is a statement of its own. A single key is compared: for a list SQLite makes a
/// table first, which costs more than the look-up.
pub fn is_among(column: impl ColumnTrait, keys: impl IntoIterator<Item: Into<Value>>) -> Expr {
    match Keys::from_iter(keys) {
        Keys::One(key) => column.eq(key),
        Keys::Several(keys) => Expr::cust_with_exprs(
            "? IN (SELECT value FROM json_each(?))",
            [Expr::col(column.as_column_ref()), Expr::value(keys)],
        ),
    }
}

/// The keys of a look-up, as the value of its statement.
enum Keys {
    One(Value),
    /// A JSON array.
    Several(Value),
}

impl<K: Into<Value>> FromIterator<K> for Keys {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut keys = keys.into_iter().map(Into::into).peekable();
        match keys.next() {
            Some(only) if keys.peek().is_none() => Self::One(only),
            first => {
                let keys: serde_json::Value = first.into_iter().chain(keys).map(json).collect();
                Self::Several(keys.to_string().into())
            }
        }
    }
}

/// No key has another type; such a one would be among none.
fn json(key: Value) -> serde_json::Value {
    match key {
        Value::BigInt(Some(key)) => key.into(),
        Value::Int(Some(key)) => key.into(),
        Value::String(Some(key)) => key.into(),
        _ => serde_json::Value::Null,
    }
}

/// A query of the rows with certain keys, which are integers or texts, whose text is built once.
///
/// SeaORM builds the text of a statement each time, which costs more than to read a row. Several keys are one value, as
/// those of [`is_among`], and SQLite looks each of them up in turn: for a list it would make a table first.
pub struct KeyedQuery<E: EntityTrait> {
    rows: fn() -> Select<E>,
    column: E::Column,
    one: OnceLock<Prepared>,
    several: OnceLock<Prepared>,
}

/// A statement, and the places of its values.
struct Prepared {
    statement: Statement,
    keys: usize,
    /// The last value of the query itself, if it has one.
    own: Option<usize>,
}

impl<E: ReadEntity> KeyedQuery<E> {
    /// The rows of a table with keys of that column.
    pub const fn new(column: E::Column) -> Self {
        Self::of(E::find, column)
    }

    /// Those of `rows`, a query of one table, with keys of that column.
    pub const fn of(rows: fn() -> Select<E>, column: E::Column) -> Self {
        Self {
            rows,
            column,
            one: OnceLock::new(),
            several: OnceLock::new(),
        }
    }

    /// Returns the rows with these keys. A key that is given twice gives its rows twice.
    pub async fn find<K: Into<Value>>(
        &self,
        db: &impl DbConnection,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<E::Model>, DbErr> {
        let statement = self.statement(db, keys);
        db.models::<E>(statement, usize::MAX).await
    }

    /// Returns the statement of the rows with these keys, for queries whose columns are not those of the table.
    pub fn statement<K: Into<Value>>(&self, db: &impl DbConnection, keys: impl IntoIterator<Item = K>) -> Statement {
        self.bind(db, Keys::from_iter(keys), None)
    }

    /// Like [`find`](Self::find), with `value` in place of the last value of the query itself.
    pub async fn find_of<K: Into<Value>>(
        &self,
        db: &impl DbConnection,
        value: impl Into<Value>,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<E::Model>, DbErr> {
        let statement = self.bind(db, Keys::from_iter(keys), Some(value.into()));
        db.models::<E>(statement, usize::MAX).await
    }

    fn bind(&self, db: &impl DbConnection, keys: Keys, own: Option<Value>) -> Statement {
        let backend = db.get_database_backend();
        let (prepared, keys) = match keys {
            Keys::One(key) => (self.one.get_or_init(|| self.prepare_one(backend)), key),
            Keys::Several(keys) => (self.several.get_or_init(|| self.prepare_several(backend)), keys),
        };
        let mut statement = prepared.statement.clone();
        let own = prepared.own.zip(own);
        let places = statement.values.as_mut().map_or(&mut [][..], |values| &mut values.0);
        for (place, value) in [(prepared.keys, keys)].into_iter().chain(own) {
            if let Some(place) = places.get_mut(place) {
                *place = value;
            }
        }
        statement
    }

    fn prepare_one(&self, backend: DbBackend) -> Prepared {
        let statement = (self.rows)().filter(self.column.eq(0_i64)).build(backend);
        let keys = last_place(&statement).unwrap_or_default();
        Prepared {
            own: keys.checked_sub(1),
            keys,
            statement,
        }
    }

    fn prepare_several(&self, backend: DbBackend) -> Prepared {
        // SQLite keeps the order of a cross join: the keys, and the rows of each.
        let keys = Func::cust("json_each").arg(Expr::value(SAMPLE_KEYS));
        let mut select = (self.rows)();
        QueryTrait::query(&mut select)
            .from_clear()
            .from_function(keys, "key")
            .cross_join(E::default().table_ref())
            .and_where(Expr::col(self.column.as_column_ref()).equals(("key", "value")));
        let statement = select.build(backend);
        let values = statement.values.iter().flat_map(|values| &values.0);
        let sample = Value::from(SAMPLE_KEYS);
        Prepared {
            keys: values
                .into_iter()
                .position(|value| *value == sample)
                .unwrap_or_default(),
            own: last_place(&statement),
            statement,
        }
    }
}

/// A value that no query has itself.
const SAMPLE_KEYS: &str = "[\"keys\"]";

fn last_place(statement: &Statement) -> Option<usize> {
    statement.values.as_ref()?.0.len().checked_sub(1)
}
