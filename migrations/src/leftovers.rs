//! Cleanup of a half-applied step. Older programs ran each step without a transaction, so a killed process could
//! leave a part of it behind.
//!
//! Only the first unrecorded step can be half applied. Its objects are dropped again where that loses no data, and
//! the step starts anew, all in its transaction.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::m0012_reservation;
use crate::tables::{Schema, fetch_number, schema_levels};

/// Drops the objects that the step after `level` has already created.
///
/// # Errors
/// When a table of the step has rows, because this program cannot know their origin, and when the database fails.
pub(crate) async fn clear(db: &impl ConnectionTrait, level: usize, name: &str) -> Result<(), DbErr> {
    let found = Schema::read(db).await?;
    if found == Schema::default() {
        // A new database has no leftovers.
        return Ok(());
    }
    let schema_levels = schema_levels().await?;
    if found.has_table("brokerage_order_before")
        || has_some_of(&found, &schema_levels[level], &schema_levels[level + 1])
    {
        tracing::warn!(
            migration = name,
            "a killed process left this migration incomplete; it runs again"
        );
    } else {
        return Ok(());
    }
    if name == m0012_reservation::NAME {
        m0012_reservation::revert_partial(db, &found).await?;
    }
    let made = schema_levels[level + 1]
        .objects
        .difference(&schema_levels[level].objects);
    let found = Schema::read(db).await?;
    let (tables, others): (Vec<_>, Vec<_>) = made
        .filter(|object| found.objects.contains(object))
        .partition(|(kind, _)| kind == "table");
    for (_, table) in &tables {
        let rows = fetch_number(db, format!(r#"SELECT count(*) FROM "{table}""#)).await?;
        if rows > 0 {
            let why = format!(
                "{name} was left half made by an older program, and its table {table} has rows already ({rows}): \
                 restore the database from a backup"
            );
            return Err(DbErr::Migration(why));
        }
    }
    for (kind, object) in others.into_iter().chain(tables) {
        // `IF EXISTS`: an index or a trigger may already be gone with its table.
        let sql = format!(r#"DROP {kind} IF EXISTS "{object}""#);
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}

fn has_some_of(found: &Schema, before: &Schema, after: &Schema) -> bool {
    let object = |object: &(String, String)| found.objects.contains(object) && !before.objects.contains(object);
    after.objects.iter().any(object)
        || before.columns.keys().any(|table| {
            after
                .columns
                .get(table)
                .into_iter()
                .flatten()
                .any(|(column, _)| !before.has_column(table, column) && found.has_column(table, column))
        })
}
