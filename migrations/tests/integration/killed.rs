//! A process that is killed at any statement of the migrations leaves a folder that the next start brings up to date.
//!
//! A kill leaves the files as they are, so they are copied after each statement, and every copy is opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use migrations::{Migrator, MigratorTrait};
use sea_orm_migration::SchemaManager;
use sea_orm_migration::sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};
use tracing::{Instrument, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Copies the database after each statement that sqlx logs inside of the span [`COPYING`].
struct CopyLayer;

/// The span of a test whose statements are copied after. The statements of other tests run outside of it.
const COPYING: &str = "copying";

/// The path of the database, and the number of copies made of it.
struct Copies {
    of: PathBuf,
    made: usize,
}

static COPIES: Mutex<Option<Copies>> = Mutex::new(None);
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for CopyLayer {
    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut spans = context.event_scope(event).into_iter().flatten();
        if !spans.any(|span| span.name() == COPYING) || event.metadata().target() != "sqlx::query" {
            return;
        }
        let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(copies) = copies.as_mut() else { return };
        let copy = copies.of.join(format!("copy-{}", copies.made));
        fs::create_dir(&copy).unwrap();
        for name in ["agora.db", "agora.db-wal", "agora.db-journal"] {
            if copies.of.join(name).exists() {
                fs::copy(copies.of.join(name), copy.join(name)).unwrap();
            }
        }
        copies.made += 1;
    }
}

/// Runs a test that copies its database, one at a time.
async fn copying(test: impl Future<Output = ()>) {
    let _one = ONE_AT_A_TIME.lock().await;
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(CopyLayer));
    test.instrument(tracing::info_span!(COPYING)).await;
}

fn copy_from_now_on(folder: &Path) {
    *COPIES.lock().unwrap() = Some(Copies {
        of: folder.to_owned(),
        made: 0,
    });
}

fn copies_made() -> usize {
    COPIES.lock().unwrap().take().map_or(0, |copies| copies.made)
}

async fn open(folder: &Path, logs: bool) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", folder.join("agora.db").display()));
    options.max_connections(1).sqlx_logging(logs);
    let db = Database::connect(options).await.unwrap();
    db.execute_unprepared("PRAGMA journal_mode = WAL").await.unwrap();
    db
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), sql))
        .await
        .unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Every table, index and trigger with its definition.
async fn tables(db: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema
               WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name";
    texts(db, sql).await
}

/// An executed order, and the id of a deleted one.
const ORDER: [&str; 5] = [
    "INSERT INTO account (id, username, username_key, role, admin, joined_at_us, version)
         VALUES (1, 'ada', 'ada', 'INVESTOR', false, 0, 1)",
    "INSERT INTO stock VALUES (1, 'FishCo', 100, 'USD', 10, 0, 100, 100, 100, 0, 1, 0)",
    "INSERT INTO exchange_order VALUES (0, 1, 'BUY', 2, 100, 'USD', 1, 0)",
    "INSERT INTO brokerage_order (id, side, stock_id, quantity, status, price_minor, currency, investor_id,
         exchange_number, placed_at_us, ended_at_us, changed_at_us, version)
         VALUES (5, 'BUY', 1, 2, 'COMPLETED', 100, 'USD', 1, 0, 0, 0, 0, 1)",
    "UPDATE sqlite_sequence SET seq = 9 WHERE name = 'brokerage_order'",
];

const ORDER_THERE: &str = "SELECT group_concat(brokerage_order.id || ' ' || exchange_number || ' ' || seq)
    FROM brokerage_order, sqlite_sequence WHERE name = 'brokerage_order'";

async fn assert_all_start(folder: &Path, copies: usize, as_in: &[String], with_order: bool) {
    for copy in 0..copies {
        let db = open(&folder.join(format!("copy-{copy}")), false).await;
        Migrator::up(&db, None)
            .await
            .unwrap_or_else(|error| panic!("copy {copy}: {error}"));
        assert_eq!(tables(&db).await, as_in, "copy {copy}");
        assert_eq!(texts(&db, "PRAGMA quick_check").await, ["ok"], "copy {copy}");
        if with_order {
            assert_eq!(texts(&db, ORDER_THERE).await, ["5 0 9"], "copy {copy}");
        }
        assert_eq!(migrations::missing_objects(&db).await.unwrap(), Vec::<String>::new());
        db.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_start_repairs_a_migration_killed_at_any_statement() {
    copying(async {
        let folder = tempfile::tempdir().unwrap();
        let db = open(folder.path(), true).await;
        copy_from_now_on(folder.path());
        Migrator::up(&db, None).await.unwrap();
        let as_in = tables(&db).await;
        Migrator::down(&db, None).await.unwrap();
        Migrator::up(&db, None).await.unwrap();
        let copies = copies_made();
        assert_eq!(tables(&db).await, as_in);
        assert!(copies > 150, "only {copies} statements were seen");
        assert_all_start(folder.path(), copies, &as_in, false).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_done_step_of_an_old_program_is_repaired() {
    copying(async {
        let folder = tempfile::tempdir().unwrap();
        let db = open(folder.path(), true).await;
        let migrations = Migrator::migrations();
        let (rows_before, mut seen) = (11, 0);
        copy_from_now_on(folder.path());
        Migrator::install(&db).await.unwrap();
        for (step, migration) in migrations.iter().enumerate().take(12) {
            if step == rows_before {
                for statement in ORDER {
                    db.execute_unprepared(statement).await.unwrap();
                }
                for copy in 0..seen {
                    fs::remove_dir_all(folder.path().join(format!("copy-{copy}"))).unwrap();
                }
                copy_from_now_on(folder.path());
            }
            // As sea-orm-migration does on SQLite: each statement by itself, then the row.
            migration.up(&SchemaManager::new(&db)).await.unwrap();
            let record = format!("INSERT INTO seaql_migrations VALUES ('{}', 0)", migration.name());
            db.execute_unprepared(&record).await.unwrap();
            if step + 1 == rows_before {
                seen = copies_made();
                assert!(seen > 60, "only {seen} statements were seen");
                let empty = tempfile::tempdir().unwrap();
                let fresh = open(empty.path(), false).await;
                Migrator::up(&fresh, None).await.unwrap();
                assert_all_start(folder.path(), seen, &tables(&fresh).await, false).await;
            }
        }
        let copies = copies_made();
        assert!(copies >= 14, "only {copies} statements were seen");
        Migrator::up(&db, None).await.unwrap();
        assert_all_start(folder.path(), copies, &tables(&db).await, true).await;
    })
    .await;
}

#[tokio::test]
async fn a_half_done_step_with_rows_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path(), false).await;
    Migrator::up(&db, Some(2)).await.unwrap();
    Migrator::migrations()[2].up(&SchemaManager::new(&db)).await.unwrap();
    let book = "INSERT INTO book VALUES (1, 'One', 'one', 't', 't', 100, 'USD', 1, 1, 0)";
    db.execute_unprepared(book).await.unwrap();
    let before = tables(&db).await;
    let refused = Migrator::up(&db, None).await.unwrap_err().to_string();
    assert!(
        refused.contains("m0003_bookstore") && refused.contains("book has rows"),
        "{refused}"
    );
    assert_eq!(tables(&db).await, before);
}
