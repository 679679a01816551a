//! The headers of requests to remote subgraphs: how they learn of the caller.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::ServerError;
use async_graphql::parser::types::OperationType;
use axum::http::{HeaderMap, HeaderValue, header};
use contract::{Clock, Identity, TokenKeys, Viewer};
use moka::sync::Cache;
use remote::{RequestHeaders, SubscriberKey};
use serde_json::Value;

use crate::callers::RemoteIdentity;
use crate::config::Settings;
use crate::subgraph::{RequestDocument, SubgraphRequest};

/// The lifetime of an internal token, in seconds: the longest delay of a request, and clocks that differ.
const TOKEN_SECONDS: i64 = 60;
/// How long requests of one caller share a token. Equal reads have equal headers then, so that they can be shared in flight.
const TOKEN_SHARED: Duration = Duration::from_secs(20);

/// The headers of fetches from the subgraphs of other programs: those that the caller's request had and the settings name.
pub struct PropagatedHeaders;

impl RequestHeaders for PropagatedHeaders {
    fn headers(&self, request: &SubgraphRequest) -> Result<HeaderMap, ServerError> {
        Ok(propagated(request))
    }

    fn connection_init(&self, request: &SubgraphRequest) -> Option<Value> {
        payload(&propagated(request))
    }
}

/// The headers of fetches from a subgraph of an Agora installation: an internal token, beside the propagated headers.
pub struct InternalHeaders {
    subgraph: String,
    keys: Arc<TokenKeys>,
    clock: Arc<dyn Clock>,
    tokens: Cache<Identity, HeaderValue>,
}

impl InternalHeaders {
    /// The headers of fetches from that subgraph.
    pub fn of(subgraph: &str, keys: &Arc<TokenKeys>, clock: &Arc<dyn Clock>, settings: &Settings) -> Arc<Self> {
        let tokens = Cache::builder()
            .max_capacity(settings.limits.verified_tokens_max)
            .time_to_live(TOKEN_SHARED)
            .build();
        Arc::new(Self {
            subgraph: subgraph.to_owned(),
            keys: Arc::clone(keys),
            clock: Arc::clone(clock),
            tokens,
        })
    }

    fn authorization(&self, request: &SubgraphRequest) -> HeaderValue {
        let identity = request.caller.identity::<RemoteIdentity>();
        let caller = identity.map_or(Identity::ANONYMOUS, |caller| caller.identity.clone());
        // Only mutations count attempts by address. Reads of different clients stay equal without it.
        let address = contract::client_address().filter(|_| is_mutation(&request.document));
        let caller = Identity { address, ..caller };
        self.tokens.get_with_by_ref(&caller, || self.sign(&caller))
    }

    fn sign(&self, caller: &Identity) -> HeaderValue {
        let token = self
            .keys
            .sign_internal(caller, &self.subgraph, self.clock.now_us(), TOKEN_SECONDS);
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token has the letters of base64");
        value.set_sensitive(true);
        value
    }
}

impl RequestHeaders for InternalHeaders {
    fn headers(&self, request: &SubgraphRequest) -> Result<HeaderMap, ServerError> {
        let mut headers = propagated(request);
        headers.insert(header::AUTHORIZATION, self.authorization(request));
        Ok(headers)
    }

    fn connection_init(&self, request: &SubgraphRequest) -> Option<Value> {
        payload(&self.headers(request).ok()?)
    }

    /// Anonymous callers share subscriptions. The events of a signed-in caller depend on its rights, and end with its session.
    fn subscribers(&self, request: &SubgraphRequest) -> Option<SubscriberKey> {
        let caller = request.caller.identity::<RemoteIdentity>();
        let is_anonymous = |caller: &RemoteIdentity| matches!(caller.identity.viewer, Viewer::Anonymous);
        caller.is_none_or(is_anonymous).then(|| SubscriberKey {
            headers: propagated(request),
            payload: None,
        })
    }
}

fn propagated(request: &SubgraphRequest) -> HeaderMap {
    let caller = request.caller.identity::<RemoteIdentity>();
    let headers = caller.and_then(|caller| caller.headers.as_deref());
    headers.cloned().unwrap_or_default()
}

/// Returns the payload of `connection_init` with these headers, if there are any.
fn payload(headers: &HeaderMap) -> Option<Value> {
    let entries = headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.into()))
    });
    let payload: serde_json::Map<_, _> = entries.collect();
    (!payload.is_empty()).then(|| payload.into())
}

fn is_mutation(document: &RequestDocument) -> bool {
    let RequestDocument::Parsed { tree, .. } = document else {
        return false;
    };
    let mut operations = tree.operations.iter();
    operations.any(|(_, operation)| operation.node.ty == OperationType::Mutation)
}
