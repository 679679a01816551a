//! The database, behind two doors: [`Db::read`] and [`Db::write`].

use std::path::PathBuf;

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

use crate::{Error, Result};

/// What a write runs in.
pub type Tx = DatabaseTransaction;

/// Where the database is, and its bounds.
#[derive(Clone, Debug)]
pub struct DbOptions {
    /// The SQLite file.
    pub path: PathBuf,
    /// How many connections read at once.
    pub readers: u32,
}

impl DbOptions {
    /// The defaults, for that file.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 4,
        }
    }
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    readers: DatabaseConnection,
    writer: DatabaseConnection,
}

impl Db {
    /// Opens the file, and makes it when there is none.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub async fn open(options: DbOptions) -> Result<Self> {
        let url = format!("sqlite://{}?mode=rwc", options.path.display());
        let writer = connect(&url, 1, false).await?;
        let readers = connect(&url, options.readers, true).await?;
        Ok(Self { readers, writer })
    }

    /// Connections that can only read; each statement sees the last commit.
    pub fn read(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// Runs `change` in one transaction, and answers after it is durable. An error or a panic leaves no trace.
    ///
    /// `change` may run more than once and must have no effect outside of `tx`.
    ///
    /// # Errors
    /// Whatever `change` answers, and `INTERNAL` when the database fails or `change` panics.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        F: AsyncFn(&Tx) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let writer = self.writer.clone();
        // PLACEHOLDER for group commit: the shape is final, the inside is not.
        tokio::task::spawn_blocking(move || {
            tokio::runtime::Handle::current().block_on(async move {
                let options = TransactionOptions {
                    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                    ..Default::default()
                };
                let tx = writer.begin_with_options(options).await?;
                match change(&tx).await {
                    Ok(value) => {
                        tx.commit().await?;
                        Ok(value)
                    }
                    Err(error) => {
                        tx.rollback().await?;
                        Err(error)
                    }
                }
            })
        })
        .await
        .map_err(|_| Error::Internal("a write panicked".into()))?
    }
}

async fn connect(url: &str, connections: u32, query_only: bool) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .foreign_keys(true)
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "FULL")
                .pragma("query_only", if query_only { "ON" } else { "OFF" })
        });
    Ok(Database::connect(options).await?)
}
