//! Column definitions that the tables share.

use sea_orm_migration::prelude::*;

/// A required integer.
pub(crate) fn integer(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

/// An integer that may be missing.
pub(crate) fn optional_integer(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}

/// A required text.
pub(crate) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

/// A text that may be missing.
pub(crate) fn optional_text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().take()
}

/// Makes the database itself reject changes and deletions of rows of `table`: they record past events.
pub(crate) async fn immutable(db: &SchemaManagerConnection<'_>, table: &str) -> Result<(), DbErr> {
    if db.get_database_backend() != sea_orm_migration::sea_orm::DatabaseBackend::Sqlite {
        return Ok(());
    }
    for change in ["UPDATE", "DELETE"] {
        let trigger = format!(
            "CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table}
             BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END"
        );
        db.execute_unprepared(&trigger).await?;
    }
    Ok(())
}
