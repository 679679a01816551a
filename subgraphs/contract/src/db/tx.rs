//! What a write runs in: SeaORM's connection, on the write thread's own SQLite connection.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};

use super::connect::Deadline;
use super::row::{Columns, Values, answered, bind, executed};
use super::{DbOptions, connect, failure};
use crate::Result;

/// What a write runs in: a [`ConnectionTrait`] for all of SeaORM.
///
/// Its statements run at once, on the thread that asks, so no future of it ever waits. It is part of a larger
/// transaction: never send `BEGIN`, `COMMIT`, `ROLLBACK` or `SAVEPOINT` through it as text ([`Tx::savepoint`] is
/// there). A statement that ends the transaction all the same, or takes too long, is the last one that runs.
///
/// What is read has one of these types, or SeaORM takes it for null: `i64`, `f64`, `String`, `Vec<u8>`; `bool` of a
/// column that is declared `BOOLEAN`, and JSON of one that is declared so. By name and by place.
pub struct Tx {
    /// Only the write thread has it; SeaORM wants to share it between threads.
    connection: Mutex<Connection>,
    deadline: Arc<Deadline>,
}

/// The statements that make and end transactions.
pub(super) mod control {
    pub const BEGIN: &str = "BEGIN IMMEDIATE";
    pub const COMMIT: &str = "COMMIT";
    pub const ROLLBACK: &str = "ROLLBACK";
    pub const SAVEPOINT: &str = "SAVEPOINT write_of_a_group";
    pub const RELEASE: &str = "RELEASE write_of_a_group";
    pub const ROLLBACK_TO: &str = "ROLLBACK TO write_of_a_group";
    pub const INNER_SAVEPOINT: &str = "SAVEPOINT part_of_a_write";
    pub const INNER_RELEASE: &str = "RELEASE part_of_a_write";
    pub const INNER_ROLLBACK_TO: &str = "ROLLBACK TO part_of_a_write";
}

impl Tx {
    pub(super) fn open(options: &DbOptions, deadline: Arc<Deadline>) -> Result<Self, DbErr> {
        let connection = connect::writer(options, deadline.clone()).map_err(failure::connection)?;
        Ok(Self {
            connection: Mutex::new(connection),
            deadline,
        })
    }

    pub(super) fn close(self) -> Result<(), DbErr> {
        let connection = self.connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        connection.close().map_err(|(_, error)| failure::connection(error))
    }

