//! Subscriptions: the events of a subgraph, over connections that are replaced when they break.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response;
use engine::subgraph::{SubgraphRequest, SubgraphResponse};
use futures_util::FutureExt;
use futures_util::stream::{BoxStream, StreamExt};
use tokio::time::{Instant, sleep, timeout};

use self::backoff::Backoff;
use self::event::SourceEvent;
use self::event_source::EventSource;
pub use self::shared_subscriptions::SharedSubscriptions;
use self::shared_subscriptions::{Membership, SubscriptionKey};
use super::endpoint::Endpoint;
use super::headers::RequestHeaders;
use super::request::RequestParts;
use super::settings::SubscriptionSharing;
use super::subgraph_error::SubgraphError;

mod audience;
mod backoff;
mod event;
mod event_lines;
mod event_source;
mod event_stream;
mod shared_subscriptions;
mod websocket;

/// A client's subscription to a subgraph.
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
    pub fn responses(self, shared: &SharedSubscriptions) -> BoxStream<'static, SubgraphResponse> {
        let shared = shared.clone();
        let started = async move {
            let (responses, opened) = match self.key() {
                Some(key) => shared.join(key, &self.endpoint),
                None => {
                    let (responses, membership) = Membership::of_one(&self.endpoint);
                    (responses, Some(membership))
                }
            };
            if let Some(membership) = opened {
                let upstream = Upstream {
                    subscription: self,
                    membership,
                };
                tokio::spawn(upstream.run());
            }
            responses
        };
        started.flatten_stream().boxed()
    }

    /// Returns the key of equal subscriptions, if this one is shared.
    fn key(&self) -> Option<SubscriptionKey> {
        if self.endpoint.settings.subgraph_share_subscriptions == SubscriptionSharing::Never {
            return None;
        }
        Some(SubscriptionKey {
            subscribers: self.identity.subscribers(&self.request)?,
            body: RequestParts::new(&self.request, &[]).body,
        })
    }

    /// Opens a connection and subscribes.
    async fn open(&self) -> Result<EventSource, SubgraphError> {
        let endpoint = &self.endpoint;
        let caller = self.identity.headers(&self.request).map_err(SubgraphError::refused)?;
        let sent = Instant::now();
        endpoint.circuit.admit(sent)?;
        let opening = EventSource::open(endpoint, &self.request, caller, || {
            self.identity.connection_init(&self.request)
        });
        let time_max: Duration = endpoint.settings.request_time_max();
        let opened = timeout(time_max, opening).await;
        let opened = opened.unwrap_or(Err(SubgraphError::Timeout(endpoint.settings.subgraph_ms_max)));
        endpoint.circuit.record(&opened, sent, Instant::now());
        opened
    }
}

/// A subscription that is open at the subgraph, for one client or several.
///
/// A task reads the events into a bounded queue for each client, so that the subgraph's pings are answered while a client takes its time.
/// While the queue of a client that is alone is full, the task reads nothing more. A connection that breaks is replaced: subscribing
/// again yields a fresh first event of a subgraph that sends the present state first, and the events during the break are lost.
struct Upstream {
    subscription: Subscription,
    membership: Membership,
}

impl Upstream {
    /// Forwards events until they end, or no client is left.
    async fn run(self) {
        let last = tokio::select! {
            () = self.membership.abandoned() => None,
            last = self.forward() => last,
        };
        self.membership.close();
        if let Some(last) = last {
            self.membership.audience.send(last).await;
        }
    }

    /// Forwards events over one connection after another. Returns the response that ends the subscription, if one does.
    async fn forward(&self) -> Option<Response> {
        let Subscription { endpoint, request, .. } = &self.subscription;
        let mut backoff = Backoff::new(&endpoint.settings);
        let mut is_established = false;
        loop {
            let opened = Instant::now();
            let error = match self.follow(&mut is_established).await {
                Ok(last) => return last,
                Err(error) => error,
            };
            error.log(&endpoint.name, &request.request_id);
            if error.is_final() || !is_established {
                return Some(endpoint.reader.failure(error));
            }
            match backoff.wait_after(opened.elapsed()) {
                Some(wait) => sleep(wait).await,
                None => return Some(endpoint.reader.failure(error)),
            }
        }
    }

    /// Forwards the events of one connection. Returns the response that ends the subscription, if one does.
    async fn follow(&self, is_established: &mut bool) -> Result<Option<Response>, SubgraphError> {
        let mut source = self.subscription.open().await?;
        *is_established = true;
        let sharing = self.subscription.endpoint.settings.subgraph_share_subscriptions;
        loop {
            match source.next().await? {
                SourceEvent::Next(response) => {
                    if sharing == SubscriptionSharing::Start {
                        self.membership.close();
                    }
                    self.membership.audience.send(response).await;
                }
                SourceEvent::Rejected(response) => return Ok(Some(response)),
                SourceEvent::Complete => return Ok(None),
            }
        }
    }
}
