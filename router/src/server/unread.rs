//! The answers that clients have not read yet, bounded in bytes and in time.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

use super::connections::{Connection, OpenRequest};
use crate::limits::Limits;

/// The size of the pieces that are passed to hyper; only the bytes that hyper does not have yet can be counted.
const PIECE_BYTES: usize = 16 * 1024;
/// The approximate memory of an HTTP/2 stream besides the bytes of its answer.
const STREAM_BYTES: usize = 2 * 1024;

/// All answers that clients have not read yet.
///
/// When they hold too many bytes, the connections whose answers have made no progress for longest are closed.
pub(crate) struct UnreadResponses {
    bytes_max: usize,
    time_max: Duration,
    state: Mutex<UnreadState>,
}

#[derive(Default)]
struct UnreadState {
    next: u64,
    bytes: usize,
    responses: HashMap<u64, UnreadResponse>,
}

struct UnreadResponse {
    bytes: usize,
    progress: Instant,
    connection: Arc<Connection>,
}

impl UnreadResponses {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            bytes_max: limits.unread_bytes_max,
            time_max: Duration::from_millis(limits.unread_ms_max),
            state: Mutex::default(),
        }
    }

    /// Closes the connections whose answers have not been read in time.
    pub(crate) fn sweep(&self) {
        let mut state = self.lock();
        let is_late = |response: &&UnreadResponse| response.progress.elapsed() > self.time_max;
        let late: Vec<_> = state
            .responses
            .values()
            .filter(is_late)
            .map(|response| Arc::clone(&response.connection))
            .collect();
        for connection in late {
            state.cut(&connection);
        }
    }

    fn insert(self: &Arc<Self>, bytes: usize, connection: &Arc<Connection>) -> UnreadGuard {
        let mut state = self.lock();
        state.next += 1;
        let id = state.next;
        let response = UnreadResponse {
            bytes,
            progress: Instant::now(),
            connection: Arc::clone(connection),
        };
        state.bytes += bytes;
        state.responses.insert(id, response);
        while state.bytes > self.bytes_max {
            let held = state.responses.iter().filter(|(_, response)| response.bytes > 0);
            let Some((_, longest)) = held.min_by_key(|(id, response)| (response.progress, **id)) else {
                break;
            };
            let connection = Arc::clone(&longest.connection);
            state.cut(&connection);
        }
        UnreadGuard {
            responses: Arc::clone(self),
            id,
        }
    }

    fn lock(&self) -> MutexGuard<'_, UnreadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnreadState {
    /// Closes a connection, and counts the bytes of its answers as free.
    fn cut(&mut self, connection: &Arc<Connection>) {
        connection.cut();
        for response in self.responses.values_mut() {
            if response.connection.id() == connection.id() {
                self.bytes -= std::mem::take(&mut response.bytes);
            }
        }
    }
}

/// The entry of an answer among the waiting ones.
struct UnreadGuard {
    responses: Arc<UnreadResponses>,
    id: u64,
}

impl UnreadGuard {
    /// Records that hyper took a piece. The whole answer stays in memory until hyper takes the last one.
    fn record_progress(&self) {
        if let Some(response) = self.responses.lock().responses.get_mut(&self.id) {
            response.progress = Instant::now();
        }
    }
}

impl Drop for UnreadGuard {
    fn drop(&mut self) {
        let mut state = self.responses.lock();
        if let Some(response) = state.responses.remove(&self.id) {
            state.bytes -= response.bytes;
        }
    }
}

/// The body of an answer, passed to hyper in pieces.
pub(super) struct ResponseBody {
    body: Body,
    /// The part of the last frame that hyper has not taken yet.
    rest: Bytes,
    /// Whether that frame is passed in several pieces.
    in_pieces: bool,
    guard: Option<UnreadGuard>,
    _open: OpenRequest,
}

impl ResponseBody {
    pub(super) fn new(
        body: Body,
        responses: &Arc<UnreadResponses>,
        connection: &Arc<Connection>,
        is_http2: bool,
        open: OpenRequest,
    ) -> Self {
        if body.size_hint().upper().is_none() {
            connection.mark_streaming();
        }
        // A stream's own queue bounds its bytes.
        let bytes = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        // A small answer goes into the buffer of its HTTP/1 connection at once; a client can make an answer of any size wait
        // on an HTTP/2 stream.
        let guard = if is_http2 {
            Some(bytes.saturating_add(STREAM_BYTES))
        } else {
            (bytes > PIECE_BYTES).then_some(bytes)
        };
        Self {
            guard: guard.map(|bytes| responses.insert(bytes, connection)),
            body,
            rest: Bytes::new(),
            in_pieces: false,
            _open: open,
        }
    }

    fn next_piece(&mut self) -> Frame<Bytes> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        if let Some(guard) = &self.guard {
            guard.record_progress();
        }
        // A slice of the frame would keep the whole frame in memory for as long as hyper holds it.
        if self.in_pieces {
            Frame::data(Bytes::copy_from_slice(&piece))
        } else {
            Frame::data(piece)
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            let frame = ready!(Pin::new(&mut this.body.frame()).poll(cx));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => {
                    this.in_pieces = data.len() > PIECE_BYTES;
                    this.rest = data;
                }
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(Ok(this.next_piece())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let body = self.body.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(body.lower().saturating_add(rest));
        hint
    }
}
