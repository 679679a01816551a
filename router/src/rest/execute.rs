//! Executes the GraphQL operation of a route and reads its result.

use std::sync::Arc;
use std::time::Instant;

use async_graphql::Variables;
use contract::{AnswerBudget, BudgetError, ErrorCode, Fault, Viewer};
use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::Value;

use super::bound_route::BoundRoute;
use super::error::RestError;
use super::percent_encoding::fill_template;
use super::route::{ErrorRow, ResponseSource};
use super::route_table::RouteMatch;
use crate::auth::Identity;
use crate::callers::PropagatedHeaders;
use crate::gateway::Gateway;
use crate::request_meters::{Transport, operation_span};
use crate::subgraph::{RequestDocument, SubgraphRequest};

/// Nodes in one page: the most that a connection returns.
const PAGE_NODES: usize = 100;
/// The most characters of a path parameter that a message shows.
const SHOWN_CHARS_MAX: usize = 100;

/// The caller of a request.
pub(super) struct RestCaller {
    pub identity: Identity,
    /// The headers of the request that subgraphs over HTTP receive too.
    pub headers: PropagatedHeaders,
    /// The person for whom a route of `AccessRule::OnBehalf` acts.
    pub on_behalf_of: Option<i64>,
    /// The open mount's own viewer, tried when the graph forbids the operation to the token's holder: a caller with a
    /// token may do everything that a caller without one may do.
    pub fallback_viewer: Option<Viewer>,
    pub request_id: Arc<str>,
}

/// The result of a GraphQL operation.
pub(super) struct GraphResult {
    /// The value at the route's `source` pointer.
    pub node: Value,
    /// The cursor of the rest of the list, when the list was too long for one response.
    pub next: Option<String>,
    /// The budget for the memory that a list holds until its response is written.
    pub budget: Option<Arc<AnswerBudget>>,
}

#[derive(Deserialize)]
struct GraphResponse {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Vec<GraphError>,
}

impl GraphResponse {
    fn is_forbidden(&self) -> bool {
        let first = self.errors.first();
        first.and_then(|error| error.extensions.known_code()) == Some(ErrorCode::Forbidden)
    }
}

#[derive(Deserialize)]
struct GraphError {
    message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    code: Option<String>,
    field: Option<String>,
    retry_after: Option<u32>,
    outcome: Option<String>,
}

impl Extensions {
    fn known_code(&self) -> Option<ErrorCode> {
        self.code.as_deref()?.parse().ok()
    }
}

/// Executes the route's operation with these variables; for a list, from the cursor `after` on.
///
/// # Errors
/// The graph's error, with the message and the names of the route.
pub(super) async fn execute(
    gateway: &Gateway,
    bound_route: &BoundRoute,
    route_match: &RouteMatch,
    caller: &RestCaller,
    variables: Value,
    after: Option<String>,
) -> Result<GraphResult, RestError> {
    match bound_route.route.source {
        ResponseSource::Fixed(json) => Ok(GraphResult {
            node: serde_json::from_str(json).map_err(|_| RestError::internal())?,
            next: None,
            budget: None,
        }),
        ResponseSource::One(pointer) => {
            let (mut data, _) = fetch_data(gateway, bound_route, route_match, caller, variables).await?;
            match data.pointer_mut(pointer).map(Value::take) {
                None | Some(Value::Null | Value::Bool(false)) => Err(bound_route.not_found(route_match)),
                Some(node) => Ok(GraphResult {
                    node,
                    next: None,
                    budget: None,
                }),
            }
        }
        ResponseSource::All(pointer) | ResponseSource::AllInPlace(pointer) => {
            let pages = fetch_list(gateway, bound_route, route_match, caller, variables, pointer, after);
            // Each page has its own timeout; all pages together take no more time than one request may. Boxed, so that the
            // futures of other requests stay small.
            tokio::time::timeout(gateway.limits.request_time_max(), pages.boxed())
                .await
                .map_err(|_| RestError::new(ErrorCode::Unavailable, "the list took too long"))?
        }
    }
}

async fn fetch_list(
    gateway: &Gateway,
    bound_route: &BoundRoute,
    route_match: &RouteMatch,
    caller: &RestCaller,
    mut variables: Value,
    pointer: &str,
    mut after: Option<String>,
) -> Result<GraphResult, RestError> {
    let mut list = ListCollector::new(gateway);
    loop {
        let rows = list.next_page_rows();
        variables["first"] = rows.into();
        variables["after"] = after.clone().into();
        let result = fetch_data(gateway, bound_route, route_match, caller, variables.clone()).await;
        let (mut data, bytes) = match result {
            Err(error) if error.code == ErrorCode::AnswerTooLarge && rows > 1 => {
                list.page_rows_max = rows / 4 + 1;
                continue;
            }
            result => result?,
        };
        let Some(connection) = data.pointer_mut(pointer).filter(|value| !value.is_null()) else {
            if matches!(bound_route.route.source, ResponseSource::All(_)) && !bound_route.has_not_found_row() {
                return Ok(GraphResult {
                    node: Value::Array(list.nodes),
                    next: None,
                    budget: None,
                });
            }
            return Err(bound_route.not_found(route_match));
        };
        let Value::Array(page) = connection["nodes"].take() else {
            tracing::error!(route = bound_route.route.name, "the operation selects no nodes");
            return Err(RestError::internal());
        };
        let mut more = connection["pageInfo"]["hasNextPage"] == Value::Bool(true) && !page.is_empty();
        if list.add(page, bytes)? {
            after = connection["pageInfo"]["endCursor"].as_str().map(str::to_owned)
        } else {
            more = true
        }
        if !more || list.is_full() {
            // The budget needs room for the written response beside the rows.
            list.budget.charge_response(0).map_err(budget_error)?;
            let nodes = Value::Array(list.nodes);
            let node = match bound_route.route.source {
                ResponseSource::AllInPlace(_) => {
                    *connection = nodes;
                    data
                }
                _ => nodes,
            };
            return Ok(GraphResult {
                node,
                next: after.filter(|_| more),
                budget: Some(list.budget),
            });
        }
    }
}

