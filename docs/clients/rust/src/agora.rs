//! Sends operations to Agora: queries and mutations as single answers, subscriptions as server-sent events.

use std::fmt;
use std::marker::PhantomData;

use graphql_client::{GraphQLQuery, Response};
use reqwest::header::ACCEPT;
use reqwest::{Client, RequestBuilder};

/// The reason that an operation has no result.
#[derive(Debug)]
pub enum AgoraError {
    /// The server reported an error. The code is stable, the message is for people: see docs/ERRORS.md.
    Graphql { code: String, message: String },
    /// The server did not answer, or not as expected.
    Transport(Box<dyn std::error::Error>),
}

impl fmt::Display for AgoraError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Graphql { code, message } => write!(formatter, "{code}: {message}"),
            Self::Transport(error) => write!(formatter, "{error}"),
        }
    }
}

impl std::error::Error for AgoraError {}

impl From<reqwest::Error> for AgoraError {
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(error.into())
    }
}

/// A server, and the access token of the signed-in person.
pub struct Agora {
    client: Client,
    url: String,
    pub token: Option<String>,
}

impl Agora {
    pub fn from_environment() -> Self {
        let url = std::env::var("AGORA_URL").unwrap_or_else(|_| "http://127.0.0.1:4000".to_owned());
        Self {
            client: Client::new(),
            url: format!("{url}/graphql"),
            token: None,
        }
    }

    /// Executes a query or a mutation.
    pub async fn execute<Q: GraphQLQuery>(&self, variables: Q::Variables) -> Result<Q::ResponseData, AgoraError> {
        let request = self.request::<Q>(variables, "application/graphql-response+json");
        data(request.send().await?.json().await?)
    }

    /// Starts a subscription.
    pub async fn subscribe<Q: GraphQLQuery>(&self, variables: Q::Variables) -> Result<Events<Q>, AgoraError> {
        let response = self.request::<Q>(variables, "text/event-stream").send().await?;
        Ok(Events {
            response,
            received: Vec::new(),
            operation: PhantomData,
        })
    }

    fn request<Q: GraphQLQuery>(&self, variables: Q::Variables, accept: &str) -> RequestBuilder {
        let request = self.client.post(&self.url).header(ACCEPT, accept);
        let request = request.json(&Q::build_query(variables));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// The events of a subscription. Dropping it ends the subscription.
pub struct Events<Q> {
    response: reqwest::Response,
    received: Vec<u8>,
    operation: PhantomData<Q>,
}

impl<Q: GraphQLQuery> Events<Q> {
    /// Waits for the next event; `None` when the subscription has ended.
    pub async fn next(&mut self) -> Result<Option<Q::ResponseData>, AgoraError> {
        loop {
            // Events end with an empty line. One that begins with a colon is a comment, which keeps the connection alive.
            while let Some(end) = self.received.windows(2).position(|end| end == b"\n\n") {
                let event: Vec<_> = self.received.drain(..end + 2).collect();
                if let Some(answer) = event.strip_prefix(b"event: next\ndata: ") {
                    let answer = serde_json::from_slice(answer).map_err(|error| AgoraError::Transport(error.into()))?;
                    return data(answer).map(Some);
                }
            }
            match self.response.chunk().await? {
                Some(bytes) => self.received.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }
}

fn data<T>(response: Response<T>) -> Result<T, AgoraError> {
    if let Some(error) = response.errors.into_iter().flatten().next() {
        let code = error.extensions.as_ref().and_then(|all| all.get("code")?.as_str());
        return Err(AgoraError::Graphql {
            code: code.unwrap_or("INTERNAL").to_owned(),
            message: error.message,
        });
    }
    response
        .data
        .ok_or_else(|| AgoraError::Transport("an answer without data".into()))
}
