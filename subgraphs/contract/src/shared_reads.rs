//! Reads that many subscriptions make for the same event.

use std::any::Any;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Db;

/// The most reads that are kept.
const READS_MAX: usize = 16;

/// The rows that subscriptions read since the last commit. A thousand subscriptions that an event wakes read its row once.
///
/// Rows are kept for as long as reading them again would return the same: until the next commit
/// (docs/adr/0092-subscribers-of-one-event-share-its-work.md).
#[derive(Default)]
pub struct SharedReads(Mutex<Vec<SharedRead>>);

struct SharedRead {
    /// The commits of this process before the read.
    commits: u64,
    /// A [`KeyedRows`].
    rows: Arc<dyn Any + Send + Sync>,
}

struct KeyedRows<K, M> {
    key: K,
    rows: Vec<M>,
}

impl SharedReads {
    /// Returns the rows of that key: those that `read` returned since the last commit, or those that it returns now. The types
    /// of a key and its rows stand for one query.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn rows<K, M, E>(
        &self,
        db: &Db,
        key: K,
        read: impl Future<Output = Result<Vec<M>, E>>,
    ) -> Result<Vec<M>, E>
    where
        K: PartialEq + Send + Sync + 'static,
        M: Clone + Send + Sync + 'static,
    {
        // The count comes first: a commit in between is part of what is read, and only makes the next caller read again.
        let commits = db.stats().commits;
        if let Some(known) = self.known::<K, M>(commits, &key) {
            return Ok(known.rows.clone());
        }
        let rows = read.await?;
        self.keep(SharedRead {
            commits,
            rows: Arc::new(KeyedRows {
                key,
                rows: rows.clone(),
            }),
        });
        Ok(rows)
    }

    fn known<K, M>(&self, commits: u64, key: &K) -> Option<Arc<KeyedRows<K, M>>>
    where
        K: PartialEq + Send + Sync + 'static,
        M: Send + Sync + 'static,
    {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_now = kept.iter().filter(|read| read.commits == commits);
        let mut of_type = of_now.filter_map(|read| Arc::clone(&read.rows).downcast::<KeyedRows<K, M>>().ok());
        of_type.find(|known| known.key == *key)
    }

    fn keep(&self, read: SharedRead) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| other.commits >= read.commits);
        if kept.len() == READS_MAX {
            kept.remove(0);
        }
        kept.push(read);
    }
}
