//! A client of a graph in the test's process, for the test programs that send it GraphQL without HTTP.

use std::sync::Arc;

use agora::in_process::caller;
use agora::subgraph::{RequestDocument, Subgraph, SubgraphRequest, SubgraphResponse};
use async_graphql::Variables;
use contract::Viewer;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, StreamExt};
use serde_json::Value;
use testing::{Answer, Client, Request, Transport};

/// Returns the client of that viewer.
pub fn client(graph: Arc<dyn Subgraph>, viewer: Viewer) -> Client {
    Client::new(GraphTransport { graph, viewer })
}

/// Returns the request of that viewer for a document with these variables.
pub fn request(viewer: Viewer, document: &str, variables: Value) -> SubgraphRequest {
    SubgraphRequest {
        document: RequestDocument::Text(document.into()),
        operation_name: None,
        variables: Variables::from_json(variables),
        caller: caller(viewer, None),
        request_id: "test".into(),
        budget: None,
    }
}

/// A graph, reached as one viewer.
struct GraphTransport {
    graph: Arc<dyn Subgraph>,
    viewer: Viewer,
}

impl GraphTransport {
    fn request(&self, request: Request) -> SubgraphRequest {
        assert!(request.headers.is_empty(), "a graph has no headers");
        SubgraphRequest {
            operation_name: request.operation_name,
            ..self::request(self.viewer.clone(), &request.document, request.variables)
        }
    }
}

impl Transport for GraphTransport {
    fn execute(&self, request: Request) -> BoxFuture<'_, Answer> {
        self.graph.fetch(self.request(request)).map(answer).boxed()
    }

    fn subscribe(&self, request: Request) -> BoxFuture<'_, BoxStream<'static, Answer>> {
        let answers = self.graph.subscribe(self.request(request));
        async { answers.map(answer).boxed() }.boxed()
    }
}

fn answer(response: SubgraphResponse) -> Answer {
    Answer::new(serde_json::from_slice(&response.into_encoded().body).expect("a response is JSON"))
}
