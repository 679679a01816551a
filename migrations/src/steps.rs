//! Applies migrations: each step is one transaction with its row in the list of applied migrations.
//!
//! sea-orm-migration runs the statements of a step one by one on SQLite. A killed process therefore left half of a
//! step behind, which no later start could finish.

use std::collections::HashSet;
use std::fmt;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::{SchemaManagerConnection, seaql_migrations};

use crate::tables::{fetch_number, schema_levels};
use crate::{Migrator, leftovers};

/// Applies the next `steps`, or all.
pub(crate) async fn up(db: &SchemaManagerConnection<'_>, steps: Option<u32>) -> Result<(), DbErr> {
    let applied = applied(db).await?;
    let most = steps.map_or(usize::MAX, |steps| steps as usize);
    for (level, migration) in Migrator::migrations().iter().enumerate().skip(applied).take(most) {
        let name = migration.name();
        let step = begin(db).await?;
        if level == applied {
            leftovers::clear(&step, level, name).await?;
        }
        migration
            .up(&SchemaManager::new(&step))
            .await
            .map_err(|error| step_error(name, &error))?;
        // `applied_at` only informs readers of the table. It comes from SQLite because migrations have no clock.
        let at = fetch_number(&step, "SELECT unixepoch()").await?;
        let record = seaql_migrations::ActiveModel {
            version: ActiveValue::Set(name.to_owned()),
            applied_at: ActiveValue::Set(at),
        };
        seaql_migrations::Entity::insert(record)
            .exec_without_returning(&step)
            .await?;
        step.commit().await?;
    }
    Ok(())
}

/// Undoes the latest `steps`, or all.
pub(crate) async fn down(db: &SchemaManagerConnection<'_>, steps: Option<u32>) -> Result<(), DbErr> {
    let applied = applied(db).await?;
    let most = steps.map_or(usize::MAX, |steps| steps as usize);
    for migration in Migrator::migrations()[..applied].iter().rev().take(most) {
        let name = migration.name();
        let step = begin(db).await?;
        migration
            .down(&SchemaManager::new(&step))
            .await
            .map_err(|error| step_error(name, &error))?;
        seaql_migrations::Entity::delete_many()
            .filter(seaql_migrations::Column::Version.eq(name))
            .exec(&step)
            .await?;
        step.commit().await?;
    }
    Ok(())
}

/// Whether the applied migrations are exactly those of this program.
///
/// # Errors
/// When the list of applied migrations cannot be read.
pub async fn is_newest(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let statement = Query::select()
        .column(seaql_migrations::Column::Version)
        .from(seaql_migrations::Entity)
        .to_owned();
    let rows = db.query_all(&statement).await?;
    let applied: HashSet<String> = rows
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?;
    let own: HashSet<String> = Migrator::migrations()
        .iter()
        .map(|step| step.name().to_owned())
        .collect();
    Ok(applied == own)
}

/// Reads a constant from the database, to test that it answers.
///
/// # Errors
/// When it does not.
pub async fn answers(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    fetch_number(db, "SELECT 1").await.map(drop)
}

/// The rows of one table or column that a reversal deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataLoss {
    /// The table, or `table.column`.
    pub object: String,
    /// The number of its rows.
    pub rows: i64,
}

impl fmt::Display for DataLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.object, self.rows)
    }
}

/// Returns the name of every migration, in order, and whether it is applied. It writes nothing: a database without the list of
/// migrations has none.
///
/// # Errors
/// As [`Migrator::up`](crate::MigratorTrait::up): when a newer program migrated the database, or its list has a gap.
pub async fn status(db: &impl ConnectionTrait) -> Result<Vec<(String, bool)>, DbErr> {
    let applied = applied_of(recorded(db).await?)?;
    let known = Migrator::migrations();
    let status = known
        .iter()
        .enumerate()
        .map(|(index, migration)| (migration.name().to_owned(), index < applied));
    Ok(status.collect())
}

/// Counts the rows of the tables and columns that [`Migrator::down`](crate::MigratorTrait::down) by `steps` would delete: all rows of a
/// table, and those in which a column has another value than its default.
pub async fn data_losses(db: &impl ConnectionTrait, steps: u32) -> Result<Vec<DataLoss>, DbErr> {
    let applied = applied_of(recorded(db).await?)?;
    let schema_levels = schema_levels().await?;
    let (before, after) = (
        &schema_levels[applied.saturating_sub(steps as usize)],
        &schema_levels[applied],
    );
    let mut losses = Vec::new();
    for (table, columns) in &after.columns {
        if !before.has_table(table) {
            let rows = fetch_number(db, format!(r#"SELECT count(*) FROM "{table}""#)).await?;
            losses.push(DataLoss {
                object: table.clone(),
                rows,
            });
            continue;
        }
        for (column, default) in columns.iter().filter(|(column, _)| !before.has_column(table, column)) {
            let default = default.as_deref().unwrap_or("NULL");
            let sql = format!(r#"SELECT count(*) FROM "{table}" WHERE "{column}" IS NOT {default}"#);
            let rows = fetch_number(db, sql).await?;
            losses.push(DataLoss {
                object: format!("{table}.{column}"),
                rows,
            });
        }
    }
    Ok(losses)
}

/// Returns the number of applied migrations: always the first ones of the list.
async fn applied(db: &impl ConnectionTrait) -> Result<usize, DbErr> {
    Migrator::install(db).await?;
    applied_of(recorded(db).await?)
}

/// Returns the names of the applied migrations, as the database lists them.
async fn recorded(db: &impl ConnectionTrait) -> Result<HashSet<String>, DbErr> {
    let has_list = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'seaql_migrations'";
    if fetch_number(db, has_list).await? == 0 {
        return Ok(HashSet::new());
    }
    let models = seaql_migrations::Entity::find().all(db).await?;
    Ok(models.into_iter().map(|model| model.version).collect())
}

fn applied_of(recorded: HashSet<String>) -> Result<usize, DbErr> {
    let known = Migrator::migrations();
    let unknown = recorded
        .iter()
        .filter(|name| known.iter().all(|migration| migration.name() != name.as_str()))
        .max();
    if let Some(unknown) = unknown {
        let why = format!(
            "a newer Agora made this data folder: it has the migration {unknown}, which this version {} does not know. Start the \
             newer version; to go back, that version's `agora migrate --down` reverts the migration first",
            env!("CARGO_PKG_VERSION")
        );
        return Err(DbErr::Migration(why));
    }
    let applied = known
        .iter()
        .take_while(|migration| recorded.contains(migration.name()))
        .count();
    if applied < recorded.len() {
        let why = format!(
            "the list of migrations has a gap at {}: restore the database from a backup",
            known[applied].name()
        );
        return Err(DbErr::Migration(why));
    }
    Ok(applied)
}

/// Begins a write transaction: the rows that it reads cannot change before it writes.
async fn begin(db: &SchemaManagerConnection<'_>) -> Result<DatabaseTransaction, DbErr> {
    db.begin_with_options(TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}

fn step_error(name: &str, error: &DbErr) -> DbErr {
    DbErr::Migration(format!("{name}: {error}; nothing of this step was kept"))
}
