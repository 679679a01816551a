//! A supergraph that another one can replace while it serves.

mod moving_subscription;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::future::{BoxFuture, Either, FutureExt};
use futures_util::stream::BoxStream;
use tokio::sync::{Semaphore, watch};

use self::moving_subscription::MovingSubscription;
use super::Supergraph;
use super::pipeline::Pipeline;
use super::subscribe::answers;
use crate::subgraph::{
    Preparation, PreparedDocument, PreparedOperation, PreparedRequest, RequestDocument, Subgraph, SubgraphRequest,
    SubgraphResponse,
};

/// A supergraph that is replaced while it serves. Cheap to clone.
///
/// - A query or mutation ends on the graph that prepared it, or on which it began.
/// - A subscription moves to the new graph. Its source goes on if it is the same request to the same [`Subgraph`], so that no event is
///   lost; another source takes its place, and an operation that the new graph does not have ends with an error.
/// - A graph that was replaced is freed when its last request has ended.
#[derive(Clone)]
pub struct ReloadableSupergraph(Arc<Graphs>);

struct Graphs {
    current: watch::Sender<Supergraph>,
    /// The replaced graphs.
    replaced: Mutex<Vec<Weak<Pipeline>>>,
    /// The subscriptions that move at once. The first one plans their operation, and the others find its plan.
    moves: Semaphore,
}

/// The subscriptions that move to a new graph at once.
const MOVES_MAX: usize = 4;

impl ReloadableSupergraph {
    /// Serves that graph first.
    pub fn new(graph: Supergraph) -> Self {
        Self(Arc::new(Graphs {
            current: watch::Sender::new(graph),
            replaced: Mutex::default(),
            moves: Semaphore::new(MOVES_MAX),
        }))
    }

    /// Returns the graph that new requests run on.
    pub fn current(&self) -> Supergraph {
        self.0.current.borrow().clone()
    }

    /// Serves another graph from now on. It shares the bounds of the replaced one, and goes on with its counts; its caches of documents
    /// and plans are its own. A graph that serves already keeps its own bounds and counts.
    pub fn replace(&self, mut graph: Supergraph) {
        let mut replaced = self.replaced();
        if let Some(pipeline) = Arc::get_mut(&mut graph.0) {
            pipeline.take_over(&self.current().0);
        }
        let last = self.0.current.send_replace(graph);
        replaced.retain(|graph| graph.strong_count() > 0);
        replaced.push(Arc::downgrade(&last.0));
    }

    /// Returns the number of graphs in memory: the current one, and those whose requests have not ended.
    pub fn graphs_in_memory(&self) -> usize {
        let mut replaced = self.replaced();
        replaced.retain(|graph| graph.strong_count() > 0);
        replaced.len() + 1
    }

    fn replaced(&self) -> MutexGuard<'_, Vec<Weak<Pipeline>>> {
        self.0.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the graph of a request: the one that prepared it, or the current one.
    fn graph_of(&self, mut request: SubgraphRequest) -> (Supergraph, SubgraphRequest) {
        if let RequestDocument::Prepared(prepared) = &mut request.document
            && let Some(pinned) = PinnedOperation::of(prepared)
        {
            prepared.operation = Arc::clone(&pinned.operation);
            return (pinned.graph.clone(), request);
        }
        (self.current(), request)
    }
}

impl Subgraph for ReloadableSupergraph {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        let (graph, request) = self.graph_of(request);
        graph.0.execute_request(request)
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        // Before the graph is chosen, so that no change is missed.
        let changes = self.0.current.subscribe();
        let (graph, request) = self.graph_of(request);
        answers(MovingSubscription::start(self.clone(), changes, graph, request))
    }

    fn prepare(&self, request: SubgraphRequest) -> Preparation<'_> {
        let graph = self.current();
        match graph.0.prepare(request) {
            Either::Left(prepared) => Either::Left(ready(pinned(prepared.into_inner(), graph))),
            Either::Right(preparation) => Either::Right(preparation.map(|prepared| pinned(prepared, graph)).boxed()),
        }
    }
}

/// An operation with the graph that prepared it, the only one that can run it.
struct PinnedOperation {
    graph: Supergraph,
    operation: Arc<dyn PreparedOperation>,
}

impl PinnedOperation {
    fn of(prepared: &PreparedDocument) -> Option<Arc<Self>> {
        let operation: Arc<dyn Any + Send + Sync> = prepared.operation.clone();
        operation.downcast().ok()
    }
}

impl PreparedOperation for PinnedOperation {
    fn name(&self) -> Option<&str> {
        self.operation.name()
    }
}

impl std::fmt::Debug for PinnedOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.operation.fmt(f)
    }
}

/// Keeps the graph that prepared a request with it.
fn pinned(mut prepared: PreparedRequest, graph: Supergraph) -> PreparedRequest {
    if let Ok(SubgraphRequest {
        document: RequestDocument::Prepared(document),
        ..
    }) = &mut prepared.request
    {
        let operation = Arc::clone(&document.operation);
        document.operation = Arc::new(PinnedOperation { graph, operation });
    }
    prepared
}
