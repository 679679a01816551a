//! A subgraph for routers, at `/NAME/graphql` of a subgraph process.
//!
//! async-graphql-axum reads its operations and writes their answers, over HTTP and WebSocket. Around it are the layers that it does not
//! have: the internal token is checked first, [`SubgraphExecutor`] runs each operation with the limits, metrics and log lines of every
//! transport, and [`socket`] bounds what waits for a slow router. Streams over HTTP are those of [`graphql`].

mod executor;
mod socket;

use async_graphql::{Executor, ParseRequestError};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::access_log::AccessNote;
use crate::gateway::Gateway;
use crate::http::accept::{AcceptedMediaTypes, ResponseMediaType};
use crate::http::error::HttpError;
use crate::http::params::receive_json;
use crate::http::socket::SocketOpening;
use crate::http::{HttpState, graphql};
use crate::request_id::RequestId;
use executor::{Session, SubgraphExecutor};

/// Answers every request to a subgraph.
pub(super) async fn handle(State(state): State<HttpState>, request: Request) -> Response {
    let is_websocket = graphql::is_websocket(&request);
    if !is_websocket && !is_single_operation(&request) {
        return graphql::handle(State(state), request).await;
    }
    let (id, note) = graphql::begin(&request);
    let result = if is_websocket {
        // Boxed, so that the futures of the other requests stay small.
        open_socket(state, id, request).boxed().await
    } else {
        answer(&state.gateway, id, note.as_ref(), request).await
    };
    graphql::finish(result, note.as_ref(), ResponseMediaType::GraphqlResponse)
}

/// Whether a request is a POST that asks for one answer.
fn is_single_operation(request: &Request) -> bool {
    let accepts_one = |accepted: AcceptedMediaTypes| accepted.single.is_some() && !accepted.prefers_stream;
    request.method() == Method::POST && AcceptedMediaTypes::from_headers(request.headers()).is_ok_and(accepts_one)
}

async fn open_socket(state: HttpState, id: RequestId, request: Request) -> Result<Response, HttpError> {
    let opening = SocketOpening::of(&state, id, request).await?;
    Ok(socket::open(state.gateway, opening).await)
}

/// Answers a query or a mutation.
async fn answer(
    gateway: &Gateway,
    id: RequestId,
    note: Option<&AccessNote>,
    request: Request,
) -> Result<Response, HttpError> {
    let (parts, body) = request.into_parts();
    let identity = gateway.auth.identify(&parts.headers)?;
    if let Some(note) = note {
        note.viewer(&identity.viewer);
    }
    let body = receive_json(&parts.headers, body, &gateway.limits).await?;
    let request = Request::from_parts(parts, Body::from(body));
    let request = GraphQLRequest::<HttpError>::from_request(request, &())
        .await?
        .into_inner();
    let address = identity.address;
    let executor = SubgraphExecutor(Session::of_request(gateway, id, note, identity));
    let answer = executor.execute(request);
    let answer = match address {
        None => answer.await,
        // Boxed, so that the futures of the other requests stay small.
        address => contract::with_client_address(address, answer).boxed().await,
    };
    Ok(GraphQLResponse::from(answer).into_response())
}

impl From<ParseRequestError> for HttpError {
    fn from(error: ParseRequestError) -> Self {
        match error {
            ParseRequestError::UnsupportedBatch => {
                Self::invalid("batches are not answered: send one request at a time")
            }
            error => Self::invalid(format!("the request body is no GraphQL request: {error}")),
        }
    }
}
