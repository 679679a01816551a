//! The HTTP server: an accept loop over hyper that bounds everything that a client can make the process hold.
//!
//! One client that reaches a limit must not lock out the next one. So when all places are taken, the connection, body or answer
//! that has waited longest for its client is dropped to make room ([`connections`], [`bodies`], [`unread`]).

mod bodies;
mod connections;
mod permits;
mod stream;
mod unread;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) use bodies::{BodyError, count_json_values, receive, request_memory_bytes};
pub(crate) use connections::Connection;
pub use permits::Permits;
use stream::BoundedStream;
use unread::ResponseBody;
pub(crate) use unread::UnreadResponses;

use crate::limits::Limits;

/// The interval at which deadlines are checked, and the shortest possible deadline.
const TICK: Duration = Duration::from_millis(250);
/// The pause of the accept loop when the system has no descriptor or memory left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The shortest interval between two log lines about failures of the accept loop.
const ACCEPT_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// The window of one HTTP/2 stream: the bytes that a client may send before its body is read.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The window of one HTTP/2 connection.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// Answer bytes that one HTTP/2 stream may have buffered.
const STREAM_SEND_BUFFER_BYTES: usize = 32 * 1024;
/// The most streams that a client may open and reset before the server processes them (CVE-2023-44487).
const PENDING_RESET_STREAMS_MAX: usize = 20;
/// The interval of HTTP/2 pings to a silent client, and the time that it has to answer one.
const HTTP2_KEEP_ALIVE: Duration = Duration::from_secs(20);
/// The smallest buffer that hyper accepts.
const READ_BUFFER_BYTES_MIN: usize = 8 * 1024;

/// Serves `router` on all connections, within the limits of `permits`, until `shutdown`; then lets open requests finish.
///
/// Every request has the client's address as `ConnectInfo<SocketAddr>` in its extensions.
pub async fn serve(listener: TcpListener, router: Router, permits: &Permits, shutdown: CancellationToken) {
    let builder = Arc::new(builder(&permits.limits));
    let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = FailureLog::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ticks.tick() => {
                permits.sweep();
                continue;
            }
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(connection) = permits.connections.admit(peer) else {
                    continue;
                };
                let served = serve_connection(
                    Arc::clone(&builder),
                    BoundedStream::new(stream, Arc::clone(&connection)),
                    connection,
                    router.clone(),
                    Arc::clone(&permits.unread_responses),
                    shutdown.clone(),
                );
                let open = open.clone();
                tokio::spawn(async move {
                    served.await;
                    drop(open);
                });
            }
            // The client disconnected before it was accepted.
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                failures.log(&error);
                permits.connections.close_longest_waiting();
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drop(open);
    loop {
        tokio::select! {
            _ = all_closed.recv() => return,
            _ = ticks.tick() => permits.sweep(),
        }
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .max_buf_size(limits.head_bytes_max.max(READ_BUFFER_BYTES_MIN));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection_max)
        .max_pending_accept_reset_streams(PENDING_RESET_STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(STREAM_SEND_BUFFER_BYTES)
        .keep_alive_interval(HTTP2_KEEP_ALIVE)
        .keep_alive_timeout(HTTP2_KEEP_ALIVE);
    builder
}

async fn serve_connection(
    builder: Arc<Builder<TokioExecutor>>,
    stream: BoundedStream<TcpStream>,
    connection: Arc<Connection>,
    router: Router,
    unread_responses: Arc<UnreadResponses>,
    shutdown: CancellationToken,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, connection, unread_responses) =
            (router.clone(), Arc::clone(&connection), Arc::clone(&unread_responses));
        async move { Ok::<_, Infallible>(handle(router, connection, unread_responses, request).await) }
    });
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended with an error");
    }
}

async fn handle(
    router: Router,
    connection: Arc<Connection>,
    unread_responses: Arc<UnreadResponses>,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let is_http2 = request.version() == Version::HTTP_2;
    let open = connection.begin_request(is_http2);
    let mut request = request.map(Body::new);
    request
        .extensions_mut()
        .insert(ConnectInfo::<SocketAddr>(connection.peer()));
    request.extensions_mut().insert(Arc::clone(&connection));
    let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
    response.map(|body| ResponseBody::new(body, &unread_responses, &connection, is_http2, open))
}

fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// Logs that connections cannot be accepted, at a limited rate: otherwise the loop would fill the log.
#[derive(Default)]
struct FailureLog {
    logged: Option<Instant>,
    unlogged: u64,
}

impl FailureLog {
    fn log(&mut self, error: &io::Error) {
        if self.logged.is_some_and(|logged| logged.elapsed() < ACCEPT_LOG_INTERVAL) {
            self.unlogged += 1;
            return;
        }
        tracing::error!(%error, unlogged = self.unlogged, "a connection cannot be accepted");
        *self = Self {
            logged: Some(Instant::now()),
            unlogged: 0,
        };
    }
}
