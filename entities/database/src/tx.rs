//! The transaction of a write: SeaORM's connection, on the write thread's own SQLite connection.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};

use crate::deadline::Deadline;
use crate::models::{ReadEntity, read_models};
use crate::outbox::{Outbox, OutboxMark};
use crate::statement::{StatementEffect, execute, execute_batch, read_pairs, read_rows, run_control};
use crate::statement_span::{literal_statement_span, statement_span};
use crate::{Application, DbOptions, Error, Result, connect, sqlite_error};

/// The transaction of a write: a [`DbConnection`](crate::DbConnection), and so a [`ConnectionTrait`] for all of SeaORM.
///
/// Its statements run at once, on the calling thread, so its futures never wait. It is part of a larger
/// transaction: never send `BEGIN`, `COMMIT`, `ROLLBACK` or `SAVEPOINT` through it as text, but use
/// [`Tx::savepoint`]. If a statement ends the transaction anyway, or takes too long, no further statement runs.
///
/// A value that is read through SeaORM has one of these types, or SeaORM takes it for null: `i64`, `f64`, `String`,
/// `Vec<u8>`; `bool` of a column that is declared `BOOLEAN`, and JSON of one that is declared so.
pub struct Tx<A: Application> {
    /// Only the write thread uses it, but SeaORM requires a type that threads can share.
    connection: Mutex<Connection>,
    deadline: Arc<Deadline>,
    outbox: Outbox<A::Event>,
}

/// The statements that make and end transactions.
pub(crate) mod control {
    pub const BEGIN: &str = "BEGIN IMMEDIATE";
    pub const COMMIT: &str = "COMMIT";
    pub const ROLLBACK: &str = "ROLLBACK";
    pub const SAVEPOINT: &str = "SAVEPOINT write_of_a_group";
    pub const RELEASE: &str = "RELEASE write_of_a_group";
    pub const ROLLBACK_TO: &str = "ROLLBACK TO write_of_a_group";
    /// Moves the log into the file, as far as no reader needs it.
    pub const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";
    pub const INNER_SAVEPOINT: &str = "SAVEPOINT part_of_a_write";
    pub const INNER_RELEASE: &str = "RELEASE part_of_a_write";
    pub const INNER_ROLLBACK_TO: &str = "ROLLBACK TO part_of_a_write";
}

impl<A: Application> Tx<A> {
    pub(crate) fn open(options: &DbOptions, deadline: Arc<Deadline>) -> Result<Self, DbErr> {
        let connection = connect::open_writer(options, &deadline).map_err(sqlite_error::connection_error)?;
        Ok(Self {
            connection: Mutex::new(connection),
            deadline,
            outbox: Outbox::default(),
        })
    }

    pub(crate) fn close(self) -> Result<(), DbErr> {
        let connection = self.connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        connection
            .close()
            .map_err(|(_, error)| sqlite_error::connection_error(error))
    }

    /// Runs one of the [`control`] statements, or a pragma, regardless of the state of the transaction and the
    /// deadline.
    pub(crate) fn control(&self, statement: &str) -> Result<(), DbErr> {
        run_control(&self.connection(), statement).map_err(sqlite_error::statement_error)
    }

    /// Rows changed since the connection was opened.
    pub(crate) fn total_changes(&self) -> u64 {
        self.connection().total_changes()
    }

