//! Look-ups of several rows by their keys.

use sea_orm::ColumnTrait;
use sea_orm::sea_query::Expr;

/// Whether a column has one of these keys.
///
/// Several keys are one value of the statement, so its text does not depend on their number, and a connection prepares it
/// once. A list (`is_in`) of each length is a statement of its own. A single key is compared: for a list SQLite makes a
/// table first, which costs more than the look-up.
pub fn is_among(column: impl ColumnTrait, keys: impl IntoIterator<Item = i64>) -> Expr {
    let keys: Vec<i64> = keys.into_iter().collect();
    if let [key] = keys[..] {
        return column.eq(key);
    }
    let keys: Vec<String> = keys.into_iter().map(|key| key.to_string()).collect();
    let keys = format!("[{}]", keys.join(","));
    Expr::cust_with_exprs(
        "? IN (SELECT value FROM json_each(?))",
        [Expr::col(column.as_column_ref()), Expr::value(keys)],
    )
}
