//! Executes the GraphQL operation of a route and reads its result.

use std::sync::Arc;

use async_graphql::Variables;
use contract::{AnswerBudget, BudgetError, Viewer};
use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;
use super::operation::Compiled;
use super::paths::Found;
use super::route::{Answer, ErrorRow, Verb};
use super::text::filled;
use crate::gateway::Gateway;
use crate::subgraph::{Document, SubgraphRequest};

/// Nodes in one page: the most that a connection returns.
const PAGE_NODES: usize = 100;
/// The most characters of a path parameter that a message shows.
const SHOWN_CHARS_MAX: usize = 100;

/// The caller of a request.
pub(super) struct Caller {
    pub viewer: Viewer,
    /// The person for whom a route of `Access::OnBehalf` acts.
    pub on_behalf_of: Option<i64>,
    /// The open mount's own viewer, tried when the graph forbids the operation to the token's holder: a token takes no right away.
    pub or_else: Option<Viewer>,
    pub session: Option<i64>,
    pub request_id: Arc<str>,
}

/// The result of a GraphQL operation.
pub(super) struct Said {
    /// The value at the route's `answer` pointer.
    pub node: Value,
    /// The cursor of the rest of the list, when the list was too long for one response.
    pub next: Option<String>,
    /// The budget for the memory that a list holds until its response is written.
    pub budget: Option<Arc<AnswerBudget>>,
}

#[derive(Deserialize)]
struct GraphAnswer {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Vec<GraphError>,
}

