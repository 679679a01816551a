//! A remote subgraph as the engine uses it.

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::{Response, Variables};
use engine::subgraph::{Caller, RequestDocument, Subgraph, SubgraphRequest, SubgraphResponse};
use remote::{NoHeaders, RemoteSettings, RemoteSubgraph, RequestHeaders};

/// The name of the subgraph in all tests.
pub const NAME: &str = "reviews";

/// The subgraph at an address, with the settings' defaults.
pub fn subgraph(url: &str) -> RemoteSubgraph {
    subgraph_with(url, RemoteSettings::default())
}

/// The subgraph at an address.
pub fn subgraph_with(url: &str, settings: RemoteSettings) -> RemoteSubgraph {
    subgraph_of(url, settings, Arc::new(NoHeaders))
}

/// The subgraph at an address, whose requests carry the headers of `identity`.
pub fn subgraph_of(url: &str, settings: RemoteSettings, identity: Arc<dyn RequestHeaders>) -> RemoteSubgraph {
    RemoteSubgraph::new(NAME, url.parse().unwrap(), Arc::new(settings), identity).unwrap()
}

/// A request with a document, as the planner makes it.
pub fn request(document: &str) -> SubgraphRequest {
    SubgraphRequest {
        document: RequestDocument::Parsed {
            text: document.into(),
            tree: Arc::new(parse_query(document).unwrap()),
        },
        operation_name: None,
        variables: Variables::default(),
        caller: Caller::anonymous(),
        request_id: "request-1".into(),
        budget: None,
    }
}

/// Sends a document and returns the response.
pub async fn fetch(subgraph: &RemoteSubgraph, document: &str) -> Response {
    send(subgraph, request(document)).await
}

/// Sends a request and returns the response.
pub async fn send(subgraph: &RemoteSubgraph, request: SubgraphRequest) -> Response {
    match subgraph.fetch(request).await {
        SubgraphResponse::Tree(response) => response,
        SubgraphResponse::Json(response) => panic!("an encoded response: {response:?}"),
    }
}

/// The message of a response that is nothing but one error of the router, and its code.
pub fn failure(response: &Response) -> (String, String) {
    assert_eq!(response.data, async_graphql::Value::Null);
    let [error] = &*response.errors else {
        panic!("one error is expected: {response:?}");
    };
    let extensions = error.extensions.as_ref().unwrap();
    let Some(async_graphql::Value::String(code)) = extensions.get("code") else {
        panic!("a code is expected: {error:?}");
    };
    (error.message.clone(), code.clone())
}
