//! Rows in the order of their last changes: what a reader that lost events catches up by.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Select};

/// Those of `rows` that changed behind a moment and an id: after that moment, or in it with a higher id; the earliest
/// change first. `columns` are when a row changed, and its id.
pub(crate) async fn behind<E>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    columns: (E::Column, E::Column),
    (at_us, id): (i64, i64),
    limit: u64,
) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait<Model: Send + Sync>,
{
    // The filter says nothing new, but an index serves it, and not what the cursor makes of two columns.
    let mut changed = rows.filter(columns.0.gte(at_us)).cursor_by(columns);
    changed.after((at_us, id)).first(limit).all(db).await
}
