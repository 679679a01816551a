//! A subgraph that serves the data of a graph, well or with a fault.

use std::sync::{Arc, Mutex};

use agora::subgraph::{EncodedResponse, ResponseKind, Subgraph, SubgraphRequest, SubgraphResponse};
use contract::ErrorCodeSet;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde::Deserialize;
use serde_json::Value;

use super::execution::{events, execute};
use super::graph::Graph;
use super::object::View;

/// The state that the subgraphs of a running case share.
pub struct Session {
    pub graph: Arc<Graph>,
    log: Mutex<Vec<String>>,
    /// The requests so far: the subgraph, the document and its variables.
    pub requests: Mutex<Vec<(String, String, Value)>>,
}

/// How the responses of a subgraph are broken.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// It sends this text in place of its response.
    body: Option<String>,
    /// It sends the first half of its response.
    truncated: bool,
    /// It sends a response with so many lists in each other.
    depth: Option<usize>,
    /// It sends its response with this value at the JSON pointer.
    replaced: Option<(String, Value)>,
    /// It sends a response of so many bytes.
    bytes: Option<usize>,
    /// Over HTTP: the status of its response.
    pub status: Option<u16>,
    /// Over HTTP: the media type of its response.
    pub media_type: Option<String>,
    /// Over HTTP: the connection ends after the first half of its response.
    pub cut: bool,
    /// Over HTTP: it never responds.
    pub silent: bool,
}

/// A subgraph of a running case.
pub struct TestSubgraph {
    pub name: String,
    session: Arc<Session>,
    pub fault: Option<Fault>,
}

impl Session {
    pub fn new(graph: Arc<Graph>) -> Arc<Self> {
        Arc::new(Self {
            graph,
            log: Mutex::default(),
            requests: Mutex::default(),
        })
    }

    /// Returns the view of a subgraph, or of the reference executor.
    pub fn view(&self, subgraph: Option<&str>, event: usize) -> View<'_> {
        View {
            graph: &self.graph,
            subgraph: subgraph.map(|name| &self.graph.subgraphs[name]),
            log: &self.log,
            event,
        }
    }
}

impl TestSubgraph {
    pub fn new(name: &str, session: &Arc<Session>, fault: Option<Fault>) -> Self {
        Self {
            name: name.to_owned(),
            session: session.clone(),
            fault,
        }
    }

    /// Returns the response to a request, as JSON.
    pub fn respond(&self, document: &str, operation_name: Option<&str>, variables: Value, event: usize) -> String {
        let view = self.session.view(Some(&self.name), event);
        let body = execute(view, document, operation_name, &variables);
        let mut requests = self.session.requests.lock().unwrap();
        requests.push((self.name.clone(), document.to_owned(), variables));
        match &self.fault {
            Some(fault) => fault.apply(body),
            None => body,
        }
    }

    /// Returns the number of events of a subscription.
    pub fn events(&self, document: &str) -> usize {
        events(self.session.view(Some(&self.name), 0), document)
    }

    fn answer(&self, request: &SubgraphRequest, event: usize) -> SubgraphResponse {
        let variables = serde_json::to_value(&request.variables).unwrap();
        let body = self.respond(
            request.document.text(),
            request.operation_name.as_deref(),
            variables,
            event,
        );
        SubgraphResponse::Json(EncodedResponse {
            body: body.into(),
            kind: ResponseKind::Data,
            codes: ErrorCodeSet::EMPTY,
        })
    }
}

impl Fault {
    /// Whether the fault is one of HTTP, or of a size that only the client over HTTP bounds.
    pub fn needs_http(&self) -> bool {
        let is_of_http = self.status.is_some() || self.media_type.is_some() || self.cut || self.silent;
        is_of_http || self.bytes.is_some()
    }

    fn apply(&self, good: String) -> String {
        if let Some(text) = &self.body {
            return text.clone();
        }
        if let Some(depth) = self.depth {
            return format!("{{\"data\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        }
        if let Some(bytes) = self.bytes {
            return format!("{{\"data\":{{\"filler\":\"{}\"}}}}", "x".repeat(bytes));
        }
        if self.truncated {
            return good.chars().take(good.chars().count() / 2).collect();
        }
        let Some((pointer, value)) = &self.replaced else {
            return good;
        };
        let mut body: Value = serde_json::from_str(&good).unwrap();
        let place = body.pointer_mut(pointer);
        *place.unwrap_or_else(|| panic!("the response has no {pointer}")) = value.clone();
        body.to_string()
    }
}

impl Subgraph for TestSubgraph {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        async move {
            // Like a real subgraph, it does not respond at once.
            tokio::task::yield_now().await;
            self.answer(&request, 0)
        }
        .boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        let events = 0..self.events(request.document.text());
        let answers: Vec<_> = events.map(|event| self.answer(&request, event)).collect();
        stream::iter(answers).boxed()
    }
}
