//! A separate database for each test.

use std::ops::Deref;
use std::sync::Arc;

use contract::{Bus, Db, DbOptions, EventStream, InProcessBus, Result, Services, SystemClock, TableLog, TokenKeys};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tempfile::TempDir;

/// A database in a folder that is deleted with it.
pub struct TestDb {
    db: Db,
    bus: Arc<InProcessBus>,
    folder: TempDir,
}

impl Deref for TestDb {
    type Target = Db;
    fn deref(&self) -> &Db {
        &self.db
    }
}

impl TestDb {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bus = Arc::new(InProcessBus::new(256));
        let db = open(&folder, bus.clone()).await;
        db.migrate(async |connection| {
            let table = "CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL CHECK (value >= 0))";
            connection.execute_unprepared(table).await.map(drop)
        })
        .await
        .unwrap();
        Self { db, bus, folder }
    }

    /// Opens the same file again.
    pub async fn reopen(&self) -> Db {
        open(&self.folder, self.bus.clone()).await
    }

    /// Returns services over this database.
    pub fn services(&self) -> Services {
        Services {
            db: self.db.clone(),
            clock: Arc::new(SystemClock),
            bus: self.bus.clone(),
            order_log: Arc::new(TableLog),
            keys: Arc::new(TokenKeys::ephemeral()),
            expiry: Arc::default(),
            shared_reads: Arc::default(),
        }
    }

    /// Returns the events that are published from now on.
    pub fn events(&self) -> EventStream {
        self.bus.subscribe()
    }

    /// Runs one statement as one write.
    pub async fn run(&self, statement: impl Into<String>) {
        self.try_run(statement).await.unwrap();
    }

    /// Like [`run`](Self::run), but returns the error of a write that fails.
    pub async fn try_run(&self, statement: impl Into<String>) -> Result<()> {
        let statement = statement.into();
        self.write(async move |tx| Ok(tx.execute_unprepared(&statement).await.map(drop)?))
            .await
    }
}

async fn open(folder: &TempDir, bus: Arc<InProcessBus>) -> Db {
    Db::open(DbOptions::new(folder.path().join("agora.db")), bus)
        .await
        .unwrap()
}

/// Returns the one number that a query selects.
pub async fn number(db: &impl ConnectionTrait, query: &str) -> Result<i64> {
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Sqlite, query))
        .await?
        .expect("one row");
    Ok(row.try_get_by_index(0)?)
}
