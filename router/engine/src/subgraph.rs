//! The interface between the router and the domains: a GraphQL request in, a GraphQL response out.

use std::any::Any;
use std::collections::BTreeSet;
use std::future::{Ready, ready};
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Name, Response, ServerError, Value, Variables};
use bytes::Bytes;
use foundation::{AnswerBudget, ErrorCode, ErrorCodeSet};
use futures_util::future::{BoxFuture, Either};
use futures_util::stream::BoxStream;
use tokio::time::Instant;

use crate::execution_trace::ExecutionTrace;
use crate::tape::{self, Tape};

/// A GraphQL service: a domain in this process, one behind HTTP, or a whole supergraph.
pub trait Subgraph: Send + Sync {
    /// Answers a query or a mutation.
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse>;

    /// Answers a subscription. A rejected request yields one response without data and ends.
    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse>;

    /// Returns the subgraph as one whose answers are tapes, if they are.
    fn as_tape_subgraph(&self) -> Option<&dyn TapeSubgraph> {
        None
    }

    /// Determines the kind of a request's operation, for transports that must know it before the operation runs. The
    /// prepared request then goes to [`fetch`](Self::fetch) or [`subscribe`](Self::subscribe) of the same subgraph, which do
    /// not repeat the work.
    fn prepare(&self, request: SubgraphRequest) -> Preparation<'_> {
        Either::Left(ready(parse(request)))
    }
}

/// A subgraph in another process, whose answers stay the text that they are.
pub trait TapeSubgraph: Send + Sync {
    /// Answers a query. The lists of representations are variables that are JSON already.
    fn fetch_tape(&self, request: SubgraphRequest, lists: Vec<(Name, Bytes)>) -> BoxFuture<'_, TapeResponse>;
}

/// A GraphQL response over HTTP.
#[derive(Debug)]
pub enum TapeResponse {
    /// A response map whose `data` are an object, without errors.
    Tape(Arc<Tape>),
    /// Another response.
    Values(Box<Response>),
}

impl TapeResponse {
    /// Returns the errors.
    pub fn errors(&self) -> &[ServerError] {
        match self {
            Self::Tape(_) => &[],
            Self::Values(response) => &response.errors,
        }
    }

    /// Decodes the response.
    pub fn into_response(self) -> Response {
        match self {
            Self::Values(response) => *response,
            Self::Tape(tape) => {
                let data = tape.member(tape::ROOT, "data");
                Response::new(data.map_or(Value::Null, |data| tape.to_value(data)))
            }
        }
    }
}

impl From<Response> for TapeResponse {
    fn from(response: Response) -> Self {
        Self::Values(Box::new(response))
    }
}

/// The future of a prepared request. It needs no allocation when the operation is known.
pub type Preparation<'a> = Either<Ready<PreparedRequest>, BoxFuture<'a, PreparedRequest>>;

/// A request whose operation is known.
#[derive(Debug)]
pub struct PreparedRequest {
    /// The kind of its operation; [`OperationKind::Query`] if the subgraph rejects it.
    pub kind: OperationKind,
    /// The request to run, or the response that rejects it.
    pub request: Result<SubgraphRequest, EncodedResponse>,
}

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Reads data.
    Query,
    /// Changes data.
    Mutation,
    /// Has a stream of answers.
    Subscription,
}

/// A GraphQL request and its caller.
#[derive(Clone, Debug)]
pub struct SubgraphRequest {
    /// The document.
    pub document: RequestDocument,
    /// The name of the operation, if the document has several.
    pub operation_name: Option<String>,
    /// The variables as the caller sent them.
    pub variables: Variables,
    /// The caller.
    pub caller: Caller,
    /// Correlates the log lines of one request.
    pub request_id: Arc<str>,
    /// The bytes that the answer may hold; without it, a supergraph creates its own.
    pub budget: Option<Arc<AnswerBudget>>,
}

/// The caller of a request. Its identity is a value of the program that uses the engine: the engine passes it on and
/// does not read it.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    identity: Option<Arc<dyn Any + Send + Sync>>,
    is_signed_in: bool,
    access: Option<Arc<CallerAccess>>,
}

/// The facts about a caller that the access rules of a supergraph are about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerAccess {
    /// Whether the program that uses the engine knows who the caller is.
    pub is_authenticated: bool,
    /// The scopes that the caller has.
    pub scopes: BTreeSet<String>,
}

