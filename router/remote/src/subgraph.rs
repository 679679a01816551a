//! A subgraph whose server is another process.

use std::sync::Arc;

use async_graphql::Name;
use bytes::Bytes;
use engine::subgraph::{Subgraph, SubgraphRequest, SubgraphResponse, TapeResponse, TapeSubgraph};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::BoxStream;
use http::Uri;

use super::endpoint::Endpoint;
use super::headers::RequestHeaders;
use super::remote_error::RemoteError;
use super::request::RequestParts;
use super::settings::RemoteSettings;
use super::shared_reads::{ReadKey, SharedReads, record_mutation};
use super::subgraph_error::SubgraphError;
use super::subscription::{SharedSubscriptions, Subscription};

/// A subgraph whose GraphQL server is another process.
pub struct RemoteSubgraph {
    endpoint: Arc<Endpoint>,
    shared_reads: SharedReads,
    shared_subscriptions: SharedSubscriptions,
    identity: Arc<dyn RequestHeaders>,
}

impl RemoteSubgraph {
    /// A subgraph with that name at that address. Connections are opened when they are needed.
    ///
    /// # Errors
    /// When the address is none of HTTP or HTTPS, or a file of the settings cannot be used.
    pub fn new(
        name: &str,
        url: Uri,
        settings: Arc<RemoteSettings>,
        identity: Arc<dyn RequestHeaders>,
    ) -> Result<Self, RemoteError> {
        Ok(Self {
            endpoint: Arc::new(Endpoint::new(name, url, settings)?),
            shared_reads: SharedReads::default(),
            shared_subscriptions: SharedSubscriptions::default(),
            identity,
        })
    }

    /// Returns the response to a request, and one that tells the error if there is none.
    async fn answer(&self, request: &SubgraphRequest, lists: &[(Name, Bytes)]) -> TapeResponse {
        self.response(request, lists).await.unwrap_or_else(|error| {
            error.log(&self.endpoint.name, &request.request_id);
            self.endpoint.reader.failure(error).into()
        })
    }

    async fn response(
        &self,
        request: &SubgraphRequest,
        lists: &[(Name, Bytes)],
    ) -> Result<TapeResponse, SubgraphError> {
        let identity = self.identity.headers(request).map_err(SubgraphError::refused)?;
        let parts = RequestParts::new(request, lists);
        let is_read = parts.is_read;
        let key = (is_read && self.endpoint.settings.subgraph_share_reads)
            .then(|| ReadKey::new(parts.body.clone(), identity.clone()));
        let sent = parts.into_http(identity, &self.endpoint.host, self.endpoint.settings.subgraph_gzip);
        let outcome = match key {
            Some(key) => {
                let endpoint = Arc::clone(&self.endpoint);
                let read = async move { endpoint.exchange(&sent).await };
                self.shared_reads.join(key, read.boxed()).await
            }
            None => self.endpoint.exchange(&sent).await,
        };
        if !is_read {
            record_mutation();
        }
        outcome
    }
}

impl Subgraph for RemoteSubgraph {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        async move { SubgraphResponse::Tree(self.answer(&request, &[]).await.into_response()) }.boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        let subscription = Subscription {
            endpoint: Arc::clone(&self.endpoint),
            identity: Arc::clone(&self.identity),
            request,
        };
        subscription.responses(&self.shared_subscriptions)
    }

    fn as_tape_subgraph(&self) -> Option<&dyn TapeSubgraph> {
        Some(self)
    }
}

impl TapeSubgraph for RemoteSubgraph {
    fn fetch_tape(&self, request: SubgraphRequest, lists: Vec<(Name, Bytes)>) -> BoxFuture<'_, TapeResponse> {
        async move { self.answer(&request, &lists).await }.boxed()
    }
}
