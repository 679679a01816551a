//! The one seam of the system: a GraphQL request goes in, a GraphQL response comes out.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Executor, Request, Response, Variables};
use bytes::Bytes;
use contract::{AnswerBudget, SessionId, Viewer};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};

/// Anything that answers GraphQL: a domain in this process, one behind HTTP, or a whole supergraph.
pub trait Subgraph: Send + Sync {
    /// Answers a query or a mutation.
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphData>;

    /// Answers a subscription. A request that cannot be served yields one answer without data and ends.
    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphData>;
}

/// A GraphQL request and who is asking.
#[derive(Clone, Debug)]
pub struct SubgraphRequest {
    /// The document.
    pub document: Document,
    /// Which of its operations, where it has several.
    pub operation_name: Option<String>,
    /// The variables as the caller sent them.
    pub variables: Variables,
    /// Who is asking.
    pub viewer: Viewer,
    /// The session behind the viewer's token; none for nobody and for services. A log-out ends it.
    pub session: Option<i64>,
    /// Ties log lines of one request together.
    pub request_id: Arc<str>,
    /// Refuse everything but queries with `METHOD_NOT_ALLOWED`: what came by GET must not change anything.
    pub queries_only: bool,
    /// The bytes that the answer may hold; a supergraph that is given none makes one of its own.
    pub budget: Option<Arc<AnswerBudget>>,
}

/// A GraphQL document: text that nobody has read yet, or one that is parsed and known to be valid.
#[derive(Clone, Debug)]
pub enum Document {
    /// As a caller sent it.
    Text(Arc<str>),
    /// As the planner made it, for both kinds of subgraphs.
    Parsed {
        /// For a subgraph behind HTTP.
        text: Arc<str>,
        /// For a subgraph in this process.
        tree: Arc<ExecutableDocument>,
    },
}

impl Document {
    /// The document as text.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Parsed { text, .. } => text,
        }
    }
}

/// A GraphQL response, in the form its maker had it.
#[derive(Debug)]
pub enum SubgraphData {
    /// From this process: never encoded.
    Tree(Response),
    /// From a supergraph, or over HTTP: never copied.
    Json(Answer),
}

/// A GraphQL response as JSON, with what a transport has to know without reading it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The response map: `{"data":…,"errors":…,"extensions":…}`.
    pub body: Bytes,
    /// What the response map holds.
    pub outcome: Outcome,
}

/// What a response map holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A `data` that is not null, perhaps with field errors beside it.
    Data,
    /// `data: null`: it ran, and an error reached the root.
    NullData,
    /// No `data`: the request was refused before it ran. The code is the first error's `extensions.code`.
    Refused(&'static str),
}

impl SubgraphData {
    /// The response as JSON.
    pub fn into_answer(self) -> Answer {
        match self {
            Self::Json(answer) => answer,
            Self::Tree(response) => {
                let outcome = match response.data {
                    async_graphql::Value::Null => Outcome::NullData,
                    _ => Outcome::Data,
                };
                let body = serde_json::to_vec(&response)
                    .expect("a GraphQL response is JSON")
                    .into();
                Answer { body, outcome }
            }
        }
    }
}

/// A domain's schema in this process.
pub struct InProcess<E>(pub E);

impl<E: Executor> Subgraph for InProcess<E> {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphData> {
        self.0.execute(into_request(request)).map(SubgraphData::Tree).boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphData> {
        self.0
            .execute_stream(into_request(request), None)
            .map(SubgraphData::Tree)
            .boxed()
    }
}

fn into_request(request: SubgraphRequest) -> Request {
    let mut prepared = match request.document {
        Document::Text(text) => Request::new(&*text),
        Document::Parsed { tree, .. } => {
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
