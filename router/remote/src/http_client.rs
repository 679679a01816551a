//! Requests to one address, with the bounds on their number, their time and their answers.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::connector::{Connector, HttpVersion};
use super::pool::Pool;
use super::sender::{Message, Sender};
use super::settings::RemoteSettings;
use super::subgraph_error::SubgraphError;

/// A client of one address.
pub struct HttpClient {
    connector: Arc<Connector>,
    pool: Arc<Pool>,
    /// A place for each request that may be in flight.
    places: Semaphore,
    target: Uri,
    settings: Arc<RemoteSettings>,
}

/// A request that has not been sent.
pub struct HttpRequest {
    /// All of its headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether the request may be sent a second time, because it changes nothing.
    pub is_read: bool,
}

/// A complete answer.
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The media type, in the form of its header.
    pub media_type: Option<String>,
    /// The content encoding of the body.
    pub encoding: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// An answer whose body is still coming.
pub struct OpenAnswer {
    /// The status and the headers.
    pub head: Parts,
    /// The rest of the body.
    pub body: Incoming,
    /// The connection, which ends with this value.
    _sender: Sender,
}

impl HttpAnswer {
    /// Whether its status says that the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        )
    }
}

/// A failed attempt to send a request.
struct FailedAttempt {
    error: SubgraphError,
    progress: Progress,
}

/// The progress of an attempt that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing was sent.
    Unsent,
    /// Something was sent, and no byte of an answer came back.
    Unanswered,
    /// The answer had begun.
    Answered,
}

impl HttpClient {
    /// A client of the address, which the connector reaches.
    pub fn new(connector: Arc<Connector>, url: &Uri, settings: Arc<RemoteSettings>) -> Self {
        let path = url.path_and_query().cloned();
        let path = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        let target = match connector.version() {
            HttpVersion::Http1 => path,
            HttpVersion::Http2 => url.clone(),
        };
        Self {
            connector,
            pool: Arc::new(Pool::new(settings.idle_time_max())),
            places: Semaphore::new(settings.subgraph_requests_max.clamp(1, Semaphore::MAX_PERMITS)),
            target,
            settings,
        }
    }

    /// Sends a request by POST and reads the answer. The bound on the time is the caller's.
    ///
    /// # Errors
    /// When the complete answer does not arrive.
    pub async fn post(&self, request: &HttpRequest) -> Result<HttpAnswer, SubgraphError> {
        let _place = self.place().await?;
        let first = match self.pool.take().await {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let failed = match self.attempt(first, request).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        if !failed.can_be_repeated(request) {
            return Err(failed.error);
        }
        self.pool.clear();
        let second = self.connect().await?;
        self.attempt(second, request).await.map_err(|failed| failed.error)
    }

    /// Sends a request by POST over a connection of its own and returns the answer when its head is there. The bounds on time and number
    /// are the caller's.
    ///
    /// # Errors
    /// When no answer arrives.
    pub async fn open(&self, request: &HttpRequest) -> Result<OpenAnswer, SubgraphError> {
        let mut sender = self.connect().await?;
        let answer = sender.send(self.message(request)).await;
        let (head, body) = answer.map_err(|failed| error_of(failed.error()))?.into_parts();
        Ok(OpenAnswer {
            head,
            body,
            _sender: sender,
        })
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, SubgraphError> {
        match timeout(self.settings.wait_time_max(), self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(SubgraphError::Busy),
        }
    }

    async fn connect(&self) -> Result<Sender, SubgraphError> {
        let stream = self.connector.connect().await?;
        let begun = Sender::begin(stream, self.connector.version()).await;
        let sender = begun.map_err(|error| SubgraphError::Unreachable(error.to_string()))?;
        if let Some(shared) = sender.share() {
            self.pool.put(shared);
        }
        Ok(sender)
    }

    /// Sends a request once. A connection for one request at a time goes back to the pool when the answer was read to its end.
    async fn attempt(&self, mut sender: Sender, request: &HttpRequest) -> Result<HttpAnswer, FailedAttempt> {
        let answer = sender
            .send(self.message(request))
            .await
            .map_err(|mut failed| FailedAttempt {
                progress: match failed.take_message() {
                    Some(_) => Progress::Unsent,
                    None if failed.error().is_parse() => Progress::Answered,
                    None => Progress::Unanswered,
                },
                error: error_of(failed.error()),
            })?;
        let (head, mut body) = answer.into_parts();
        let body = read(&mut body, self.settings.subgraph_answer_bytes_max).await?;
        if sender.share().is_none() {
            self.pool.put(sender);
        }
        Ok(complete(&head, body))
    }

    fn message(&self, request: &HttpRequest) -> Message {
        let mut message = Request::new(Full::new(request.body.clone()));
        *message.method_mut() = Method::POST;
        *message.uri_mut() = self.target.clone();
        *message.headers_mut() = request.headers.clone();
        if self.connector.version() == HttpVersion::Http2 {
            // The target has the host.
            message.headers_mut().remove(HOST);
        }
        message
    }
}

impl FailedAttempt {
    /// Whether sending the request again cannot do anything twice.
    fn can_be_repeated(&self, request: &HttpRequest) -> bool {
        match self.progress {
            Progress::Unsent => true,
            Progress::Unanswered => request.is_read,
            Progress::Answered => false,
        }
    }
}

impl From<SubgraphError> for FailedAttempt {
    fn from(error: SubgraphError) -> Self {
        Self {
            error,
            progress: Progress::Answered,
        }
    }
}

fn error_of(error: &hyper::Error) -> SubgraphError {
    if error.is_parse() {
        SubgraphError::NoHttp(error.to_string())
    } else {
        SubgraphError::ConnectionLost(error.to_string())
    }
}

/// Reads the rest of an answer.
///
/// # Errors
/// When it is too long or breaks off.
pub async fn read_open(answer: &mut OpenAnswer, bytes_max: usize) -> Result<HttpAnswer, SubgraphError> {
    let body = read(&mut answer.body, bytes_max).await?;
    Ok(complete(&answer.head, body))
}

fn complete(head: &Parts, body: Bytes) -> HttpAnswer {
    let text = |name| {
        let value: Option<&HeaderValue> = head.headers.get(name);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    HttpAnswer {
        status: head.status,
        media_type: text(CONTENT_TYPE),
        encoding: text(CONTENT_ENCODING),
        body,
    }
}

/// Reads a body to its end. One that came in one piece is not copied.
async fn read(body: &mut Incoming, bytes_max: usize) -> Result<Bytes, SubgraphError> {
    let too_large = || SubgraphError::TooLarge(bytes_max);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(too_large());
    }
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error_of(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + joined.len() + data.len() > bytes_max {
            return Err(too_large());
        }
        if first.is_empty() && joined.is_empty() {
            first = data;
            continue;
        }
        if joined.is_empty() {
            joined.reserve(announced.max(first.len() + data.len()));
            joined.extend_from_slice(&std::mem::take(&mut first));
        }
        joined.extend_from_slice(&data);
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}
