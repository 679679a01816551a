//! The batches of one request: the keys that its resolvers ask loaders for, and the loads that read them.
//!
//! A resolver that needs a row joins the open batch of its loader and waits. [`Batches::drive`] polls the request; when
//! none of its resolvers can continue, it closes the open batches and polls their loads, in the same task. So a batch has
//! the keys of all resolvers that could run, and needs no timer, and no task that another thread would wake up for.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use async_graphql::indexmap::IndexSet;
use futures_util::future::BoxFuture;
use futures_util::stream::Stream;
use futures_util::task::AtomicWaker;
use spans::NewSpan;
use tokio::task::coop::{has_budget_remaining, poll_proceed};
use tokio::task::yield_now;

use crate::loader::{Load, LoadKey, Loader};
use crate::{Error, Result};

/// The open batches of a request. Its resolvers find it in their context.
#[derive(Default)]
pub(crate) struct Batches {
    open: Mutex<Vec<OpenBatch>>,
    wakeups: Wakeups,
}

/// A batch that accepts keys, and its load.
struct OpenBatch {
    /// An `Arc<Batch<K, V>>`; `None` if the batch is full.
    batch: Option<(TypeId, Arc<dyn Any + Send + Sync>)>,
    load: BoxFuture<'static, ()>,
}

impl Batches {
    /// Returns the value of a key, which is loaded with the other keys of its batch.
    pub(crate) async fn load<L, K>(&self, loader: &Loader<L>, key: K) -> Result<Option<L::Value>>
    where
        L: Load<K, Error = Error>,
        K: LoadKey,
    {
        self.join(loader, key.clone()).value(key).await
    }

    fn join<L, K>(&self, loader: &Loader<L>, key: K) -> Arc<Batch<K, L::Value>>
    where
        L: Load<K, Error = Error>,
        K: LoadKey,
    {
        let mut open = lock(&self.open);
        let id = TypeId::of::<(L, K)>();
        for OpenBatch { batch: place, .. } in open.iter_mut() {
            let Some((_, found)) = place.as_ref().filter(|(of, _)| *of == id) else {
                continue;
            };
            let Ok(batch) = Arc::clone(found).downcast::<Batch<K, L::Value>>() else {
                continue;
            };
            if batch.add(key) >= loader.keys_max {
                *place = None;
            }
            return batch;
        }
        let batch = Arc::new(Batch::<K, L::Value>::default());
        let is_full = batch.add(key) >= loader.keys_max;
        let (load, loaded) = (Arc::clone(&loader.load), Arc::clone(&batch));
        open.push(OpenBatch {
            batch: (!is_full).then(|| (id, Arc::clone(&batch) as Arc<dyn Any + Send + Sync>)),
            load: Box::pin(async move {
                let keys = loaded.keys();
                let span = spans::start(|| {
                    let number = i64::try_from(keys.len()).unwrap_or(i64::MAX);
                    let loader = std::any::type_name::<L>();
                    NewSpan::new("load")
                        .with("agora.loader", loader)
                        .with("agora.keys", number)
                });
                loaded.complete(spans::within(span, load.load(&keys)).await);
            }),
        });
        batch
    }

