//! The executor that async-graphql-axum calls: each operation has the limits, the metrics and the log lines of every transport.

use std::future::pending;
use std::sync::{Arc, OnceLock};

use async_graphql::{Data, Executor, Request, Response};
use contract::{ErrorCode, TokenError};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;

use crate::access_log::AccessNote;
use crate::auth::Identity;
use crate::gateway::Gateway;
use crate::http::error::HttpError;
use crate::http::params::{Params, ParamsMemory};
use crate::http::response_stream::{OperationRequest, RunningOperation, start_operation};
use crate::http::socket::message::too_many_operations;
use crate::request_id::RequestId;
use crate::request_meters::Transport;
use crate::server::request_memory_bytes;
use crate::subgraph::{OperationKind, SubgraphResponse};

/// Runs the operations of a session.
#[derive(Clone)]
pub(super) struct SubgraphExecutor(pub(super) Arc<Session>);

/// One HTTP request, or one WebSocket.
pub(super) struct Session {
    pub(super) gateway: Gateway,
    id: RequestId,
    /// The line of an HTTP request; each operation of a WebSocket has its own.
    note: Option<AccessNote>,
    /// The caller, as soon as it is known.
    pub(super) identity: OnceLock<Identity>,
    /// The number of open operations of a WebSocket.
    pub(super) open_operations: watch::Sender<usize>,
}

impl Session {
    /// The session of a request.
    pub(super) fn of_request(
        gateway: &Gateway,
        id: RequestId,
        note: Option<&AccessNote>,
        identity: Identity,
    ) -> Arc<Self> {
        Arc::new(Self {
            gateway: gateway.clone(),
            id,
            note: note.cloned(),
            identity: OnceLock::from(identity),
            open_operations: watch::Sender::default(),
        })
    }

    /// The session of a WebSocket whose caller is not known yet.
    pub(super) fn of_socket(gateway: Gateway, id: RequestId) -> Arc<Self> {
        Arc::new(Self {
            gateway,
            id,
            note: None,
            identity: OnceLock::new(),
            open_operations: watch::Sender::default(),
        })
    }

    fn operation(&self, request: Request, memory_bytes: usize) -> Result<(OperationRequest, &Identity), HttpError> {
        let identity = self.identity.get().ok_or(TokenError::Missing)?;
        let params = Params {
            query: request.query.into(),
            operation_name: request.operation_name,
            variables: request.variables,
            memory: ParamsMemory::Estimated(memory_bytes),
        };
        let caller = self.gateway.callers.caller(identity, &None);
        Ok((OperationRequest::new(params, caller, self.id.0.clone()), identity))
    }

    /// Answers a query or a mutation of an HTTP request.
    async fn fetch(&self, request: Request) -> Result<SubgraphResponse, HttpError> {
        let (operation, _) = self.operation(request, 0)?;
        let operation = operation.prepare(&self.gateway, self.note.as_ref()).await;
        if operation.kind == OperationKind::Subscription {
            return Err(HttpError::new(
                ErrorCode::NotAcceptable,
                "a subscription is answered over a WebSocket, or as text/event-stream",
            ));
        }
        Ok(operation.fetch_response(&self.gateway, Transport::Http).await)
    }

    /// Starts an operation of a WebSocket.
    async fn start(&self, request: Request) -> Result<RunningOperation, HttpError> {
        let most = self.gateway.limits.subscriptions_per_socket_max;
        if *self.open_operations.borrow() > most {
            return Err(too_many_operations(most));
        }
        let memory_bytes = memory_bytes(&request);
        let (operation, identity) = self.operation(request, memory_bytes)?;
        // It may have become invalid since the connection was initialised.
        self.gateway.auth.require_valid(identity)?;
        start_operation(&self.gateway, identity, operation, Transport::WebSocket)?.await
    }
}