/// A list, collected from pages of a connection.
struct ListCollector {
    nodes: Vec<Value>,
    rows_max: usize,
    /// The most rows of the next page: fewer than the graph allows where rows are large.
    page_rows_max: usize,
    bytes: usize,
    /// Whether another row of the average size would exceed the budget.
    full: bool,
    budget: Arc<AnswerBudget>,
}

impl ListCollector {
    fn new(gateway: &Gateway) -> Self {
        Self {
            nodes: Vec::new(),
            rows_max: gateway.limits.rest_rows_max,
            page_rows_max: PAGE_NODES,
            bytes: 0,
            full: false,
            budget: gateway.answer_budget(),
        }
    }

    fn next_page_rows(&self) -> usize {
        self.rows_max.saturating_sub(self.nodes.len()).min(self.page_rows_max)
    }

    /// Adds a page whose JSON had that many bytes. Returns `false` where the page does not fit, so that the list ends before it.
    fn add(&mut self, page: Vec<Value>, bytes: usize) -> Result<bool, RestError> {
        let left = self.budget.bytes_max().saturating_sub(self.bytes);
        if bytes > left && !self.nodes.is_empty() {
            self.full = true;
            return Ok(false);
        }
        self.budget.charge_unwritten(bytes).map_err(budget_error)?;
        self.bytes += bytes;
        self.nodes.extend(page);
        let row_bytes = self.bytes / self.nodes.len().max(1) + 1;
        let rows_left = left.saturating_sub(bytes) / row_bytes;
        self.full = rows_left == 0;
        self.page_rows_max = self.page_rows_max.min(rows_left);
        Ok(true)
    }

    fn is_full(&self) -> bool {
        self.full || self.nodes.len() >= self.rows_max
    }
}

fn budget_error(error: BudgetError) -> RestError {
    RestError::new(error.code(), error.to_string())
}

/// Returns the data of the graph's response, and the response's size in bytes.
async fn fetch_data(
    gateway: &Gateway,
    bound_route: &BoundRoute,
    route_match: &RouteMatch,
    caller: &RestCaller,
    variables: Value,
) -> Result<(Value, usize), RestError> {
    let request = SubgraphRequest {
        document: RequestDocument::Text(bound_route.document(&variables)),
        operation_name: None,
        variables: Variables::from_json(variables),
        caller: gateway.callers.caller(&caller.identity, &caller.headers),
        request_id: Arc::clone(&caller.request_id),
        budget: Some(gateway.answer_budget()),
    };
    let fallback_request = caller.fallback_viewer.as_ref().map(|viewer| SubgraphRequest {
        caller: gateway.callers.caller(&of_viewer(viewer.clone()), &caller.headers),
        ..request.clone()
    });
    let (mut response, mut bytes) = fetch(gateway, bound_route, caller, request).await?;
    if let Some(request) = fallback_request
        && response.is_forbidden()
    {
        // A forbidden operation has changed nothing, so that it can be executed again as another viewer.
        let by_mount = fetch(gateway, bound_route, caller, request).await?;
        // When both are forbidden, the reason is the one that concerns the token's holder.
        if !by_mount.0.is_forbidden() {
            (response, bytes) = by_mount;
        }
    }
    match response.errors.into_iter().next() {
        None => Ok((response.data, bytes)),
        Some(error) => Err(rest_error(bound_route, route_match, caller, error)),
    }
}

/// The identity of a viewer that no token states.
pub(super) fn of_viewer(viewer: Viewer) -> Identity {
    Identity {
        viewer,
        ..Identity::ANONYMOUS
    }
}

async fn fetch(
    gateway: &Gateway,
    bound_route: &BoundRoute,
    caller: &RestCaller,
    request: SubgraphRequest,
) -> Result<(GraphResponse, usize), RestError> {
    let begun = Instant::now();
    let span = operation_span(bound_route.kind, Some(bound_route.route.name));
    let fetched = spans::within(span.clone(), gateway.graph.fetch(request)).await;
    let response = fetched.into_encoded();
    if let Some(span) = span.filter(|_| !response.codes.is_empty()) {
        span.fail(response.codes.to_string());
    }
    let meters = &gateway.permits.meters;
    meters.record_operation(bound_route.kind, Transport::Rest, begun, response.codes);
    let parsed = serde_json::from_slice(&response.body).map_err(|error| {
        tracing::error!(%error, route = bound_route.route.name, request_id = &*caller.request_id, "the graph's answer is not GraphQL");
        RestError::internal()
    })?;
    Ok((parsed, response.body.len()))
}

