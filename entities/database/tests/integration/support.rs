//! A separate database for each test of `Db`.

use std::fmt::Display;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use database::{Application, DbOptions, Error};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tempfile::TempDir;
use testing::Gate;
use tokio::task::JoinSet;

/// The application of these tests; its events are numbers.
pub enum TestApplication {}

pub type Db = database::Db<TestApplication>;
pub type Tx = database::Tx<TestApplication>;
pub type Result<T, E = WriteError> = std::result::Result<T, E>;

/// The error of a write in these tests.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Database(#[from] Error),
    #[error("{0}")]
    Refused(&'static str),
}

impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        Self::Database(error.into())
    }
}

impl Application for TestApplication {
    type Event = i64;
    type EventSink = EventLog;
    type Error = WriteError;

    fn publish(log: &EventLog, event: i64) {
        assert_ne!(Some(event), log.panics_at, "a bug in a receiver");
        log.events.lock().unwrap().push(event);
    }

    fn database_failure(error: &WriteError) -> Option<&DbErr> {
        match error {
            WriteError::Database(Error::Driver(failure)) => Some(failure),
            _ => None,
        }
    }
}

/// Keeps the events that writes publish.
#[derive(Default)]
pub struct EventLog {
    events: Mutex<Vec<i64>>,
    /// The event at which it panics.
    panics_at: Option<i64>,
}

impl EventLog {
    pub fn panicking_at(event: i64) -> Self {
        Self {
            panics_at: Some(event),
            ..Self::default()
        }
    }

    /// Takes the events that have arrived.
    pub fn take(&self) -> Vec<i64> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

/// A database in a folder that is deleted with it.
pub struct TestDb(pub Db, pub DbOptions, TempDir, Arc<EventLog>);

impl Deref for TestDb {
    type Target = Db;
    fn deref(&self) -> &Db {
        &self.0
    }
}

impl TestDb {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Groups accept everything that is queued, however long their first write takes.
    pub async fn with(set: impl FnOnce(&mut DbOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = DbOptions::new(folder.path().join("agora.db"));
        options.group_time = Duration::from_secs(600);
        options.write_time = Duration::from_secs(600);
        set(&mut options);
        let events = Arc::new(EventLog::default());
        let db = Db::open(options.clone(), events.clone()).await.unwrap();
        db.migrate(async |connection| {
            let tables = "CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL CHECK (value >= 0));
                          CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL
                              REFERENCES counter (id) DEFERRABLE INITIALLY DEFERRED);";
            connection.execute_unprepared(tables).await.map(drop)
        })
        .await
        .unwrap();
        Self(db, options, folder, events)
    }

    /// Opens the same file again.
    pub async fn reopen(&self) -> Db {
        Db::open(self.1.clone(), no_subscribers()).await.unwrap()
    }

    /// Takes the events that have been published since the last call.
    pub fn events(&self) -> Vec<i64> {
        self.3.take()
    }

    /// Returns the path of a file beside the database, by the suffix of its name.
    pub fn file(&self, added: impl Display) -> PathBuf {
        PathBuf::from(format!("{}{added}", self.1.path.display()))
    }

    /// Drops the database, and returns the folder that would be deleted with it.
    pub fn forget(self) -> TempDir {
        self.2
    }

    /// Runs one statement as one write.
    pub async fn run(&self, statement: impl Into<String>) {
        self.try_run(statement).await.unwrap();
    }

    /// Like [`run`](Self::run), but returns the error of a write that fails.
    pub async fn try_run(&self, statement: impl Into<String>) -> Result<()> {
        run_on(&self.0, statement).await
    }

    /// Holds the writer inside of a write until the gate opens.
    pub async fn occupy(&self) -> Gate {
        Gate::close(&self.0).await
    }

    /// Sends one write per id, each with that statement.
    pub fn queue(&self, ids: impl IntoIterator<Item = i64>, statement: impl Fn(i64) -> String) -> JoinSet<Result<()>> {
        let mut tasks = JoinSet::new();
        for id in ids {
            let (db, statement) = (self.0.clone(), statement(id));
            tasks.spawn(async move { run_on(&db, statement).await });
        }
        tasks
    }

    /// Returns when that many writes wait for the writer.
    pub async fn until_waiting(&self, writes: u64) {
        testing::until_waiting(&self.0, writes).await;
    }
}

/// Returns a receiver whose events no test looks at.
pub fn no_subscribers() -> Arc<EventLog> {
    Arc::default()
}

/// Returns the one number that a query selects.
pub async fn number(db: &impl ConnectionTrait, query: &str) -> Result<i64> {
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Sqlite, query))
        .await?
        .expect("one row");
    Ok(row.try_get_by_index(0)?)
}

/// Runs one statement as one write of a database.
pub async fn run_on(db: &Db, statement: impl Into<String>) -> Result<()> {
    let statement = statement.into();
    db.write(async move |tx| Ok(tx.execute_unprepared(&statement).await.map(drop)?))
        .await
}
