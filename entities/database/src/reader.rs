//! Reads: statements on connections that cannot write.
//!
//! A statement runs on the thread of its caller, because the way to another thread and back costs more than most reads
//! do. There it has little time: SQLite stops it when [`DbOptions::inline_read_time`] has passed, and the same statement
//! runs again from its start on a thread for blocking work, with its real deadline. Without that, a few scans would
//! stall all tasks of the process. The read-only connections make the second run safe.

mod poll_session;
mod pool;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pace::{consume_budget, spawn_blocking, units_of};
use rusqlite::{Connection, ErrorCode};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Select, Statement};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::connect;
use crate::deadline::Deadline;
use crate::models::{ReadEntity, read_models};
use crate::sqlite_error::{connection_error, query_error, read_timeout_error};
use crate::statement::{StatementEffect, execute, execute_batch, read_pairs, read_rows};
use crate::statement_span::{literal_statement_span, statement_span};
use crate::stats::Counters;
use crate::{DbOptions, Result};

use poll_session::PollSession;
use pool::Pool;

pub use poll_session::share_transactions;

/// Connections that can only read; each statement sees the last commit. Cheap to clone.
///
/// Its callers know it as a [`DbConnection`](crate::DbConnection) only, and it shows no type of SQLite, so that connections to
/// another database can stand behind it.
#[derive(Clone)]
pub struct Reader(Arc<ReadPools>);

struct ReadPools {
    /// For statements on the thread of the caller.
    inline: Arc<Pool>,
    /// For statements that need more time.
    slow: Arc<Pool>,
    inline_time: Duration,
    time: Duration,
    counters: Arc<Counters>,
}

impl Reader {
    /// Opens the connections to a file that the writer has created.
    pub(crate) fn open(options: &DbOptions, counters: Arc<Counters>) -> Result<Self, DbErr> {
        let open = |count: u32, lock_wait| {
            let connections = (0..count.max(1)).map(|_| connect::open_reader(options, lock_wait));
            let connections: rusqlite::Result<Vec<_>> = connections.collect();
            connections.and_then(Pool::new).map_err(connection_error)
        };
        Ok(Self(Arc::new(ReadPools {
            // A lock is waited for where that stops no other task.
            inline: open(options.readers, Duration::ZERO)?,
            slow: open(options.slow_readers, connect::LOCK_WAIT)?,
            inline_time: options.inline_read_time,
            time: options.read_time,
            counters,
        })))
    }

    /// Waits for running reads and closes the connections; later reads fail.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        self.0.inline.close().await?;
        self.0.slow.close().await
    }

    /// Returns the rows of a query as models ([`DbConnection::rows`](crate::DbConnection::rows)), for callers that do not
    /// import the trait.
    pub async fn rows<E: ReadEntity>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        crate::DbConnection::rows(self, select).await
    }

    /// Returns the first row of a query as a model, likewise.
    pub async fn row<E: ReadEntity>(&self, select: Select<E>) -> Result<Option<E::Model>, DbErr> {
        crate::DbConnection::row(self, select).await
    }

    /// Runs one statement. `work` may run twice, because a slow statement begins again on another connection.
    async fn run_read<T, W>(&self, work: W) -> Result<T, DbErr>
    where
        T: Send + 'static,
        W: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.0.counters.count_read();
        // Before the statement: when the budget is used up, none of the resolvers that the task polls begins another one.
        consume_budget(1).await;
        let (done, time) = {
            let mut session = match PollSession::take(&self.0.inline) {
                Some(session) => session,
                None => PollSession::new(self.0.inline.lease().await?),
            };
            let begun = Instant::now();
            let done = session.run(self.0.inline_time, self.0.counters.commits(), &work);
            let time = begun.elapsed();
            if done.is_ok() {
                session.keep();
            }
            (done, time)
        };
        consume_budget(units_of(time)).await;
        match done {
            Err(error) if needs_more_time(&error) => {
                // The operation may move to threads of a lower priority here, and its slow statement with it.
                yield_now().await;
                self.run_aside(work).await
            }
            done => done.map_err(query_error),
        }
    }

    /// Runs a slow statement on a thread for blocking work. It stops when its caller is gone.
    async fn run_aside<T, W>(&self, work: W) -> Result<T, DbErr>
    where
        T: Send + 'static,
        W: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.0.counters.count_slow_read();
        let deadline = Deadline::new();
        deadline.set(self.0.time);
        let connection = timeout(self.0.time, self.0.slow.lease()).await;
        let mut connection = connection.map_err(|_| read_timeout_error())??;
        let _stop = StopOnDrop(Arc::clone(&deadline));
        let done = spawn_blocking(move || connection.run_until(deadline, work)).await;
        match done {
            Ok(Err(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Err(read_timeout_error())
            }
            Ok(done) => done.map_err(query_error),
            Err(_) => Err(DbErr::Custom("a read panicked".to_owned())),
        }
    }
}

/// Whether a statement has to run again where it may take longer: its time was over, or it would wait for a lock.
fn needs_more_time(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy)
    )
}

/// Ends a statement whose caller no longer waits for it.
struct StopOnDrop(Arc<Deadline>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set(Duration::ZERO);
    }
}

impl crate::DbConnection for Reader {
    async fn models<E: ReadEntity>(&self, statement: Statement, most: usize) -> Result<Vec<E::Model>, DbErr> {
        let span = statement_span(&statement.sql);
        let read = self.run_read(move |connection| read_models::<E>(connection, &statement, most));
        spans::within(span, read).await?
    }

    async fn pairs(&self, statement: Statement) -> Result<Vec<(i64, i64)>, DbErr> {
        let span = statement_span(&statement.sql);
        let read = self.run_read(move |connection| read_pairs(connection, &statement));
        spans::within(span, read).await
    }

    async fn run(&self, statement: Statement) -> Result<StatementEffect, DbErr> {
        let span = statement_span(&statement.sql);
        let run = self.run_read(move |connection| execute(connection, &statement));
        spans::within(span, run).await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        crate::DbConnection::run(self, statement).await?.into_exec_result()
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let (span, sql) = (literal_statement_span(sql), sql.to_owned());
        let run = self.run_read(move |connection| execute_batch(connection, &sql, false));
        spans::within(span, run).await?.into_exec_result()
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let span = statement_span(&statement.sql);
        let read = self.run_read(move |connection| read_rows(connection, &statement, 1));
        Ok(spans::within(span, read).await?.pop())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let span = statement_span(&statement.sql);
        let read = self.run_read(move |connection| read_rows(connection, &statement, usize::MAX));
        spans::within(span, read).await
    }
}
