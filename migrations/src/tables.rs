//! The tables as the migrations make them: computed once in memory, to compare a database with.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectOptions, ConnectionTrait, Database, Statement};
use tokio::sync::OnceCell;

use crate::Migrator;

/// The tables, indexes and triggers of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The kind and the name of each: `("table", "book")`.
    pub objects: BTreeSet<(String, String)>,
    /// The columns of each table, with the SQL text of their default.
    pub columns: BTreeMap<String, BTreeMap<String, Option<String>>>,
}

impl Schema {
    /// Reads the schema of a database, without SQLite's own tables and the list of migrations.
    pub async fn of(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let mut schema = Self::default();
        let sql = "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                   AND tbl_name <> 'seaql_migrations'";
        for row in db.query_all_raw(statement(db, sql)).await? {
            schema
                .objects
                .insert((row.try_get("", "type")?, row.try_get("", "name")?));
        }
        let sql = "SELECT t.name AS of_table, c.name AS name, c.dflt_value AS value FROM sqlite_schema t
                   JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                   AND t.name <> 'seaql_migrations'";
        for row in db.query_all_raw(statement(db, sql)).await? {
            let columns: &mut BTreeMap<_, _> = schema.columns.entry(row.try_get("", "of_table")?).or_default();
            columns.insert(row.try_get("", "name")?, row.try_get("", "value")?);
        }
        Ok(schema)
    }

    /// Whether there is a table of that name.
    pub fn has_table(&self, table: &str) -> bool {
        self.columns.contains_key(table)
    }

    /// Whether a table has that column.
    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.columns
            .get(table)
            .is_some_and(|columns| columns.contains_key(column))
    }
}

/// The schema before the first migration and after each: the one at `n` is that of a database with `n` migrations.
pub(crate) async fn levels() -> Result<&'static [Schema], DbErr> {
    static LEVELS: OnceCell<Vec<Schema>> = OnceCell::const_new();
    LEVELS.get_or_try_init(compute).await.map(Vec::as_slice)
}

async fn compute() -> Result<Vec<Schema>, DbErr> {
    let mut memory = ConnectOptions::new("sqlite::memory:");
    memory.max_connections(1).sqlx_logging(false);
    let db = Database::connect(memory).await?;
    let manager = SchemaManager::new(&db);
    let mut levels = vec![Schema::default()];
    for migration in Migrator::migrations() {
        migration.up(&manager).await?;
        levels.push(Schema::of(&db).await?);
    }
    db.close().await?;
    Ok(levels)
}

/// Names the tables, indexes and triggers of the newest schema that `db` does not have: `table book`.
///
/// # Errors
/// When the database fails.
pub async fn missing(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let newest = levels().await?.last().cloned().unwrap_or_default();
    let found = Schema::of(db).await?;
    let mut missing: Vec<String> = newest
        .objects
        .difference(&found.objects)
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect();
    for (table, columns) in newest.columns.iter().filter(|(table, _)| found.has_table(table)) {
        let gone = columns.keys().filter(|column| !found.has_column(table, column));
        missing.extend(gone.map(|column| format!("column {table}.{column}")));
    }
    Ok(missing)
}

/// A statement without values.
pub(crate) fn statement(db: &impl ConnectionTrait, sql: impl Into<String>) -> Statement {
    Statement::from_string(db.get_database_backend(), sql.into())
}

/// The one number that a query answers.
pub(crate) async fn number(db: &impl ConnectionTrait, sql: impl Into<String>) -> Result<i64, DbErr> {
    let row = db.query_one_raw(statement(db, sql)).await?;
    row.ok_or_else(|| DbErr::RecordNotFound("a number".to_owned()))?
        .try_get_by_index(0)
}
