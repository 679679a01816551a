//! The compression of whole answers by `Accept-Encoding` (RFC 9110, sections 8.4 and 12.5.3), for GraphQL, REST, documents and
//! pages alike.

use std::convert::Infallible;
use std::future::ready;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Collected};
use tokio::runtime::Handle;
use tower::service_fn;
use tower::util::ServiceExt;
use tower_http::CompressionLevel;
use tower_http::compression::Compression;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::http::error::HttpError;

/// The level of all encodings: beyond it JSON gets little smaller, and the work grows fast.
const LEVEL: CompressionLevel = CompressionLevel::Precise(4);
/// Up to this size an answer is compressed on the thread of its request, in less than a millisecond.
const INLINE_BYTES_MAX: u64 = 32 * 1024;

/// The encodings that a client accepts.
pub(super) struct AcceptedEncodings {
    /// `Accept-Encoding` as the client sent it.
    header: Option<HeaderValue>,
    is_head: bool,
}

impl AcceptedEncodings {
    pub(super) fn of(request: &Request) -> Self {
        let mut values = request.headers().get_all(header::ACCEPT_ENCODING).iter();
        let header = match (values.next(), values.next()) {
            (Some(_), Some(_)) => {
                let values = request.headers().get_all(header::ACCEPT_ENCODING).iter();
                let values: Vec<_> = values.map(HeaderValue::as_bytes).collect();
                HeaderValue::from_bytes(&values.join(&b", "[..])).ok()
            }
            (header, _) => header.cloned(),
        };
        Self {
            header,
            is_head: *request.method() == Method::HEAD,
        }
    }

    /// Compresses a response of at least `bytes_min` bytes, if the client accepts an encoding and the content is not
    /// compressed already. A stream has no size and stays as it is, so that each of its parts is sent at once.
    ///
    /// The result is a whole body with its length, like the one that came in: the bounds on unread answers count it.
    ///
    /// # Errors
    /// `INTERNAL` when the body cannot be read; bodies in memory always can.
    pub(super) async fn compress(self, response: Response, bytes_min: u64) -> Result<Response, HttpError> {
        let Some(header) = self.header else { return Ok(response) };
        match response.body().size_hint().exact() {
            // The future is large, and few answers need it.
            Some(bytes) if bytes >= bytes_min.max(1) => Box::pin(encode(response, bytes, header)).await,
            _ if self.is_head => Ok(without_length(response, bytes_min)),
            _ => Ok(response),
        }
    }
}

async fn encode(response: Response, bytes: u64, accepted: HeaderValue) -> Result<Response, HttpError> {
    let mut request = Request::new(Body::empty());
    request.headers_mut().insert(header::ACCEPT_ENCODING, accepted);
    let mut response = Some(response);
    let answer = service_fn(move |_: Request| ready(Ok::<_, Infallible>(response.take().unwrap_or_default())));
    let is_worth_it = DefaultPredicate::new().and(NotForContentType::const_new("font/"));
    let compression = Compression::new(answer).quality(LEVEL).compress_when(is_worth_it);
    let response = compression
        .oneshot(request)
        .await
        .unwrap_or_else(|never| match never {});
    let (parts, body) = response.into_parts();
    // The body does not wait for anything: reading it is the compression.
    let read = async move { body.collect().await.map(Collected::to_bytes) };
    let read = if bytes <= INLINE_BYTES_MAX || !parts.headers.contains_key(header::CONTENT_ENCODING) {
        read.await
    } else {
        let runtime = Handle::current();
        let task = tokio::task::spawn_blocking(move || runtime.block_on(read));
        task.await.map_err(|_| HttpError::internal())?
    };
    let body = read.map_err(|_| HttpError::internal())?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Removes the length from the answer to a HEAD request if a GET request might get it compressed: the length must be that
/// of the answer to GET (RFC 9110, section 8.6).
fn without_length(mut response: Response, bytes_min: u64) -> Response {
    let length = response.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length >= bytes_min) {
        response.headers_mut().remove(header::CONTENT_LENGTH);
        // For an empty body, hyper would add a length of 0.
        *response.body_mut() = Body::from_stream(stream::empty::<Result<Bytes, Infallible>>());
    }
    response
}