impl GraphAnswer {
    fn is_forbidden(&self) -> bool {
        let first = self.errors.first().and_then(|error| error.extensions.code.as_deref());
        first == Some("FORBIDDEN")
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

/// Executes the route's operation with these variables; for a list, from the cursor `after` on.
///
/// # Errors
/// The graph's error, with the message and the names of the route.
pub(super) async fn execute(
    gateway: &Gateway,
    compiled: &Compiled,
    found: &Found,
    caller: &Caller,
    variables: Value,
    after: Option<String>,
) -> Result<Said, Failure> {
    match compiled.route.answer {
        Answer::Fixed(json) => Ok(Said {
            node: serde_json::from_str(json).map_err(|_| Failure::internal())?,
            next: None,
            budget: None,
        }),
        Answer::One(pointer) => {
            let (mut data, _) = ask(gateway, compiled, found, caller, variables).await?;
            match data.pointer_mut(pointer).map(Value::take) {
                None | Some(Value::Null | Value::Bool(false)) => Err(compiled.not_found(found)),
                Some(node) => Ok(Said {
                    node,
                    next: None,
                    budget: None,
                }),
            }
        }
        Answer::All(pointer) | Answer::AllAnd(pointer) => {
            let pages = all(gateway, compiled, found, caller, variables, pointer, after);
            // Each page has its own timeout; all pages together take no more time than one request may.
            tokio::time::timeout(gateway.limits.request_time_max(), pages)
                .await
                .map_err(|_| Failure::new("UNAVAILABLE", "the list took too long"))?
        }
    }
}

async fn all(
    gateway: &Gateway,
    compiled: &Compiled,
    found: &Found,
    caller: &Caller,
    mut variables: Value,
    pointer: &str,
    mut after: Option<String>,
) -> Result<Said, Failure> {
    let mut list = List::new(gateway);
    loop {
        let rows = list.rows_to_ask_for();
        variables["first"] = rows.into();
        variables["after"] = after.clone().into();
        let asked = ask(gateway, compiled, found, caller, variables.clone()).await;
        let (mut data, bytes) = match asked {
            Err(failure) if failure.code == "ANSWER_TOO_LARGE" && rows > 1 => {
                list.page_rows_max = rows / 4 + 1;
                continue;
            }
            asked => asked?,
        };
        let Some(connection) = data.pointer_mut(pointer).filter(|value| !value.is_null()) else {
            if matches!(compiled.route.answer, Answer::All(_)) && !compiled.may_be_missing() {
                return Ok(Said {
                    node: Value::Array(list.nodes),
                    next: None,
                    budget: None,
                });
            }
            return Err(compiled.not_found(found));
        };
        let Value::Array(page) = connection["nodes"].take() else {
            tracing::error!(route = compiled.route.name, "the operation selects no nodes");
            return Err(Failure::internal());
        };
        let mut more = connection["pageInfo"]["hasNextPage"] == Value::Bool(true) && !page.is_empty();
        match list.add(page, bytes)? {
            true => after = connection["pageInfo"]["endCursor"].as_str().map(str::to_owned),
            false => more = true,
        }
        if !more || list.is_full() {
            // The budget needs room for the written response beside the rows.
            list.budget.gather(0).map_err(over_budget)?;
            let nodes = Value::Array(list.nodes);
            let node = match compiled.route.answer {
                Answer::AllAnd(_) => {
                    *connection = nodes;
                    data
                }
                _ => nodes,
            };
            return Ok(Said {
                node,
                next: after.filter(|_| more),
                budget: Some(list.budget),
            });
        }
    }
}

/// A list, collected from pages of a connection.
struct List {
    nodes: Vec<Value>,
    rows_max: usize,
    /// The most rows of the next page: fewer than the graph allows where rows are large.
    page_rows_max: usize,
    bytes: usize,
    /// Whether another row of the average size would exceed the budget.
    full: bool,
    budget: Arc<AnswerBudget>,
}

impl List {
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

    fn rows_to_ask_for(&self) -> usize {
        self.rows_max.saturating_sub(self.nodes.len()).min(self.page_rows_max)
    }

    /// Adds a page whose JSON had that many bytes. Returns `false` where the page does not fit, so that the list ends before it.
    fn add(&mut self, page: Vec<Value>, bytes: usize) -> Result<bool, Failure> {
        let left = self.budget.bytes_max().saturating_sub(self.bytes);
        if bytes > left && !self.nodes.is_empty() {
            self.full = true;
            return Ok(false);
        }
        self.budget.collect(bytes).map_err(over_budget)?;
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

fn over_budget(error: BudgetError) -> Failure {
    Failure::new(error.code(), error.to_string())
}

/// Returns the data of the graph's response, and the response's size in bytes.
async fn ask(
    gateway: &Gateway,
    compiled: &Compiled,
    found: &Found,
    caller: &Caller,
    variables: Value,
) -> Result<(Value, usize), Failure> {
    let request = SubgraphRequest {
        document: Document::Text(compiled.document(&variables)),
        operation_name: None,
        variables: Variables::from_json(variables),
        viewer: caller.viewer.clone(),
        session: caller.session,
        request_id: Arc::clone(&caller.request_id),
        queries_only: compiled.route.verb == Verb::Get,
        budget: Some(gateway.answer_budget()),
    };
    let (mut answer, mut bytes) = fetch(gateway, compiled, caller, request.clone()).await?;
    if let Some(viewer) = &caller.or_else
        && answer.is_forbidden()
    {
        // A forbidden operation has changed nothing, so that it can be executed again as another viewer.
        let request = SubgraphRequest {
            viewer: viewer.clone(),
            session: None,
            ..request
        };
        (answer, bytes) = fetch(gateway, compiled, caller, request).await?;
    }
    match answer.errors.into_iter().next() {
        None => Ok((answer.data, bytes)),
        Some(error) => Err(refused(compiled, found, caller, error)),
    }
}

async fn fetch(
    gateway: &Gateway,
    compiled: &Compiled,
    caller: &Caller,
    request: SubgraphRequest,
) -> Result<(GraphAnswer, usize), Failure> {
    let answer = gateway.graph.fetch(request).await.into_answer();
    let parsed = serde_json::from_slice(&answer.body).map_err(|error| {
        tracing::error!(%error, route = compiled.route.name, request_id = &*caller.request_id, "the graph's answer is not GraphQL");
        Failure::internal()
    })?;
    Ok((parsed, answer.body.len()))
}

fn refused(compiled: &Compiled, found: &Found, caller: &Caller, error: GraphError) -> Failure {
    let GraphError { message, extensions } = error;
    let code = extensions.code.unwrap_or_default();
    if !is_the_callers(compiled, &code) {
        // The domain has logged its own failure already; this line is for operations that no longer fit the graph.
        tracing::error!(
            code,
            message,
            route = compiled.route.name,
            request_id = &*caller.request_id,
            "the graph refused a route"
        );
        return Failure::internal();
    }
    // The mounts have one code for a service that does not respond.
    let code = if code == "TIMEOUT" {
        "UNAVAILABLE".to_owned()
    } else {
        code
    };
    let row = compiled.row(&code, &message);
    let mut failure = Failure::new(code, message);
    failure.retry_after_seconds = extensions.retry_after;
    failure.is_outcome_unknown = extensions.outcome.as_deref() == Some("unknown");
    if let Some(field) = extensions.field {
        let why = failure
            .message
            .trim_start_matches('$')
            .strip_prefix(&format!("{field}: "))
            .unwrap_or(&failure.message);
        let told = match compiled.is_body(&field) {
            true => Failure::new("INVALID_INPUT", format!("the body {why}")),
            false => Failure::invalid(vec![(compiled.name_of(&field, found), why.to_owned())]),
        };
        failure = Failure {
            code: failure.code,
            retry_after_seconds: failure.retry_after_seconds,
            ..told
        };
    }
    if let Some(row) = row.filter(|row| !row.message.is_empty()) {
        failure.message = said(row, found);
    }
    failure
}

/// Whether the caller or the moment of the request causes this error, rather than a route that does not fit the graph.
fn is_the_callers(compiled: &Compiled, code: &str) -> bool {
    const COMMON: [&str; 11] = [
        "ANSWER_TOO_LARGE",
        "INVALID_INPUT",
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "NOT_FOUND",
        "CONFLICT",
        "IDEMPOTENCY_MISMATCH",
        "PAYLOAD_TOO_LARGE",
        "RATE_LIMITED",
        "UNAVAILABLE",
        "TIMEOUT",
    ];
    COMMON.contains(&code)
        || code.starts_with("INSUFFICIENT_")
        || compiled.route.errors.iter().any(|row| row.code == code)
}

fn said(row: &ErrorRow, found: &Found) -> String {
    let value = |name: &str| {
        let (_, value) = found.params.iter().find(|(known, _)| *known == name)?;
        let mut shown = value.clone();
        contract::clip(&mut shown, SHOWN_CHARS_MAX);
        Some(shown)
    };
    filled(row.message, false, value)
}

impl Compiled {
    /// Returns the route's own `NOT_FOUND`: the least specific row.
    pub fn not_found(&self, found: &Found) -> Failure {
        let row = self
            .route
            .errors
            .iter()
            .filter(|row| row.code == "NOT_FOUND")
            .min_by_key(|row| row.of.len());
        let message = row.map_or_else(|| "there is no such thing".to_owned(), |row| said(row, found));
        Failure::new("NOT_FOUND", message)
    }

    /// Whether the route has a not-found of its own.
    pub fn may_be_missing(&self) -> bool {
        self.route.errors.iter().any(|row| row.code == "NOT_FOUND")
    }

    /// Returns the most specific row for this error.
    fn row(&self, code: &str, message: &str) -> Option<&'static ErrorRow> {
        let rows = self.route.errors.iter();
        rows.filter(|row| row.code == code && message.starts_with(row.of))
            .max_by_key(|row| row.of.len())
    }

    /// Whether the argument receives the whole body, rather than one member of it.
    fn is_body(&self, argument: &str) -> bool {
        let (own, below) = (format!("/{argument}"), format!("/{argument}/"));
        let pointers = || self.members.iter().map(|member| member.pointer.as_str());
        pointers().any(|pointer| pointer.starts_with(&below)) && !pointers().any(|pointer| pointer == own)
    }

    /// Returns the route's name for an argument of the graph: `input.title` may be `title`.
    fn name_of(&self, argument: &str, found: &Found) -> String {
        if argument == "idempotencyKey" {
            return "Idempotency-Key".to_owned();
        }
        let pointer = format!("/{}", argument.replace('.', "/"));
        let is_it = |own: &str| own == pointer || own.ends_with(&pointer);
        match self.members.iter().find(|member| is_it(&member.pointer)) {
            Some(member) => match found.spelled {
                Some((name, spelled)) if member.name == name => spelled.to_owned(),
                _ => member.name.clone(),
            },
            None => argument.rsplit('.').next().unwrap_or(argument).to_owned(),
        }
    }
}
