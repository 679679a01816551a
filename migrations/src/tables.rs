//! The schema that the migrations create, to compare a database with.
//!
//! The newest schema is a checked-in list of names, so a start without pending migrations only compares names. The
//! schemas of all levels are computed in memory by running every migration, which takes long.

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
    pub async fn read(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
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

    /// The name of each table, column, index and trigger: `column book.title`.
    fn lines(&self) -> BTreeSet<String> {
        let objects = self.objects.iter().map(|(kind, name)| format!("{kind} {name}"));
        let columns = self.columns.iter().flat_map(|(table, columns)| {
            let column = move |column: &String| format!("column {table}.{column}");
            columns.keys().map(column)
        });
        objects.chain(columns).collect()
    }

    /// Whether the schema has a table of that name.
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

/// Returns the schema before the first migration and after each: the one at `n` is that of a database with `n`
/// migrations.
pub(crate) async fn schema_levels() -> Result<&'static [Schema], DbErr> {
    static LEVELS: OnceCell<Vec<Schema>> = OnceCell::const_new();
    LEVELS.get_or_try_init(compute).await.map(Vec::as_slice)
}

async fn compute() -> Result<Vec<Schema>, DbErr> {
    let mut memory = ConnectOptions::new("sqlite::memory:");
    memory.max_connections(1).sqlx_logging(false);
    let db = Database::connect(memory).await?;
    let manager = SchemaManager::new(&db);
    let mut schema_levels = vec![Schema::default()];
    for migration in Migrator::migrations() {
        migration.up(&manager).await?;
        schema_levels.push(Schema::read(&db).await?);
    }
    db.close().await?;
    Ok(schema_levels)
}

/// The names of everything in the newest schema, one per line, in the form of [`Schema::lines`].
const NEWEST: &str = include_str!("newest.txt");

/// Returns the names of everything in the newest schema: `table book`, `column book.title`.
pub fn newest_object_names() -> impl Iterator<Item = &'static str> {
    NEWEST.lines()
}

/// The query of the names of everything in a database, in the form of [`newest_object_names`], for readers without SeaORM.
pub const OBJECT_NAMES: &str = "SELECT type || ' ' || name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    UNION SELECT 'column ' || t.name || '.' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'";

/// Names all tables, columns, indexes and triggers of `db`, one per line and in order, as `newest.txt` lists them.
pub async fn object_names(db: &impl ConnectionTrait) -> Result<String, DbErr> {
    let lines = Schema::read(db).await?.lines();
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

/// Names the tables, columns, indexes and triggers of the newest schema that `db` lacks: `table book`.
pub async fn missing_objects(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let schema = Schema::read(db).await?;
    let found = schema.lines();
    // The name of a missing table is enough: its columns are not named as well.
    let of_missing_table = |line: &str| {
        let column = line.strip_prefix("column ").and_then(|name| name.split_once('.'));
        column.is_some_and(|(table, _)| !schema.has_table(table))
    };
    let missing = NEWEST
        .lines()
        .filter(|line| !found.contains(*line) && !of_missing_table(line));
    Ok(missing.map(str::to_owned).collect())
}

/// A statement without values.
pub(crate) fn statement(db: &impl ConnectionTrait, sql: impl Into<String>) -> Statement {
    Statement::from_string(db.get_database_backend(), sql.into())
}

/// Returns the one number that a query selects.
pub(crate) async fn fetch_number(db: &impl ConnectionTrait, sql: impl Into<String>) -> Result<i64, DbErr> {
    let row = db.query_one_raw(statement(db, sql)).await?;
    row.ok_or_else(|| DbErr::RecordNotFound("a number".to_owned()))?
        .try_get_by_index(0)
}
