//! Statements written by hand: guards that answer with the row they changed.

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, FromQueryResult, Statement, Value};

/// The row of a statement with `RETURNING *`; `None` when its guard let nothing through.
///
/// Parameters are written `$1`, `$2` …
pub(crate) async fn changed<M: FromQueryResult>(
    tx: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<M>, DbErr> {
    let statement = statement(tx, sql, values);
    M::find_by_statement(statement).one(tx).await
}

/// The row of a statement that always has one.
pub(crate) async fn made<M: FromQueryResult>(
    tx: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<M, DbErr> {
    let made = changed(tx, sql, values).await?;
    made.ok_or(DbErr::RecordNotInserted)
}

/// How many rows a statement changed.
pub(crate) async fn count(
    tx: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    let statement = statement(tx, sql, values);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

// To SQLite `$1` is a name and `?1` a number; PostgreSQL knows the first only. No statement has either in a text.
fn statement(db: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    let backend = db.get_database_backend();
    match backend {
        DatabaseBackend::Sqlite => Statement::from_sql_and_values(backend, sql.replace('$', "?"), values),
        _ => Statement::from_sql_and_values(backend, sql, values),
    }
}

/// How many rows a query has.
pub(crate) async fn count_rows(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<usize, DbErr> {
    Ok(db.query_all_raw(statement(db, sql, values)).await?.len())
}
