//! The server of a subgraph, and everything that is known about it.

use std::sync::Arc;

use async_graphql::Response;
use http::{HeaderValue, Uri};
use tokio::time::Instant;

use super::answer::read_answer;
use super::circuit_breaker::CircuitBreaker;
use super::connector::Connector;
use super::fetch_error::FetchError;
use super::http_client::{HttpClient, HttpRequest};
use super::remote_error::RemoteError;
use super::response::ResponseReader;
use super::settings::RemoteSettings;

/// The server of a subgraph.
pub struct Endpoint {
    /// The name of the subgraph.
    pub name: String,
    /// The address.
    pub url: Uri,
    /// The value of the header `host`.
    pub host: HeaderValue,
    /// The way to the address.
    pub connector: Arc<Connector>,
    /// The client for queries and mutations.
    pub client: HttpClient,
    /// Whether the server is asked at all.
    pub circuit: CircuitBreaker,
    /// The reader of its responses.
    pub reader: ResponseReader,
    /// The settings.
    pub settings: Arc<RemoteSettings>,
}

impl Endpoint {
    /// The server at an address.
    ///
    /// # Errors
    /// When the address is none of HTTP or HTTPS, or a file of the settings cannot be used.
    pub fn new(name: &str, url: Uri, settings: Arc<RemoteSettings>) -> Result<Self, RemoteError> {
        let connector = Arc::new(Connector::new(name, &url, &settings)?);
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(authority).map_err(|_| RemoteError::Url {
            subgraph: name.to_owned(),
            url: url.to_string(),
        })?;
        Ok(Self {
            name: name.to_owned(),
            host,
            client: HttpClient::new(Arc::clone(&connector), &url, Arc::clone(&settings)),
            connector,
            circuit: CircuitBreaker::new(name, settings.subgraph_failures_max, settings.probe_interval()),
            reader: ResponseReader::new(name, &settings),
            url,
            settings,
        })
    }

    /// Sends a request and reads the response.
    ///
    /// # Errors
    /// When there is no GraphQL response.
    pub async fn exchange(&self, request: &HttpRequest) -> Result<Response, FetchError> {
        self.circuit.admit(Instant::now())?;
        let answer = self.client.post(request).await;
        self.circuit.record(&answer, Instant::now());
        read_answer(&answer?, &self.reader, &self.settings)
    }
}