    /// One of the [`control`] statements, or a pragma: whatever the state of the transaction, and of the deadline.
    pub(super) fn control(&self, statement: &str) -> Result<(), DbErr> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(statement).map_err(failure::statement)?;
        finish(&mut statement).map_err(failure::statement)
    }

    /// Rows changed since the connection was opened.
    pub(super) fn total_changes(&self) -> u64 {
        self.connection().total_changes()
    }

    /// How many commits the database counts.
    pub(super) fn commit_count(&self) -> Result<i32, DbErr> {
        let connection = self.connection();
        let count = connection.pragma_query_value(None, "user_version", |row| row.get(0));
        count.map_err(failure::statement)
    }

    /// Sets that count, in the transaction that is open.
    pub(super) fn set_commit_count(&self, count: i32) -> Result<(), DbErr> {
        let connection = self.connection();
        connection
            .pragma_update(None, "user_version", count)
            .map_err(failure::statement)
    }

    /// What a quick check of the file finds, within the deadline; `None` when that was too short for all of it.
    pub(super) fn quick_check(&self) -> Result<Option<Vec<String>>, DbErr> {
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
            Err(error) => Err(failure::statement(error)),
        }
    }

    /// There is a transaction: SQLite did not end it by itself, nor did somebody else.
    pub(super) fn is_open(&self) -> bool {
        !self.connection().is_autocommit()
    }

    /// Runs `part` so that its changes alone are undone when it fails, and the write may go on.
    ///
    /// # Errors
    /// Whatever `part` answers, or what SQLite says of the savepoint.
    pub async fn savepoint<T>(&self, part: impl AsyncFnOnce(&Tx) -> Result<T>) -> Result<T> {
        self.run(|connection| finish(&mut *connection.prepare_cached(control::INNER_SAVEPOINT)?))
            .await?;
        let open = Savepoint(self);
        let answer = part(self).await?;
        std::mem::forget(open);
        self.control(control::INNER_RELEASE)?;
        Ok(answer)
    }

    /// Runs `work` if there is a transaction and time left, and goes on only if there is time left.
    async fn run<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, DbErr> {
        let done = self.run_now(work);
        if self.deadline.is_over() {
            // The timer of the write is about to drop it here: it cannot go on as if only a statement had failed.
            pending::<()>().await;
        }
        done
    }

    fn run_now<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, DbErr> {
        let connection = self.connection();
        // Without one, each statement would be committed by itself.
        if connection.is_autocommit() || self.deadline.is_over() {
            return Err(ended());
        }
        work(&connection).map_err(failure::statement)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    async fn execute_raw(&self, asked: Statement) -> Result<ExecResult, DbErr> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(&asked.sql)?;
            bind(&mut statement, values(&asked))?;
            counted(connection, || finish(&mut statement))
        })
        .await
        .and_then(Done::answered)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(|connection| {
            counted(connection, || {
                let mut batch = Batch::new(connection, sql);
                while let Some(mut statement) = batch.next()? {
                    finish(&mut statement)?;
                    if connection.is_autocommit() {
                        break;
                    }
                }
                Ok(())
            })
        })
        .await
        .and_then(Done::answered)
    }

    async fn query_one_raw(&self, asked: Statement) -> Result<Option<QueryResult>, DbErr> {
        let row = self.run(|connection| rows(connection, &asked, 1)).await?;
        Ok(answered(row)?.pop())
    }

    async fn query_all_raw(&self, asked: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let all = self.run(|connection| rows(connection, &asked, usize::MAX)).await?;
        answered(all)
    }
}

fn rows(connection: &Connection, asked: &Statement, most: usize) -> rusqlite::Result<Vec<Values>> {
    let mut statement = connection.prepare_cached(&asked.sql)?;
    bind(&mut statement, values(asked))?;
    let mut rows = statement.raw_query();
    let (mut columns, mut read) = (None, Vec::new());
    while read.len() < most
        && let Some(row) = rows.next()?
    {
        let columns = columns.get_or_insert_with(|| Columns::of(row.as_ref()));
        read.push(columns.row(row)?);
    }
    Ok(read)
}

fn values(asked: &Statement) -> &[sea_orm::Value] {
    asked.values.as_ref().map_or(&[], |values| &values.0)
}

/// Runs it to its end, whatever it answers.
fn finish(statement: &mut rusqlite::Statement<'_>) -> rusqlite::Result<()> {
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

/// What a statement did.
struct Done {
    last_insert_rowid: i64,
    changes: u64,
}

impl Done {
    fn answered(self) -> Result<ExecResult, DbErr> {
        // A negative key is none of SeaORM's: it answers that it cannot read it.
        executed(self.last_insert_rowid.cast_unsigned(), self.changes)
    }
}

fn counted(connection: &Connection, work: impl FnOnce() -> rusqlite::Result<()>) -> rusqlite::Result<Done> {
    let before = connection.total_changes();
    work()?;
    // `changes` alone is what an earlier statement did when this one is no change of rows.
    let changes = match connection.total_changes() == before {
        true => 0,
        false => connection.changes(),
    };
    Ok(Done {
        last_insert_rowid: connection.last_insert_rowid(),
        changes,
    })
}

fn ended() -> DbErr {
    DbErr::Exec(RuntimeErr::Internal("the transaction of this write has ended".into()))
}

/// Undoes what has happened since, unless it is released.
struct Savepoint<'a>(&'a Tx);

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        for statement in [control::INNER_ROLLBACK_TO, control::INNER_RELEASE] {
            if let Err(error) = self.0.control(statement) {
                // The whole transaction has ended, and this with it.
                tracing::debug!(%error, "a savepoint had ended before it was undone");
            }
        }
    }
}