/// The access of a caller that is not known.
static ANONYMOUS: CallerAccess = CallerAccess {
    is_authenticated: false,
    scopes: BTreeSet::new(),
};

impl Caller {
    /// A caller without an identity.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A caller with that identity. Mutations of callers that have not signed in share a rate limit.
    pub fn new<T: Any + Send + Sync>(identity: T, is_signed_in: bool) -> Self {
        Self {
            identity: Some(Arc::new(identity)),
            is_signed_in,
            access: None,
        }
    }

    /// The same caller with that access. Without it, the access rules of a supergraph count a caller as anonymous.
    #[must_use]
    pub fn with_access(self, access: CallerAccess) -> Self {
        Self {
            access: Some(Arc::new(access)),
            ..self
        }
    }

    /// Returns the facts that access rules are about.
    pub fn access(&self) -> &CallerAccess {
        self.access.as_deref().unwrap_or(&ANONYMOUS)
    }

    /// Returns the identity; `None` for an anonymous caller, and for an identity of another type.
    pub fn identity<T: Any>(&self) -> Option<&T> {
        self.identity.as_ref()?.downcast_ref()
    }

    /// Whether the caller has signed in.
    pub fn is_signed_in(&self) -> bool {
        self.is_signed_in
    }
}

/// A GraphQL document: unparsed text, or a parsed document.
#[derive(Clone, Debug)]
pub enum RequestDocument {
    /// The text that a caller sent.
    Text(Arc<str>),
    /// The planner's document, for both kinds of subgraphs.
    Parsed {
        /// For a subgraph behind HTTP.
        text: Arc<str>,
        /// For a subgraph in this process.
        tree: Arc<ExecutableDocument>,
    },
    /// A document that the subgraph has [prepared](Subgraph::prepare).
    Prepared(PreparedDocument),
}

/// A document with the subgraph's own form of the requested operation. Only the subgraph that prepared it can use that form.
#[derive(Clone, Debug)]
pub struct PreparedDocument {
    /// The text that the caller sent.
    pub text: Arc<str>,
    /// The subgraph's own form of the operation.
    pub operation: Arc<dyn PreparedOperation>,
    /// When preparing the operation began.
    pub begun: Instant,
    /// The time by which the answer must be complete; preparing the operation counts.
    pub deadline: Instant,
    /// Notes what the operation does, for a caller that asks to see it.
    pub trace: Option<Arc<ExecutionTrace>>,
}

/// A subgraph's own form of an operation.
pub trait PreparedOperation: Any + Send + Sync + std::fmt::Debug {
    /// Returns the name that the document gives it.
    fn name(&self) -> Option<&str>;
}

impl RequestDocument {
    /// Returns the name of the operation, if it is prepared and has one.
    pub fn operation_name(&self) -> Option<&str> {
        match self {
            Self::Prepared(prepared) => prepared.operation.name(),
            Self::Text(_) | Self::Parsed { .. } => None,
        }
    }

    /// The document as text.
    pub fn text(&self) -> &Arc<str> {
        match self {
            Self::Text(text) | Self::Parsed { text, .. } | Self::Prepared(PreparedDocument { text, .. }) => text,
        }
    }
}

/// A GraphQL response, in the form in which it was created.
#[derive(Debug)]
pub enum SubgraphResponse {
    /// A response from this process, which is never encoded.
    Tree(Response),
    /// An encoded response from a supergraph or over HTTP, which is never copied.
    Json(EncodedResponse),
}

/// A GraphQL response as JSON, with the facts that a transport needs without parsing it.
#[derive(Clone, Debug)]
pub struct EncodedResponse {
    /// The response map: `{"data":…,"errors":…,"extensions":…}`.
    pub body: Bytes,
    /// The kind of the response.
    pub kind: ResponseKind,
    /// The codes of the errors that it lists.
    pub codes: ErrorCodeSet,
}

/// The kind of a response map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// A `data` that is not null, perhaps with field errors beside it.
    Data,
    /// `data: null`: the operation ran, and an error propagated to the root.
    NullData,
    /// No `data`: the request was rejected before it ran. The code is the first error's `extensions.code`, or `INTERNAL` for a subgraph's
    /// code that this build does not know.
    RequestError(ErrorCode),
}

