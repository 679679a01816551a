//! Rows in the order of their last changes, for a reader that lost events and catches up.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Select};

/// Returns the `rows` that changed after a moment, or at that moment with an id over the given one; the earliest
/// change first. `columns` are the time of the last change and the id.
pub(crate) async fn rows_after<E>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    columns: (E::Column, E::Column),
    (at_us, id): (i64, i64),
    limit: u64,
) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait<Model: Send + Sync>,
{
    // The filter is redundant, but an index serves it; no index serves the condition that the cursor builds from
    // two columns.
    let mut changed = rows.filter(columns.0.gte(at_us)).cursor_by(columns);
    changed.after((at_us, id)).first(limit).all(db).await
}
