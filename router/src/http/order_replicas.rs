//! The page with the state of the order service's replicas: the graph's data, in a table.

use std::sync::Arc;

use async_graphql::Variables;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::{Viewer, unprefixed_id};
use serde::Deserialize;

use crate::http::HttpState;
use crate::http::assets::{self, ORDERS_SCRIPT};
use crate::http::shell::{Links, Page, Place, escape};
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
    let (status, replicas) = match answer.and_then(|answer| answer.data) {
        Some(data) => (StatusCode::OK, table(&data.order_replicas)),
        None => (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE.to_owned()),
    };
    let script = assets::address(ORDERS_SCRIPT);
    let page = Page {
        title: "Order replicas · Agora",
        head: &format!("<script src=\"{script}\" defer></script>\n"),
        content: &PAGE.replace("{replicas}", &replicas),
        links: Links::Main(Some(Place::Orders)),
    };
    page.response(status, "no-store")
}

const UNAVAILABLE: &str = "<p class=\"notice wrong\" data-state>The state of the replicas is not available; the log of \
     this server has the reason.</p>";

/// Writes one sentence about all replicas, and a table with a row for each.
fn table(replicas: &[ReplicaRow]) -> String {
    let rows: String = replicas.iter().map(row).collect();
    let alive = replicas.iter().filter(|replica| replica.alive).count();
    let leader = replicas.iter().find(|replica| replica.alive && replica.leader);
    let leads = leader.map_or_else(
        || "none of them leads".to_owned(),
        |leader| format!("replica {} leads", escape(number(&leader.id))),
    );
    let all = replicas.len();
    format!(
        "<p class=\"lead\" data-state>{alive} of {all} replicas respond, and {leads}.</p>\n\
         <div class=\"card scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Replicas\"><table>\n\
         <thead><tr><th scope=\"col\">Replica</th><th scope=\"col\">State</th><th scope=\"col\">Role</th>\
         <th scope=\"col\" class=\"number\">Term</th><th scope=\"col\" class=\"number\">Last trade</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>"
    )
}

/// Returns the number of a replica, by which its routes name it.
fn number(id: &str) -> &str {
    unprefixed_id(id).unwrap_or(id)
}

fn row(replica: &ReplicaRow) -> String {
    let ReplicaRow { id, term, applied, .. } = replica;
    let id = escape(number(id));
    if !replica.alive {
        let state = "<span class=\"mark bad\">does not respond</span>";
        return format!("<tr><th scope=\"row\">{id}</th><td>{state}</td><td></td><td></td><td></td></tr>\n");
    }
    let role = if replica.leader { "<b>leader</b>" } else { "follower" };
    let applied = match applied {
        ..0 => "none".to_owned(),
        number => number.to_string(),
    };
    format!(
        "<tr><th scope=\"row\">{id}</th><td><span class=\"mark\">responds</span></td><td>{role}</td>\
         <td class=\"number\">{term}</td><td class=\"number\">{applied}</td></tr>\n"
    )
}
