//! The idle connections to one subgraph.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::sender::Sender;

/// The connections to one subgraph that can take a request: the idle ones of HTTP/1.1, and those of HTTP/2. The one used last is taken
/// first, so that the ones that a burst left over reach the end of their idle time.
pub struct Pool {
    idle: Mutex<IdleConnections>,
    idle_time_max: Duration,
}

#[derive(Default)]
struct IdleConnections {
    /// The one used last is at the end.
    stack: Vec<IdleConnection>,
    /// Whether a task waits to remove the connections that are idle for too long.
    has_pruner: bool,
}

struct IdleConnection {
    sender: Sender,
    since: Instant,
}

impl Pool {
    /// An empty pool.
    pub fn new(idle_time_max: Duration) -> Self {
        Self {
            idle: Mutex::default(),
            idle_time_max,
        }
    }

    /// Takes a connection that the subgraph has not closed, as far as is known. One for many requests stays here as well.
    pub async fn take(self: &Arc<Self>) -> Option<Sender> {
        while let Some(mut connection) = self.pop() {
            let is_fresh = connection.since.elapsed() < self.idle_time_max;
            if is_fresh && connection.sender.ready().await.is_ok() {
                if let Some(shared) = connection.sender.share() {
                    self.put(shared);
                }
                return Some(connection.sender);
            }
        }
        None
    }

    /// Keeps a connection that can take a request.
    pub fn put(self: &Arc<Self>, sender: Sender) {
        let since = Instant::now();
        let mut idle = self.lock();
        idle.stack.push(IdleConnection { sender, since });
        if !std::mem::replace(&mut idle.has_pruner, true) {
            tokio::spawn(prune(Arc::downgrade(self), self.idle_time_max));
        }
    }

    /// Removes all connections: they are likely to be as dead as the one that just failed.
    pub fn clear(&self) {
        let removed = std::mem::take(&mut self.lock().stack);
        drop(removed);
    }

    fn pop(&self) -> Option<IdleConnection> {
        self.lock().stack.pop()
    }

    /// Removes the connections that are idle for too long. Returns whether others are left.
    fn remove_expired(&self) -> bool {
        let mut idle = self.lock();
        let is_expired = |connection: &IdleConnection| connection.since.elapsed() >= self.idle_time_max;
        let expired = idle.stack.partition_point(is_expired);
        idle.stack.drain(..expired);
        idle.has_pruner = !idle.stack.is_empty();
        idle.has_pruner
    }

    fn lock(&self) -> MutexGuard<'_, IdleConnections> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes expired connections until none is left, or the pool is gone.
async fn prune(pool: Weak<Pool>, period: Duration) {
    loop {
        sleep(period).await;
        let has_more = pool.upgrade().is_some_and(|pool| pool.remove_expired());
        if !has_more {
            return;
        }
    }
}