    /// Closes the open batches and returns their loads.
    fn close(&self) -> impl Iterator<Item = BoxFuture<'static, ()>> + use<> {
        let open = std::mem::take(&mut *lock(&self.open));
        open.into_iter().map(|batch| batch.load)
    }

    /// Polls the request, and its loads whenever it cannot continue without them.
    fn drive<T>(
        self: &Arc<Self>,
        loads: &mut Vec<BoxFuture<'static, ()>>,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let waker = Waker::from(Arc::clone(self));
        let mut own = Context::from_waker(&waker);
        self.wakeups.task.register(cx.waker());
        let mut polls_left = POLLS_MAX;
        loop {
            self.wakeups.begin_poll();
            let polled = poll(&mut own);
            if polled.is_ready() {
                drop(self.close());
                return polled;
            }
            // Others run now. Some resolvers have not come to their loads, so the open batches stay open.
            if !has_budget_remaining() {
                self.wakeups.end_poll();
                return yield_to_others(cx);
            }
            // A set of many futures returns before it has polled all of them, and wakes itself.
            if polls_left > 0 && self.wakeups.is_woken() {
                polls_left -= 1;
                continue;
            }
            loads.extend(self.close());
            // One at a time: its resolvers count the bytes of their rows before the next load reads more.
            let Some(done) = loads
                .iter_mut()
                .position(|load| load.as_mut().poll(&mut own).is_ready())
            else {
                break;
            };
            drop(loads.remove(done));
        }
        if self.wakeups.end_poll() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// Lets other tasks run, and tokio look for what has arrived, before the task of `cx` runs again.
fn yield_to_others<T>(cx: &mut Context<'_>) -> Poll<T> {
    // The only way to say so to tokio. The future is not polled again.
    let _ = pin!(yield_now()).poll(cx);
    Poll::Pending
}

/// The wake-ups of a request. Those that happen while its task polls it, such as those of resolvers whose batch has been
/// loaded, do not wake the task.
#[derive(Default)]
struct Wakeups {
    /// [`IDLE`] or [`POLLING`], and [`WOKEN`].
    state: AtomicU8,
    task: AtomicWaker,
}

/// The most polls of a request that wakes itself before its task lets others run.
const POLLS_MAX: u32 = 10_000;

const IDLE: u8 = 0;
const POLLING: u8 = 1;
const WOKEN: u8 = 2;

impl Wakeups {
    /// Forgets earlier wake-ups: everything is polled after this.
    fn begin_poll(&self) {
        self.state.store(POLLING, Ordering::SeqCst);
    }

    /// Whether there were wake-ups since the poll began.
    fn is_woken(&self) -> bool {
        self.state.load(Ordering::SeqCst) & WOKEN != 0
    }

    /// As [`is_woken`](Self::is_woken). Later wake-ups wake the task.
    fn end_poll(&self) -> bool {
        self.state.swap(IDLE, Ordering::SeqCst) & WOKEN != 0
    }
}

impl Wake for Batches {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.wakeups.state.fetch_or(WOKEN, Ordering::SeqCst) == IDLE {
            self.wakeups.task.wake();
        }
    }
}

/// The keys of a loader that are read together, and then their values.
struct Batch<K, V>(Mutex<BatchState<K, V>>);

struct BatchState<K, V> {
    keys: IndexSet<K>,
    /// Whether several resolvers asked for the same key.
    is_shared: bool,
    loaded: Option<Result<HashMap<K, V>>>,
    waiting: Vec<Waker>,
}

impl<K, V> Default for Batch<K, V> {
    fn default() -> Self {
        Self(Mutex::new(BatchState {
            keys: IndexSet::new(),
            is_shared: false,
            loaded: None,
            waiting: Vec::new(),
        }))
    }
}

impl<K: LoadKey, V: Clone + Send + Sync + 'static> Batch<K, V> {
    /// Adds a key and returns the number of keys.
    fn add(&self, key: K) -> usize {
        let mut state = lock(&self.0);
        let is_new = state.keys.insert(key);
        state.is_shared |= !is_new;
        state.keys.len()
    }

    fn keys(&self) -> Vec<K> {
        std::mem::take(&mut lock(&self.0).keys).into_iter().collect()
    }

    fn complete(&self, loaded: Result<HashMap<K, V>>) {
        let waiting = {
            let mut state = lock(&self.0);
            state.loaded = Some(loaded);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    fn value(self: Arc<Self>, key: K) -> impl Future<Output = Result<Option<V>>> + Send {
        poll_fn(move |cx| {
            let mut state = lock(&self.0);
            let BatchState {
                is_shared,
                loaded,
                waiting,
                ..
            } = &mut *state;
            // A resolver goes on with its value, which is work. One that wakes itself stops the set of resolvers around it.
            if loaded.is_some() {
                if !has_budget_remaining() {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                ready!(poll_proceed(cx)).made_progress();
            }
            match loaded {
                Some(Ok(values)) if *is_shared => Poll::Ready(Ok(values.get(&key).cloned())),
                Some(Ok(values)) => Poll::Ready(Ok(values.remove(&key))),
                Some(Err(error)) => Poll::Ready(Err(Error::clone(error))),
                None => {
                    if !waiting.last().is_some_and(|last| last.will_wake(cx.waker())) {
                        waiting.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request's future or stream, with the loads that its resolvers wait for.
pub(crate) struct Batched<R: ?Sized> {
    batches: Arc<Batches>,
    loads: Vec<BoxFuture<'static, ()>>,
    request: Pin<Box<R>>,
}

impl<R: ?Sized> Batched<R> {
    /// A request whose context has these batches.
    pub(crate) fn new(batches: Arc<Batches>, request: Pin<Box<R>>) -> Self {
        Self {
            batches,
            loads: Vec::new(),
            request,
        }
    }
}

impl<F: Future + ?Sized> Future for Batched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self {
            batches,
            loads,
            request,
        } = &mut *self;
        batches.drive(loads, cx, |cx| request.as_mut().poll(cx))
    }
}

impl<S: Stream + ?Sized> Stream for Batched<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let Self {
            batches,
            loads,
            request,
        } = &mut *self;
        batches.drive(loads, cx, |cx| request.as_mut().poll_next(cx))
    }
}
