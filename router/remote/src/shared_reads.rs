//! Equal reads in flight share one request.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::subgraph::TapeResponse;
use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};
use http::HeaderMap;

use super::response::copy_of;
use super::subgraph_error::SubgraphError;

/// The number of mutations that any remote subgraph has answered.
///
/// A read that begins after a mutation was answered must see it. So it does not join a read that was sent before, and as a mutation of
/// one subgraph may change what another one reads, the number is one for all.
static MUTATIONS: AtomicU64 = AtomicU64::new(0);

/// Records that a mutation was answered. Call it before the answer is passed on.
pub fn record_mutation() {
    MUTATIONS.fetch_add(1, Ordering::SeqCst);
}

/// The outcome of a read.
pub type Outcome = Result<TapeResponse, SubgraphError>;

type SharedRead = Shared<BoxFuture<'static, Arc<Outcome>>>;
type InFlight = Mutex<HashMap<ReadKey, WeakShared<BoxFuture<'static, Arc<Outcome>>>>>;

/// Everything that makes two reads the same.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadKey {
    /// The document and the variables, encoded.
    pub body: Bytes,
    /// The headers that tell callers apart.
    pub headers: HeaderMap,
    mutations: u64,
}

impl ReadKey {
    /// The key of a read that begins now.
    pub fn new(body: Bytes, headers: HeaderMap) -> Self {
        Self {
            body,
            headers,
            mutations: MUTATIONS.load(Ordering::SeqCst),
        }
    }
}

impl Hash for ReadKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Callers with equal documents are few enough to be compared.
        self.body.hash(state);
        self.mutations.hash(state);
        for name in ["authorization", "cookie"] {
            self.headers.get(name).hash(state);
        }
    }
}

/// The reads of one subgraph that are in flight.
#[derive(Default)]
pub struct SharedReads(Arc<InFlight>);

impl SharedReads {
    /// Returns the outcome of a read: of an equal one that is in flight, or of `read`. The read goes on as long as one of its callers
    /// waits for it.
    pub async fn join(&self, key: ReadKey, read: BoxFuture<'static, Outcome>) -> Outcome {
        let outcome = self.in_flight(key, read).await;
        Arc::try_unwrap(outcome).unwrap_or_else(|shared| copy(&shared))
    }

    fn in_flight(&self, key: ReadKey, read: BoxFuture<'static, Outcome>) -> SharedRead {
        let mut reads = lock(&self.0);
        if let Some(joined) = reads.get(&key).and_then(WeakShared::upgrade) {
            return joined;
        }
        let entry = Entry {
            reads: Arc::clone(&self.0),
            key: key.clone(),
        };
        let read = async move {
            let _entry = entry;
            Arc::new(read.await)
        };
        let shared = read.boxed().shared();
        if let Some(weak) = shared.downgrade() {
            reads.insert(key, weak);
        }
        shared
    }
}

/// The entry of a read, removed when the read has ended or its last caller is gone.
struct Entry {
    reads: Arc<InFlight>,
    key: ReadKey,
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.reads).remove(&self.key);
    }
}

fn lock(reads: &InFlight) -> MutexGuard<'_, HashMap<ReadKey, WeakShared<BoxFuture<'static, Arc<Outcome>>>>> {
    reads.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies an outcome that others read too. They share a tape.
fn copy(outcome: &Outcome) -> Outcome {
    Ok(match outcome.as_ref().map_err(Clone::clone)? {
        TapeResponse::Tape(tape) => TapeResponse::Tape(Arc::clone(tape)),
        TapeResponse::Values(response) => copy_of(response).into(),
    })
}
