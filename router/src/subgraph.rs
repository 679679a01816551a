//! The interface between the router and the domains: a GraphQL request in, a GraphQL response out.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Executor, Request, Response, Variables};
use bytes::Bytes;
use contract::{AnswerBudget, SessionId, Viewer};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};

/// A GraphQL service: a domain in this process, one behind HTTP, or a whole supergraph.
pub trait Subgraph: Send + Sync {
    /// Answers a query or a mutation.
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse>;

    /// Answers a subscription. A rejected request yields one response without data and ends.
    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse>;
}

/// A GraphQL request and its caller.
#[derive(Clone, Debug)]
pub struct SubgraphRequest {
    /// The document.
    pub document: RequestDocument,
    /// The name of the operation, if the document has several.
    pub operation_name: Option<String>,
    /// The variables as the caller sent them.
    pub variables: Variables,
    /// The caller.
    pub viewer: Viewer,
    /// The session of the caller's token; `None` for anonymous callers and services. Signing out ends it.
    pub session: Option<i64>,
    /// Correlates the log lines of one request.
    pub request_id: Arc<str>,
    /// Rejects all operations but queries with `METHOD_NOT_ALLOWED`, because a GET must not change anything.
    pub queries_only: bool,
    /// The bytes that the answer may hold; without it, a supergraph creates its own.
    pub budget: Option<Arc<AnswerBudget>>,
}

/// A GraphQL document: unparsed text, or a parsed and valid document.
#[derive(Clone, Debug)]
pub enum RequestDocument {
    /// The text that a caller sent.
    Text(Arc<str>),
    /// The planner's document, for both kinds of subgraphs.
    Parsed {
        /// For a subgraph behind HTTP.
        text: Arc<str>,
        /// For a subgraph in this process.
        tree: Arc<ExecutableDocument>,
    },
}

impl RequestDocument {
    /// The document as text.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Parsed { text, .. } => text,
        }
    }
}

/// A GraphQL response, in the form in which it was created.
#[derive(Debug)]
pub enum SubgraphResponse {
    /// A response from this process, which is never encoded.
    Tree(Response),
    /// An encoded response from a supergraph or over HTTP, which is never copied.
    Json(EncodedResponse),
}

/// A GraphQL response as JSON, with the facts that a transport needs without parsing it.
#[derive(Clone, Debug)]
pub struct EncodedResponse {
    /// The response map: `{"data":…,"errors":…,"extensions":…}`.
    pub body: Bytes,
    /// The kind of the response.
    pub kind: ResponseKind,
}

/// The kind of a response map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// A `data` that is not null, perhaps with field errors beside it.
    Data,
    /// `data: null`: the operation ran, and an error propagated to the root.
    NullData,
    /// No `data`: the request was rejected before it ran. The code is the first error's `extensions.code`.
    RequestError(&'static str),
}

impl SubgraphResponse {
    /// Encodes the response as JSON.
    pub fn into_encoded(self) -> EncodedResponse {
        match self {
            Self::Json(answer) => answer,
            Self::Tree(response) => {
                let kind = match response.data {
                    async_graphql::Value::Null => ResponseKind::NullData,
                    _ => ResponseKind::Data,
                };
                let body = serde_json::to_vec(&response)
                    .expect("a GraphQL response is JSON")
                    .into();
                EncodedResponse { body, kind }
            }
        }
    }
}

/// A domain's schema in this process.
pub struct InProcess<E>(pub E);

impl<E: Executor> Subgraph for InProcess<E> {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        self.0
            .execute(into_request(request))
            .map(SubgraphResponse::Tree)
            .boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        self.0
            .execute_stream(into_request(request), None)
            .map(SubgraphResponse::Tree)
            .boxed()
    }
}

fn into_request(request: SubgraphRequest) -> Request {
    let mut prepared = match request.document {
        RequestDocument::Text(text) => Request::new(&*text),
        RequestDocument::Parsed { tree, .. } => {
            let mut prepared = Request::new("");
            prepared.set_parsed_query((*tree).clone());
            prepared
        }
    };
    prepared.operation_name = request.operation_name;
    let mut prepared = prepared.variables(request.variables).data(request.viewer);
    if let Some(session) = request.session {
        prepared = prepared.data(SessionId(session));
    }
    if let Some(budget) = request.budget {
        prepared = prepared.data(budget);
    }
    prepared
}
