//! The clients of one subscription to a subgraph.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_graphql::Response;
use engine::subgraph::SubgraphResponse;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::endpoint::Endpoint;
use crate::response::copy_of;
use crate::subgraph_error::SubgraphError;

/// How long a client whose queue is full may hold up the others that share its subscription. Then it loses its place.
const SLOW_CLIENT_WAIT: Duration = Duration::from_millis(100);

/// The clients that receive the events of one subscription: the one that opened it, and those that joined.
pub struct Audience {
    clients: Mutex<Vec<Client>>,
    /// Notified when a client leaves.
    left: Notify,
    /// Notified when a client joins.
    joined: Notify,
}

/// A client's place: the writing end of its queue.
#[derive(Clone)]
struct Client {
    events: mpsc::Sender<Response>,
    /// Set when the client loses its place because it does not read.
    is_too_slow: Arc<AtomicBool>,
}

impl Audience {
    /// An audience without clients.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            clients: Mutex::default(),
            left: Notify::new(),
            joined: Notify::new(),
        })
    }

    /// Adds a client, and returns the responses that it receives from now on.
    pub fn join(self: &Arc<Self>, endpoint: &Arc<Endpoint>) -> BoxStream<'static, SubgraphResponse> {
        let (events, queue) = mpsc::channel(endpoint.settings.subgraph_events_max.max(1));
        let is_too_slow = Arc::new(AtomicBool::new(false));
        self.lock().push(Client {
            events,
            is_too_slow: Arc::clone(&is_too_slow),
        });
        self.joined.notify_waiters();
        let place = Place {
            queue,
            is_too_slow,
            endpoint: Arc::clone(endpoint),
            _leaving: Leaving(Arc::clone(self)),
        };
        stream::unfold(place, |mut place| async move {
            let response = place.next().await?;
            Some((SubgraphResponse::Tree(response), place))
        })
        .boxed()
    }

    /// Waits until a client leaves.
    pub async fn left(&self) {
        self.left.notified().await;
    }

    /// Whether no client is left.
    pub fn is_empty(&self) -> bool {
        let mut clients = self.lock();
        clients.retain(|client| !client.events.is_closed());
        clients.is_empty()
    }

    /// Passes a response to all clients. A client that is alone may take its time, and holds up the subgraph; one of several may hold
    /// up the others only shortly.
    pub async fn send(&self, response: Response) {
        let joined = self.joined.notified();
        tokio::pin!(joined);
        // Before the clients are read, so that none that joins is missed.
        joined.as_mut().enable();
        let clients = self.lock().clone();
        let waiting = offer(&clients, response);
        let mut deadline = Instant::now() + SLOW_CLIENT_WAIT;
        for (client, response) in waiting {
            if clients.len() == 1 {
                tokio::select! {
                    place = client.events.reserve() => {
                        if let Ok(place) = place {
                            place.send(response);
                        }
                        return;
                    }
                    () = &mut joined => deadline = Instant::now() + SLOW_CLIENT_WAIT,
                }
            }
            // A client that leaves meanwhile needs no response.
            if timeout_at(deadline, client.events.send(response)).await.is_err() {
                client.is_too_slow.store(true, Ordering::Relaxed);
                self.lock().retain(|other| !other.events.same_channel(&client.events));
            }
        }
    }

    /// Ends the responses of all clients.
    pub fn end(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a response into the queues that have room, and returns the clients whose queues are full.
fn offer(clients: &[Client], response: Response) -> Vec<(Client, Response)> {
    let mut full = Vec::new();
    let mut offer = |client: &Client, response| {
        if let Err(TrySendError::Full(response)) = client.events.try_send(response) {
            full.push((client.clone(), response));
        }
    };
    if let Some((last, others)) = clients.split_last() {
        for client in others {
            offer(client, copy_of(&response));
        }
        offer(last, response);
    }
    full
}

/// A client's place: the reading end of its queue. The queue is dropped before the client has left.
struct Place {
    queue: mpsc::Receiver<Response>,
    is_too_slow: Arc<AtomicBool>,
    endpoint: Arc<Endpoint>,
    _leaving: Leaving,
}

impl Place {
    async fn next(&mut self) -> Option<Response> {
        if let Some(response) = self.queue.recv().await {
            return Some(response);
        }
        let lost_its_place = self.is_too_slow.swap(false, Ordering::Relaxed);
        lost_its_place.then(|| self.endpoint.reader.failure(SubgraphError::TooSlow))
    }
}

/// Tells an audience that a client has left.
struct Leaving(Arc<Audience>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.left.notify_one();
    }
}
