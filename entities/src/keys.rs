//! Look-ups of several rows by their keys.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Value};

/// Whether a column has one of these keys, which are integers or texts.
///
/// Several keys are one value of the statement, so its text does not depend on their number, and a connection prepares it
/// once. A list (`is_in`) of each length is a statement of its own. A single key is compared: for a list SQLite makes a
/// table first, which costs more than the look-up.
pub fn is_among(column: impl ColumnTrait, keys: impl IntoIterator<Item: Into<Value>>) -> Expr {
    let mut keys: Vec<Value> = keys.into_iter().map(Into::into).collect();
    if keys.len() == 1
        && let Some(key) = keys.pop()
    {
        return column.eq(key);
    }
    let keys: serde_json::Value = keys.into_iter().map(json).collect();
    Expr::cust_with_exprs(
        "? IN (SELECT value FROM json_each(?))",
        [Expr::col(column.as_column_ref()), Expr::value(keys.to_string())],
    )
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
