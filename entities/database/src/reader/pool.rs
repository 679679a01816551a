//! A fixed number of connections, each used by one read at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use sea_orm::{ConnAcquireErr, DbErr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Result;
use crate::deadline::Deadline;
use crate::sqlite_error::connection_error;
use crate::statement::run_control;

/// Steps of SQLite's virtual machine between two checks of the clock: some tens of microseconds.
const STEPS_BETWEEN_CHECKS: i32 = 1_000;

/// See the module.
pub(super) struct Pool {
    idle: Mutex<Vec<PooledConnection>>,
    /// A permit for each connection.
    permits: Arc<Semaphore>,
    size: u32,
}

struct PooledConnection {
    /// Boxed, because it is moved for each statement.
    connection: Box<Connection>,
    /// The deadline that stops this connection's statements.
    deadline: Arc<Deadline>,
}

impl Pool {
    pub fn new(connections: Vec<Connection>) -> rusqlite::Result<Arc<Self>> {
        let size = connections.len();
        let pooled = connections.into_iter().map(|connection| {
            let deadline = Deadline::new();
            let connection = Box::new(connection);
            let pooled = PooledConnection { connection, deadline };
            pooled.watch_deadline()?;
            Ok(pooled)
        });
        let idle = pooled.collect::<rusqlite::Result<_>>()?;
        Ok(Arc::new(Self {
            idle: Mutex::new(idle),
            permits: Arc::new(Semaphore::new(size)),
            size: u32::try_from(size).unwrap_or(u32::MAX),
        }))
    }

    /// Waits for a connection that no other read uses.
    pub async fn lease(self: &Arc<Self>) -> Result<Lease, DbErr> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| closed_error())?;
        let pooled = self.idle().pop().ok_or_else(closed_error)?;
        Ok(Lease {
            pooled: Some(pooled),
            pool: Arc::clone(self),
            _permit: permit,
        })
    }

    /// Waits for running reads and closes the connections.
    pub async fn close(&self) -> Result<(), DbErr> {
        let Ok(_all) = self.permits.acquire_many(self.size).await else {
            return Ok(());
        };
        self.permits.close();
        let connections = std::mem::take(&mut *self.idle());
        connections
            .into_iter()
            .try_for_each(|pooled| pooled.connection.close().map_err(|(_, error)| connection_error(error)))
    }

    /// Whether the next read finds a connection.
    fn has_spare(&self) -> bool {
        self.permits.available_permits() > 0
    }

    fn idle(&self) -> MutexGuard<'_, Vec<PooledConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PooledConnection {
    fn watch_deadline(&self) -> rusqlite::Result<()> {
        self.deadline.watch(&self.connection, STEPS_BETWEEN_CHECKS)
    }

    fn is_in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Ends a transaction, whatever time is left.
    fn end_transaction(&self) -> rusqlite::Result<()> {
        self.deadline.clear();
        run_control(&self.connection, "COMMIT")
    }
}

/// A connection, until it goes back to its pool.
pub(super) struct Lease {
    /// There until the drop.
    pooled: Option<PooledConnection>,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    /// Whether it is a connection of that pool.
    pub fn is_of(&self, pool: &Arc<Pool>) -> bool {
        Arc::ptr_eq(&self.pool, pool)
    }

    /// Whether other reads find a connection while this one is in use.
    pub fn is_spare(&self) -> bool {
        self.pool.has_spare()
    }

    /// Whether a transaction is open between two statements.
    pub fn is_in_transaction(&self) -> bool {
        self.pooled.as_ref().is_some_and(PooledConnection::is_in_transaction)
    }

    /// Runs `work`; SQLite stops it after that time.
    pub fn run_within<T>(
        &self,
        time: Duration,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let pooled = self.pooled.as_ref().expect("a lease has a connection");
        pooled.deadline.set(time);
        work(&pooled.connection)
    }

    /// Runs `work`; SQLite stops it at that deadline, which its caller may still change.
    pub fn run_until<T>(
        &mut self,
        deadline: Arc<Deadline>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let pooled = self.pooled.as_mut().expect("a lease has a connection");
        pooled.deadline = deadline;
        pooled.watch_deadline()?;
        work(&pooled.connection)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(pooled) = self.pooled.take() else { return };
        // A transaction that stays open would show the past to all later reads.
        if pooled.is_in_transaction()
            && let Err(error) = pooled.end_transaction()
        {
            tracing::warn!(%error, "cannot end the transaction of a read");
        }
        self.pool.idle().push(pooled);
    }
}

/// The error of reads after the end.
fn closed_error() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}
