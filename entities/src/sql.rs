//! Handwritten SQL: guarded statements that return the row they changed.

use database::{DbConnection, ReadEntity};
use sea_orm::sea_query::Expr;
use sea_orm::{
    DatabaseBackend, DbErr, EntityTrait, FromQueryResult, IdenStatic, Iterable, ModelTrait, QuerySelect, Select,
    Statement, Value,
};

/// Returns the row of a statement with `RETURNING *`; `None` when its guard matched no row.
///
/// Parameters are written `$1`, `$2` …
pub(crate) async fn fetch_optional<M>(
    tx: &impl DbConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<M>, DbErr>
where
    M: ModelTrait<Entity: ReadEntity<Model = M>>,
{
    Ok(tx.models::<M::Entity>(statement(tx, sql, values), 1).await?.pop())
}

/// Returns the first row of a query whose columns are those of no table.
pub(crate) async fn fetch_computed<M: FromQueryResult>(
    db: &impl DbConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<M>, DbErr> {
    M::find_by_statement(statement(db, sql, values)).one(db).await
}

/// Returns the rows of a statement with `RETURNING *`.
pub(crate) async fn fetch_all<M: FromQueryResult>(
    tx: &impl DbConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<M>, DbErr> {
    let statement = statement(tx, sql, values);
    M::find_by_statement(statement).all(tx).await
}

/// Selects the same rows with an empty text in place of that column, so that SQLite does not read the column.
pub(crate) fn without_text<E: EntityTrait>(rows: Select<E>, long: E::Column) -> Select<E> {
    let short = E::Column::iter().filter(|column| column.as_str() != long.as_str());
    rows.select_only()
        .columns(short)
        .column_as(Expr::value(""), long.as_str())
}

/// Returns the row of a statement that always has one.
pub(crate) async fn fetch_one<M>(
    tx: &impl DbConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<M, DbErr>
where
    M: ModelTrait<Entity: ReadEntity<Model = M>>,
{
    let made = fetch_optional(tx, sql, values).await?;
    made.ok_or(DbErr::RecordNotInserted)
}

/// Runs an `INSERT` of at most one row into a table whose key is one integer, and returns the key of the row; `None` when
/// there is none.
///
/// The caller knows the rest of the row. SQLite collects the rows of `RETURNING` in a table of its own before it gives them
/// back, which costs as much as a small insertion. (PostgreSQL would need `RETURNING` here.)
pub(crate) async fn insert(
    tx: &impl DbConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<i64>, DbErr> {
    let inserted = tx.run(statement(tx, sql, values)).await?;
    Ok((inserted.rows_affected > 0).then_some(inserted.last_insert_id))
}

/// Like [`insert`], for a statement that always inserts a row.
pub(crate) async fn insert_one(
    tx: &impl DbConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<i64, DbErr> {
    insert(tx, sql, values).await?.ok_or(DbErr::RecordNotInserted)
}

/// Returns how many rows a statement changed.
pub(crate) async fn execute(
    tx: &impl DbConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    Ok(tx.run(statement(tx, sql, values)).await?.rows_affected)
}

// SQLite treats `$1` as a name and `?1` as a number; PostgreSQL knows only the first. No statement contains either
// character in a string literal.
fn statement(db: &impl DbConnection, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    let backend = db.get_database_backend();
    match backend {
        DatabaseBackend::Sqlite => Statement::from_sql_and_values(backend, numbered(sql), values),
        _ => Statement::from_sql_and_values(backend, sql, values),
    }
}

/// Replaces each `$` by `?`, for each of the ten statements of an order: byte by byte, because `str::replace` grows its
/// text in steps.
fn numbered(sql: &str) -> String {
    let mut bytes = sql.as_bytes().to_vec();
    bytes
        .iter_mut()
        .filter(|byte| **byte == b'$')
        .for_each(|byte| *byte = b'?');
    // Both characters are ASCII, so the text is as valid as before.
    String::from_utf8(bytes).unwrap_or_else(|_| sql.replace('$', "?"))
}

/// Returns the only column of a query's rows.
pub(crate) async fn texts(
    db: &impl DbConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all_raw(statement(db, sql, values)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Returns how many rows a query has.
pub(crate) async fn count_rows(
    db: &impl DbConnection,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<usize, DbErr> {
    Ok(db.query_all_raw(statement(db, sql, values)).await?.len())
}