    /// Returns the number of commits that the database counts.
    pub(crate) fn commit_count(&self) -> Result<i32, DbErr> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("PRAGMA user_version")
            .map_err(sqlite_error::statement_error)?;
        statement
            .query_row([], |row| row.get(0))
            .map_err(sqlite_error::statement_error)
    }

    /// Whether the database has any table.
    pub(crate) fn has_schema(&self) -> Result<bool, DbErr> {
        let connection = self.connection();
        let found = connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0));
        found.map_err(sqlite_error::statement_error)
    }

    /// Sets that count, in the open transaction.
    pub(crate) fn set_commit_count(&self, count: i32) -> Result<(), DbErr> {
        // Each text is a new one, so it must not take a place among the prepared statements.
        let text = format!("PRAGMA user_version = {count}");
        let connection = self.connection();
        connection.execute_batch(&text).map_err(sqlite_error::statement_error)
    }

    /// Returns the findings of a quick check of the file within the deadline; `None` if it was too short for the
    /// whole file.
    pub(crate) fn quick_check(&self) -> Result<Option<Vec<String>>, DbErr> {
        let connection = self.connection();
        let checked = connection.prepare("PRAGMA quick_check(10)").and_then(|mut check| {
            let found = check.query_map([], |row| row.get::<_, String>(0))?;
            found.collect::<rusqlite::Result<Vec<_>>>()
        });
        match checked {
            Ok(found) => Ok(Some(found.into_iter().filter(|line| line != "ok").collect())),
            Err(rusqlite::Error::SqliteFailure(cause, _))
                if cause.code == rusqlite::ErrorCode::OperationInterrupted =>
            {
                Ok(None)
            }
            Err(error) => Err(sqlite_error::statement_error(error)),
        }
    }

    /// Whether the transaction is open: neither SQLite nor a statement has ended it.
    pub(crate) fn is_open(&self) -> bool {
        !self.connection().is_autocommit()
    }

    /// Publishes an event after the commit, before any write of this transaction is answered. The events arrive in the
    /// order of the commits and, within a write, in the order of these calls. An event is undone with the change that it
    /// announces: by a failure of the write, by the rollback of a savepoint, and before the write runs again.
    pub fn publish(&self, event: A::Event) {
        self.outbox.push(event);
    }

    /// The events of the open transaction.
    pub(crate) fn outbox(&self) -> &Outbox<A::Event> {
        &self.outbox
    }

    /// Runs `part` so that only its changes, and their events, are undone when it fails, and the write may continue.
    ///
    /// # Errors
    /// Every error of `part`, and SQLite's errors about the savepoint.
    pub async fn savepoint<T>(&self, part: impl AsyncFnOnce(&Self) -> Result<T, A::Error>) -> Result<T, A::Error> {
        self.run_bounded(|connection| run_control(connection, control::INNER_SAVEPOINT))
            .await
            .map_err(Error::from)?;
        let open = Savepoint {
            tx: self,
            mark: self.outbox.mark(),
        };
        let answer = part(self).await?;
        std::mem::forget(open);
        self.control(control::INNER_RELEASE).map_err(Error::from)?;
        Ok(answer)
    }

    /// Runs `work` if the transaction is open and time is left, and returns only if time is still left.
    async fn run_bounded<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, DbErr> {
        let done = self.run_now(work);
        if self.deadline.has_passed() {
            // The timer of the write is about to drop it here: the write must not continue as if only a statement
            // had failed.
            pending::<()>().await;
        }
        done
    }

    fn run_now<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, DbErr> {
        let connection = self.connection();
        // Without a transaction, each statement would be committed by itself.
        if connection.is_autocommit() || self.deadline.has_passed() {
            return Err(transaction_ended());
        }
        work(&connection).map_err(sqlite_error::statement_error)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Application> crate::DbConnection for Tx<A> {
    async fn models<E: ReadEntity>(&self, statement: Statement, most: usize) -> Result<Vec<E::Model>, DbErr> {
        let _span = statement_span(&statement.sql);
        self.run_bounded(|connection| read_models::<E>(connection, &statement, most))
            .await?
    }

    async fn pairs(&self, statement: Statement) -> Result<Vec<(i64, i64)>, DbErr> {
        let _span = statement_span(&statement.sql);
        self.run_bounded(|connection| read_pairs(connection, &statement)).await
    }

    async fn run(&self, statement: Statement) -> Result<StatementEffect, DbErr> {
        let _span = statement_span(&statement.sql);
        self.run_bounded(|connection| execute(connection, &statement)).await
    }
}

#[async_trait::async_trait]
impl<A: Application> ConnectionTrait for Tx<A> {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        crate::DbConnection::run(self, statement).await?.into_exec_result()
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let _span = literal_statement_span(sql);
        let effect = self
            .run_bounded(|connection| execute_batch(connection, sql, true))
            .await?;
        effect.into_exec_result()
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let _span = statement_span(&statement.sql);
        let mut row = self
            .run_bounded(|connection| read_rows(connection, &statement, 1))
            .await?;
        Ok(row.pop())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let _span = statement_span(&statement.sql);
        self.run_bounded(|connection| read_rows(connection, &statement, usize::MAX))
            .await
    }
}

fn transaction_ended() -> DbErr {
    DbErr::Exec(RuntimeErr::Internal("the transaction of this write has ended".into()))
}

/// Undoes the changes since the savepoint, and their events, on drop, unless it is released.
struct Savepoint<'a, A: Application> {
    tx: &'a Tx<A>,
    mark: OutboxMark,
}

impl<A: Application> Drop for Savepoint<'_, A> {
    fn drop(&mut self) {
        self.tx.outbox.truncate(self.mark);
        for statement in [control::INNER_ROLLBACK_TO, control::INNER_RELEASE] {
            if let Err(error) = self.tx.control(statement) {
                // The whole transaction has ended, and the savepoint with it.
                tracing::debug!(%error, "a savepoint ended before its rollback");
            }
        }
    }
}
