//! The server of a subgraph, and everything that is known about it.

use std::sync::Arc;
use std::time::Duration;

use engine::subgraph::TapeResponse;
use http::{HeaderValue, Uri};
use tokio::time::{Instant, sleep, timeout};

use super::answer::read_answer;
use super::circuit_breaker::CircuitBreaker;
use super::connector::{Connector, HttpVersion};
use super::http_client::{HttpAnswer, HttpClient, HttpRequest};
use super::remote_error::RemoteError;
use super::response::ResponseReader;
use super::settings::RemoteSettings;
use super::subgraph_error::SubgraphError;

/// The bytes of an answer that is read in the task of its request: about a millisecond of work.
const INLINE_BYTES_MAX: usize = 128 * 1024;
/// The wait before a query is sent again.
const FIRST_RETRY_WAIT: Duration = Duration::from_millis(50);

/// The server of a subgraph.
pub struct Endpoint {
    /// The name of the subgraph.
    pub name: String,
    /// The address.
    pub url: Uri,
    /// The value of the header `host`.
    pub host: HeaderValue,
    /// The way to the address for WebSockets, which are upgrades of HTTP/1.1.
    pub connector: Arc<Connector>,
    /// The client for queries and mutations.
    pub client: HttpClient,
    /// Whether the server is asked at all.
    pub circuit: CircuitBreaker,
    /// The reader of its responses.
    pub reader: Arc<ResponseReader>,
    /// The settings.
    pub settings: Arc<RemoteSettings>,
}

impl Endpoint {
    /// The server at an address.
    ///
    /// # Errors
    /// When the address is none of HTTP or HTTPS, or a file of the settings cannot be used.
    pub fn new(name: &str, url: Uri, settings: Arc<RemoteSettings>) -> Result<Self, RemoteError> {
        let connector = Arc::new(Connector::new(name, &url, &settings, HttpVersion::Http1)?);
        let client_connector = if settings.subgraph_http2 {
            Arc::new(Connector::new(name, &url, &settings, HttpVersion::Http2)?)
        } else {
            Arc::clone(&connector)
        };
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(authority).map_err(|_| RemoteError::Url {
            subgraph: name.to_owned(),
            url: url.to_string(),
        })?;
        Ok(Self {
            name: name.to_owned(),
            host,
            client: HttpClient::new(client_connector, &url, Arc::clone(&settings)),
            connector,
            circuit: CircuitBreaker::new(name, settings.subgraph_failures_max, settings.probe_interval()),
            reader: Arc::new(ResponseReader::new(name, &settings)),
            url,
            settings,
        })
    }

    /// Sends a request and reads the response.
    ///
    /// # Errors
    /// When there is no GraphQL response.
    pub async fn exchange(&self, request: &HttpRequest) -> Result<TapeResponse, SubgraphError> {
        let sent = Instant::now();
        self.circuit.admit(sent)?;
        let answer = timeout(self.settings.request_time_max(), self.post(request)).await;
        let answer = answer.unwrap_or(Err(SubgraphError::Timeout(self.settings.subgraph_ms_max)));
        self.circuit.record(&answer, sent, Instant::now());
        self.read(answer?).await
    }

    /// Sends a request, and a query again while the subgraph seems to be away for a moment.
    async fn post(&self, request: &HttpRequest) -> Result<HttpAnswer, SubgraphError> {
        let retries = if request.is_read {
            self.settings.subgraph_retries_max
        } else {
            0
        };
        let mut wait = FIRST_RETRY_WAIT;
        for _ in 0..retries {
            match self.client.post(request).await {
                Ok(answer) if answer.is_temporary() => {}
                Err(error) if error.is_outage() => {}
                outcome => return outcome,
            }
            sleep(wait).await;
            wait = wait.saturating_mul(2);
        }
        self.client.post(request).await
    }

    /// Reads a response. A long one would hold up the other requests of this thread, so it is read aside.
    async fn read(&self, answer: HttpAnswer) -> Result<TapeResponse, SubgraphError> {
        if answer.body.len() <= INLINE_BYTES_MAX && answer.encoding.is_none() {
            return read_answer(&answer, &self.reader);
        }
        let reader = Arc::clone(&self.reader);
        let read = pace::spawn_blocking(move || read_answer(&answer, &reader));
        read.await
            .unwrap_or_else(|ended| Err(SubgraphError::Unread(ended.to_string())))
    }
}
