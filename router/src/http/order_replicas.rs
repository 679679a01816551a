//! The page with the state of the order service's replicas: the graph's data, in a table.

use std::sync::Arc;

use async_graphql::Variables;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use contract::Viewer;
use serde::Deserialize;

use crate::http::HttpState;
use crate::http::pages::{POLICY, escape};
use crate::request_id::RequestId;
use crate::subgraph::{RequestDocument, SubgraphRequest};

const PAGE: &str = include_str!("pages/orders.html");
const QUERY: &str = "{ orderReplicas { id alive leader term applied } }";

#[derive(Deserialize)]
struct ReplicasResponse {
    data: Option<ReplicasData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReplicasData {
    order_replicas: Vec<ReplicaRow>,
}

#[derive(Deserialize)]
struct ReplicaRow {
    id: String,
    alive: bool,
    leader: bool,
    term: i64,
    applied: i64,
}

/// Answers `GET /orders`. The graph returns this data to every caller, so the page needs no authentication.
pub(super) async fn page(State(state): State<HttpState>, request: Request) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| Arc::clone(&id.0));
    let graph_request = SubgraphRequest {
        document: RequestDocument::Text(QUERY.into()),
        operation_name: None,
        variables: Variables::default(),
        caller: crate::in_process::caller(Viewer::Anonymous, None),
        request_id: id.unwrap_or_default(),
        budget: None,
    };
    let answer = state.gateway.graph.fetch(graph_request).await.into_encoded();
    let answer: Option<ReplicasResponse> = serde_json::from_slice(&answer.body).ok();
    let (status, rows) = match answer.and_then(|answer| answer.data) {
        Some(data) => (StatusCode::OK, data.order_replicas.iter().map(row).collect()),
        None => {
            let nothing = "<tr><td colspan=\"5\">The state of the replicas is not available; the log of this server has the reason.</td></tr>\n";
            (StatusCode::SERVICE_UNAVAILABLE, nothing.to_owned())
        }
    };
    let page: String = PAGE.replace("<!-- replicas -->", &rows);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, Html(page)).into_response()
}

fn row(replica: &ReplicaRow) -> String {
    let ReplicaRow { id, term, applied, .. } = replica;
    let id = escape(id);
    if !replica.alive {
        return format!("<tr class=\"dead\"><th>{id}</th><td>does not answer</td><td></td><td></td><td></td></tr>\n");
    }
    let role = if replica.leader { "leads" } else { "follows" };
    let applied = match applied {
        ..0 => "none".to_owned(),
        number => number.to_string(),
    };
    format!("<tr><th>{id}</th><td>alive</td><td>{role}</td><td>{term}</td><td>{applied}</td></tr>\n")
}
