//! Subscriptions: the events of a subgraph, over connections that are replaced when they break.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response;
use engine::subgraph::{SubgraphRequest, SubgraphResponse};
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use self::backoff::Backoff;
use self::event::SourceEvent;
use self::event_source::EventSource;
use super::endpoint::Endpoint;
use super::headers::RequestHeaders;
use super::subgraph_error::SubgraphError;

mod backoff;
mod event;
mod event_source;
mod event_stream;
mod websocket;

/// A subscription to a subgraph.
///
/// A task reads the events into a bounded queue, so that the subgraph's pings are answered while the client takes its time. While the
/// queue is full the task reads nothing more. A connection that breaks is replaced: subscribing again yields a fresh first event of a
/// subgraph that sends the present state first, and the events during the break are lost.
pub struct Subscription {
    /// The server.
    pub endpoint: Arc<Endpoint>,
    /// The headers of the caller, read again for every connection.
    pub identity: Arc<dyn RequestHeaders>,
    /// The request.
    pub request: SubgraphRequest,
}

impl Subscription {
    /// Returns the responses. They end when the subgraph completes the subscription, after an error that rejects it, and when no
    /// connection could replace a broken one.
    pub fn responses(self) -> BoxStream<'static, SubgraphResponse> {
        let started = async {
            let (events, queue) = mpsc::channel(self.endpoint.settings.subgraph_events_max.max(1));
            tokio::spawn(self.run(events));
            stream::unfold(queue, |mut queue| async {
                let response = queue.recv().await?;
                Some((SubgraphResponse::Tree(response), queue))
            })
        };
        started.flatten_stream().boxed()
    }

    /// Forwards events until they end, or their receiver is gone.
    async fn run(self, events: mpsc::Sender<Response>) {
        tokio::select! {
            () = events.closed() => {}
            last = self.forward(&events) => {
                if let Some(last) = last {
                    // The receiver may have left in the same moment.
                    let _sent = events.send(last).await;
                }
            }
        }
    }

    /// Forwards events over one connection after another. Returns the response that ends the subscription, if one does.
    async fn forward(&self, events: &mpsc::Sender<Response>) -> Option<Response> {
        let mut backoff = Backoff::new(&self.endpoint.settings);
        let mut is_established = false;
        loop {
            let opened = Instant::now();
            let error = match self.follow(events, &mut is_established).await {
                Ok(last) => return last,
                Err(error) => error,
            };
            error.log(&self.endpoint.name, &self.request.request_id);
            if matches!(error, SubgraphError::Refused(_)) || !is_established {
                return Some(self.endpoint.reader.failure(error));
            }
            match backoff.wait_after(opened.elapsed()) {
                Some(wait) => sleep(wait).await,
                None => return Some(self.endpoint.reader.failure(error)),
            }
        }
    }

    /// Forwards the events of one connection. Returns the response that ends the subscription, if one does.
    async fn follow(
        &self,
        events: &mpsc::Sender<Response>,
        is_established: &mut bool,
    ) -> Result<Option<Response>, SubgraphError> {
        let mut source = self.open().await?;
        *is_established = true;
        loop {
            match source.next().await? {
                SourceEvent::Next(response) => {
                    if events.send(response).await.is_err() {
                        return Ok(None);
                    }
                }
                SourceEvent::Rejected(response) => return Ok(Some(response)),
                SourceEvent::Complete => return Ok(None),
            }
        }
    }

    /// Opens a connection and subscribes.
    async fn open(&self) -> Result<EventSource, SubgraphError> {
        let endpoint = &self.endpoint;
        let caller = self.identity.headers(&self.request).map_err(SubgraphError::refused)?;
        endpoint.circuit.admit(Instant::now())?;
        let opening = EventSource::open(endpoint, &self.request, caller, || {
            self.identity.connection_init(&self.request)
        });
        let time_max: Duration = endpoint.settings.request_time_max();
        let opened = timeout(time_max, opening).await;
        let opened = opened.unwrap_or(Err(SubgraphError::Timeout(endpoint.settings.subgraph_ms_max)));
        endpoint.circuit.record(&opened, Instant::now());
        opened
    }
}
