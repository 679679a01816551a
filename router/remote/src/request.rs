//! The HTTP request of a GraphQL request.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Name, Variables};
use bytes::Bytes;
use engine::subgraph::{RequestDocument, SubgraphRequest};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use super::http_client::HttpRequest;

/// The media types of answers: a subgraph that knows the first one need not hide the status of an error.
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/graphql-response+json, application/json");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Headers that the connection and the body determine.
const REPLACED: [HeaderName; 5] = [ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];

/// The body of a GraphQL request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestBody<'a> {
    query: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_name: Option<&'a str>,
    #[serde(skip_serializing_if = "is_empty")]
    variables: &'a Variables,
}

fn is_empty(variables: &&Variables) -> bool {
    variables.is_empty()
}

/// The parts of an HTTP request that the GraphQL request determines.
pub struct RequestParts {
    /// The document and the variables, encoded.
    pub body: Bytes,
    /// Whether the operation is known to be a query.
    pub is_read: bool,
    request_id: Arc<str>,
}

impl RequestParts {
    /// The parts of a request, with more variables that are JSON already.
    pub fn new(request: &SubgraphRequest, lists: &[(Name, Bytes)]) -> Self {
        Self {
            body: body(request, lists),
            is_read: is_query(request),
            request_id: Arc::clone(&request.request_id),
        }
    }

    /// Returns the HTTP request to a host, with the headers of the caller.
    pub fn into_http(self, caller: HeaderMap, host: &HeaderValue, accepts_gzip: bool) -> HttpRequest {
        let mut headers = caller;
        for name in REPLACED {
            headers.remove(name);
        }
        headers.insert(HOST, host.clone());
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, ACCEPTED);
        if accepts_gzip {
            headers.insert(ACCEPT_ENCODING, GZIP);
        }
        insert_correlation(&mut headers, &self.request_id);
        HttpRequest {
            headers,
            body: self.body,
            is_read: self.is_read,
        }
    }
}

/// Inserts the headers that connect the subgraph's log and trace with those of the router.
pub fn insert_correlation(headers: &mut HeaderMap, request_id: &str) {
    insert_text(headers, "x-request-id", request_id);
    if let Some((parent, state)) = spans::headers() {
        insert_text(headers, "traceparent", &parent);
        if let Some(state) = state {
            insert_text(headers, "tracestate", &state);
        }
    }
}

/// Inserts a header if its value may be one.
fn insert_text(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn body(request: &SubgraphRequest, lists: &[(Name, Bytes)]) -> Bytes {
    let body = RequestBody {
        query: request.document.text(),
        operation_name: request.operation_name.as_deref(),
        variables: &request.variables,
    };
    let mut body = serde_json::to_vec(&body).expect("texts and variables are JSON");
    if !lists.is_empty() {
        append_variables(&mut body, lists, !request.variables.is_empty());
    }
    body.into()
}

/// Appends variables to those of a body, which are its last member if it has any.
fn append_variables(body: &mut Vec<u8>, lists: &[(Name, Bytes)], has_variables: bool) {
    let end: &[u8] = if has_variables { b"}}" } else { b"}" };
    body.truncate(body.len() - end.len());
    if !has_variables {
        body.extend_from_slice(b",\"variables\":{");
    }
    for (index, (name, list)) in lists.iter().enumerate() {
        if index > 0 || has_variables {
            body.push(b',');
        }
        body.push(b'"');
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\":");
        body.extend_from_slice(list);
    }
    body.extend_from_slice(b"}}");
}

/// Whether the operation is known to be a query. A document that is only text may be a mutation.
fn is_query(request: &SubgraphRequest) -> bool {
    let RequestDocument::Parsed { tree, .. } = &request.document else {
        return false;
    };
    requested_type(tree, request.operation_name.as_deref()) == Some(OperationType::Query)
}

fn requested_type(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    let mut operations = document.operations.iter();
    let requested = operations.find(|(found, _)| name.is_none() || found.map(|found| found.as_str()) == name);
    requested.map(|(_, operation)| operation.node.ty)
}

#[cfg(test)]
mod tests {
    use async_graphql::Value;
    use engine::subgraph::Caller;

    use super::*;

    #[test]
    fn lists_of_representations_are_variables_beside_the_others() {
        let texts = |variables: &[&str]| {
            let mut request = SubgraphRequest {
                document: RequestDocument::Text("{ a }".into()),
                operation_name: None,
                variables: Variables::default(),
                caller: Caller::anonymous(),
                request_id: "test".into(),
                budget: None,
            };
            for name in variables {
                request.variables.insert(Name::new(name), Value::from(1));
            }
            let lists = [("r", "[{}]"), ("s", "[]")];
            let lists = lists.map(|(name, list)| (Name::new(name), Bytes::from_static(list.as_bytes())));
            [0, 1, 2].map(|count| String::from_utf8(body(&request, &lists[..count]).to_vec()).unwrap())
        };
        assert_eq!(
            texts(&[]),
            [
                r#"{"query":"{ a }"}"#,
                r#"{"query":"{ a }","variables":{"r":[{}]}}"#,
                r#"{"query":"{ a }","variables":{"r":[{}],"s":[]}}"#,
            ]
        );
        assert_eq!(
            texts(&["x"]),
            [
                r#"{"query":"{ a }","variables":{"x":1}}"#,
                r#"{"query":"{ a }","variables":{"x":1,"r":[{}]}}"#,
                r#"{"query":"{ a }","variables":{"x":1,"r":[{}],"s":[]}}"#,
            ]
        );
    }
}