impl SubgraphResponse {
    /// Returns the codes of the errors that it lists.
    pub fn codes(&self) -> ErrorCodeSet {
        match self {
            Self::Json(answer) => answer.codes,
            Self::Tree(response) => response.errors.iter().filter_map(code_of).collect(),
        }
    }

    /// Encodes the response as JSON.
    pub fn into_encoded(self) -> EncodedResponse {
        let codes = self.codes();
        match self {
            Self::Json(answer) => answer,
            Self::Tree(response) => {
                let kind = match response.data {
                    async_graphql::Value::Null => ResponseKind::NullData,
                    _ => ResponseKind::Data,
                };
                let body = serde_json::to_vec(&response)
                    .expect("a GraphQL response is JSON")
                    .into();
                EncodedResponse { body, kind, codes }
            }
        }
    }
}

/// Returns the code of a subgraph's error, if it has one that this build knows.
pub fn code_of(error: &ServerError) -> Option<ErrorCode> {
    match error.extensions.as_ref()?.get("code")? {
        async_graphql::Value::String(code) => code.parse().ok(),
        _ => None,
    }
}

/// Prepares a request by parsing its document. Running it reports the errors of a document that cannot be parsed.
fn parse(mut request: SubgraphRequest) -> PreparedRequest {
    let tree = match &request.document {
        RequestDocument::Parsed { tree, .. } => Some(Arc::clone(tree)),
        unparsed => parse_query(&**unparsed.text()).ok().map(Arc::new),
    };
    let mut kind = OperationKind::Query;
    if let Some(tree) = tree {
        kind = operation_kind(&tree, request.operation_name.as_deref());
        let text = Arc::clone(request.document.text());
        request.document = RequestDocument::Parsed { text, tree };
    }
    PreparedRequest {
        kind,
        request: Ok(request),
    }
}

fn operation_kind(document: &ExecutableDocument, operation_name: Option<&str>) -> OperationKind {
    let mut operations = document.operations.iter();
    let requested =
        operations.find(|(name, _)| operation_name.is_none() || name.map(|name| name.as_str()) == operation_name);
    requested.map_or(OperationKind::Query, |(_, operation)| match operation.node.ty {
        OperationType::Query => OperationKind::Query,
        OperationType::Mutation => OperationKind::Mutation,
        OperationType::Subscription => OperationKind::Subscription,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_kind_is_found_in_any_document() {
        let table = [
            ("{ a }", None, OperationKind::Query),
            ("query { subscription }", None, OperationKind::Query),
            ("mutation { a }", None, OperationKind::Mutation),
            ("subscription { a }", None, OperationKind::Subscription),
            ("# query { a }\nsubscription S { a }", None, OperationKind::Subscription),
            (
                "fragment F on subscription { a } mutation { ...F }",
                None,
                OperationKind::Mutation,
            ),
            (
                "query A { a } subscription B { b }",
                Some("B"),
                OperationKind::Subscription,
            ),
            ("subscription B { b } query A { a }", Some("A"), OperationKind::Query),
            (
                "query A @B { a } subscription B { b }",
                Some("B"),
                OperationKind::Subscription,
            ),
            (
                "query A($x: I = {mutation: \"} mutation {\"}) { a } mutation B { b }",
                Some("B"),
                OperationKind::Mutation,
            ),
            (
                "query A { a(x: \"\\\" } subscription { \") } mutation M { a }",
                Some("M"),
                OperationKind::Mutation,
            ),
            (
                "query A { a(x: \"\"\"} \\\"\"\" subscription M { \"\"\") } mutation M { a }",
                Some("M"),
                OperationKind::Mutation,
            ),
            ("query A { a }", Some("B"), OperationKind::Query),
            ("}}}} subscription", None, OperationKind::Query),
            ("\"é\\", None, OperationKind::Query),
            ("\"\"\"", None, OperationKind::Query),
            ("", None, OperationKind::Query),
        ];
        for (document, name, kind) in table {
            let request = SubgraphRequest {
                document: RequestDocument::Text(document.into()),
                operation_name: name.map(str::to_owned),
                variables: Variables::default(),
                caller: Caller::anonymous(),
                request_id: "test".into(),
                budget: None,
            };
            let prepared = parse(request);
            assert_eq!(prepared.kind, kind, "{document}");
            assert_eq!(&**prepared.request.unwrap().document.text(), document);
        }
    }
}