fn rest_error(bound_route: &BoundRoute, route_match: &RouteMatch, caller: &RestCaller, error: GraphError) -> RestError {
    let GraphError { message, extensions } = error;
    // An error about the form of the operation, or of the server, is no error of the caller: the route has the operation.
    let known_code = extensions.known_code();
    let Some(code) = known_code.filter(|code| matches!(code.fault(), Fault::Caller | Fault::Availability)) else {
        // The domain has logged its own failure already; this line is for operations that no longer fit the graph.
        tracing::error!(
            code = extensions.code.as_deref().unwrap_or_default(),
            message,
            route = bound_route.route.name,
            request_id = &*caller.request_id,
            "the graph refused a route"
        );
        return RestError::internal();
    };
    // The mounts have one code for a service that does not respond.
    let code = if code == ErrorCode::Timeout {
        ErrorCode::Unavailable
    } else {
        code
    };
    let row = bound_route.error_row(code, &message);
    let mut error = RestError::new(code, message);
    error.retry_after_seconds = extensions.retry_after;
    error.is_outcome_unknown = extensions.outcome.as_deref() == Some("unknown");
    if let Some(field) = extensions.field {
        let why = error
            .message
            .trim_start_matches('$')
            .strip_prefix(&format!("{field}: "))
            .unwrap_or(&error.message);
        let member_error = if bound_route.is_body(&field) {
            RestError::new(ErrorCode::InvalidInput, format!("the body {why}"))
        } else {
            RestError::invalid(vec![(bound_route.member_name(&field, route_match), why.to_owned())])
        };
        error = RestError {
            code: error.code,
            retry_after_seconds: error.retry_after_seconds,
            ..member_error
        };
    }
    if let Some(row) = row.filter(|row| !row.message.is_empty()) {
        error.message = error_message(row, route_match);
    }
    error
}

fn error_message(row: &ErrorRow, route_match: &RouteMatch) -> String {
    let value = |name: &str| {
        let (_, value) = route_match.params.iter().find(|(known, _)| *known == name)?;
        let mut shown = value.clone();
        contract::truncate_chars(&mut shown, SHOWN_CHARS_MAX);
        Some(shown)
    };
    fill_template(row.message, false, value)
}

impl BoundRoute {
    /// Returns the route's own `NOT_FOUND`: the least specific row.
    pub fn not_found(&self, route_match: &RouteMatch) -> RestError {
        let row = self
            .route
            .errors
            .iter()
            .filter(|row| row.code == ErrorCode::NotFound)
            .min_by_key(|row| row.message_prefix.len());
        let message = row.map_or_else(
            || "there is no such thing".to_owned(),
            |row| error_message(row, route_match),
        );
        RestError::new(ErrorCode::NotFound, message)
    }

    /// Returns the route's own `UNAVAILABLE`.
    pub fn unavailable(&self, route_match: &RouteMatch) -> RestError {
        let row = self.error_row(ErrorCode::Unavailable, "");
        let message = row.map_or_else(
            || "the service does not respond".to_owned(),
            |row| error_message(row, route_match),
        );
        RestError::new(ErrorCode::Unavailable, message)
    }

    /// Whether the route has a not-found of its own.
    pub fn has_not_found_row(&self) -> bool {
        self.route.errors.iter().any(|row| row.code == ErrorCode::NotFound)
    }

    /// Returns the most specific row for this error.
    fn error_row(&self, code: ErrorCode, message: &str) -> Option<&'static ErrorRow> {
        let rows = self.route.errors.iter();
        rows.filter(|row| row.code == code && message.starts_with(row.message_prefix))
            .max_by_key(|row| row.message_prefix.len())
    }

    /// Whether the argument receives the whole body, rather than one member of it.
    fn is_body(&self, argument: &str) -> bool {
        let (own, below) = (format!("/{argument}"), format!("/{argument}/"));
        let pointers = || self.members.iter().map(|member| member.pointer.as_str());
        pointers().any(|pointer| pointer.starts_with(&below)) && !pointers().any(|pointer| pointer == own)
    }

    /// Returns the route's name for an argument of the graph: `input.title` may be `title`.
    fn member_name(&self, argument: &str, route_match: &RouteMatch) -> String {
        if argument == "idempotencyKey" {
            return "Idempotency-Key".to_owned();
        }
        let pointer = format!("/{}", argument.replace('.', "/"));
        let is_it = |own: &str| own == pointer || own.ends_with(&pointer);
        match self.members.iter().find(|member| is_it(&member.pointer)) {
            Some(member) => match route_match.alias_used {
                Some((name, alias)) if member.name == name => alias.to_owned(),
                _ => member.name.clone(),
            },
            None => argument.rsplit('.').next().unwrap_or(argument).to_owned(),
        }
    }
}
