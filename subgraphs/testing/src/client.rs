//! The client of a GraphQL service under test, and the transports that it needs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};

use crate::Answer;

/// Longer than any operation here takes on the slowest machine.
const ITEM_TIMEOUT: Duration = Duration::from_secs(60);

/// A GraphQL request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The document.
    pub document: String,
    /// The variables, an object.
    pub variables: Value,
    /// The name of the operation to execute.
    pub operation_name: Option<String>,
    /// HTTP headers, for the transports that have them.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// A request with these variables.
    pub fn new(document: impl Into<String>, variables: Value) -> Self {
        Self {
            document: document.into(),
            variables,
            operation_name: None,
            headers: Vec::new(),
        }
    }

    /// The same request for the operation with that name.
    #[must_use]
    pub fn operation(mut self, name: &str) -> Self {
        self.operation_name = Some(name.to_owned());
        self
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the body that carries this request over HTTP.
    pub fn body(&self) -> Value {
        let mut body = json!({ "query": self.document, "variables": self.variables });
        if let Some(name) = &self.operation_name {
            body["operationName"] = json!(name);
        }
        body
    }
}

/// A GraphQL service, reached as one caller.
pub trait Transport: Send + Sync {
    /// Executes a query or a mutation.
    fn execute(&self, request: Request) -> BoxFuture<'_, Answer>;

    /// Starts a subscription. The future ends once events reach the subscription, or with the first answer.
    fn subscribe(&self, request: Request) -> BoxFuture<'_, BoxStream<'static, Answer>>;

    /// Returns the same service, reached as the caller with that token.
    ///
    /// # Panics
    /// When the service knows no tokens.
    fn with_token(&self, _token: &str) -> Client {
        panic!("this transport has no sign-in")
    }
}

/// One caller of a GraphQL service. It is cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<dyn Transport>);

impl Client {
    /// A client over that transport.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self(Arc::new(transport))
    }

    /// Executes a document, a query or a mutation, with these variables: `json!({})` for none.
    pub async fn query(&self, document: &str, variables: Value) -> Answer {
        self.send(Request::new(document, variables)).await
    }

    /// Executes a request.
    pub async fn send(&self, request: Request) -> Answer {
        self.0.execute(request).await
    }

    /// Starts a subscription, and returns it once events reach it. The wait for an answer has a bound.
    pub async fn subscribe(&self, document: &str, variables: Value) -> BoxStream<'static, Answer> {
        let answers = self.0.subscribe(Request::new(document, variables)).await;
        // A missing item fails the test instead of blocking it.
        stream::unfold(answers, async |mut answers| {
            let next = tokio::time::timeout(ITEM_TIMEOUT, answers.next()).await;
            Some((next.expect("something arrives")?, answers))
        })
        .boxed()
    }

    /// Returns the caller with that token.
    pub fn with_token(&self, token: &str) -> Self {
        self.0.with_token(token)
    }
}