impl Executor for SubgraphExecutor {
    async fn execute(&self, request: Request) -> Response {
        let answer = self.0.fetch(request).await;
        let answer = answer.unwrap_or_else(|error| SubgraphResponse::Tree(error.to_tree()));
        if let Some(note) = &self.0.note {
            note.codes(answer.codes());
        }
        into_tree(answer)
    }

    fn execute_stream(&self, request: Request, _: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let session = Arc::clone(&self.0);
        let place = OpenOperation::of(&session);
        let started = async move {
            match session.start(request).await {
                Ok(operation) => Events::of(session, operation, place).into_stream(),
                // The close of the WebSocket tells the router to subscribe elsewhere; the end of the operation would be final.
                Err(_) if session.gateway.shutdown.is_cancelled() => {
                    drop(place);
                    stream::pending().boxed()
                }
                Err(error) => stream::once(async move {
                    let _place = place;
                    error.to_tree()
                })
                .boxed(),
            }
        };
        started.flatten_stream().boxed()
    }
}

/// A place among the open operations of a session.
struct OpenOperation(Arc<Session>);

impl OpenOperation {
    fn of(session: &Arc<Session>) -> Self {
        session.open_operations.send_modify(|count| *count += 1);
        Self(Arc::clone(session))
    }
}

impl Drop for OpenOperation {
    fn drop(&mut self) {
        self.0.open_operations.send_modify(|count| *count -= 1);
    }
}

/// The answers of one operation of a WebSocket.
struct Events {
    session: Arc<Session>,
    operation: RunningOperation,
    /// The reason to end a subscription early; `None` for the shutdown.
    termination: BoxFuture<'static, Option<HttpError>>,
    _place: OpenOperation,
}

impl Events {
    fn of(session: Arc<Session>, operation: RunningOperation, place: OpenOperation) -> Self {
        let termination = if operation.is_subscription {
            termination(Arc::clone(&session)).boxed()
        } else {
            // Queries and mutations are short, and a mutation may be changing data.
            pending().boxed()
        };
        Self {
            session,
            operation,
            termination,
            _place: place,
        }
    }

    fn into_stream(self) -> BoxStream<'static, Response> {
        stream::unfold(Some(self), |events| async move { events?.next().await }).boxed()
    }

    /// Waits for the next answer. Returns the rest with it, unless it is the last one.
    async fn next(mut self) -> Option<(Response, Option<Self>)> {
        let answer = tokio::select! {
            biased;
            reason = &mut self.termination => match reason {
                Some(error) => return Some((error.to_tree(), None)),
                None => {
                    // As in `execute_stream`.
                    drop(self);
                    return pending().await;
                }
            },
            answer = self.operation.responses.next() => answer?,
        };
        // The token may have expired since the last event.
        if self.operation.is_subscription
            && let Some(identity) = self.session.identity.get()
            && let Err(error) = self.session.gateway.auth.require_valid(identity)
        {
            return Some((HttpError::from(error).to_tree(), None));
        }
        self.operation.record_answer(&self.session.gateway, answer.codes());
        Some((into_tree(answer), Some(self)))
    }
}

async fn termination(session: Arc<Session>) -> Option<HttpError> {
    let Some(identity) = session.identity.get() else {
        return pending().await;
    };
    tokio::select! {
        error = session.gateway.auth.until_invalidated(identity) => Some(error.into()),
        () = session.gateway.shutdown.cancelled() => None,
    }
}

/// Returns the approximate memory of a request, in bytes.
fn memory_bytes(request: &Request) -> usize {
    let variables = serde_json::to_vec(&request.variables).unwrap_or_default();
    request.query.len() + request_memory_bytes(&variables)
}

/// Returns a response as the tree that async-graphql-axum encodes. That of a domain is one.
fn into_tree(answer: SubgraphResponse) -> Response {
    match answer {
        SubgraphResponse::Tree(response) => response,
        SubgraphResponse::Json(answer) => {
            serde_json::from_slice(&answer.body).unwrap_or_else(|_| HttpError::internal().to_tree())
        }
    }
}
