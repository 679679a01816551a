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
pub(crate) struct Answers {
    bytes_max: usize,
    time_max: Duration,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    bytes: usize,
    answers: HashMap<u64, Answer>,
}

struct Answer {
    bytes: usize,
    progress: Instant,
    connection: Arc<Connection>,
}

impl Answers {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            bytes_max: limits.unread_bytes_max,
            time_max: Duration::from_millis(limits.unread_ms_max),
            waiting: Mutex::default(),
        }
    }

    /// Closes the connections whose answers have not been read in time.
    pub(crate) fn sweep(&self) {
        let mut waiting = self.lock();
        let is_late = |answer: &&Answer| answer.progress.elapsed() > self.time_max;
        let late: Vec<_> = waiting
            .answers
            .values()
            .filter(is_late)
            .map(|answer| Arc::clone(&answer.connection))
            .collect();
        for connection in late {
            waiting.cut(&connection);
        }
    }

    fn enter(self: &Arc<Self>, bytes: usize, connection: &Arc<Connection>) -> Ticket {
        let mut waiting = self.lock();
        waiting.next += 1;
        let id = waiting.next;
        let answer = Answer {
            bytes,
            progress: Instant::now(),
            connection: Arc::clone(connection),
        };
        waiting.bytes += bytes;
        waiting.answers.insert(id, answer);
        while waiting.bytes > self.bytes_max {
            let held = waiting.answers.iter().filter(|(_, answer)| answer.bytes > 0);
            let Some((_, longest)) = held.min_by_key(|(id, answer)| (answer.progress, **id)) else {
                break;
            };
            let connection = Arc::clone(&longest.connection);
            waiting.cut(&connection);
        }
        Ticket {
            answers: Arc::clone(self),
            id,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Closes a connection, and counts the bytes of its answers as free.
    fn cut(&mut self, connection: &Arc<Connection>) {
        connection.cut();
        for answer in self.answers.values_mut() {
            if answer.connection.id() == connection.id() {
                self.bytes -= std::mem::take(&mut answer.bytes);
            }
        }
    }
}

/// The entry of an answer among the waiting ones.
struct Ticket {
    answers: Arc<Answers>,
    id: u64,
}

impl Ticket {
    /// Records that hyper took a piece. The whole answer stays in memory until hyper takes the last one.
    fn progressed(&self) {
        if let Some(answer) = self.answers.lock().answers.get_mut(&self.id) {
            answer.progress = Instant::now();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiting = self.answers.lock();
        if let Some(answer) = waiting.answers.remove(&self.id) {
            waiting.bytes -= answer.bytes;
        }
    }
}

/// The body of an answer, passed to hyper in pieces.
pub(super) struct AnswerBody {
    body: Body,
    /// The part of the last frame that hyper has not taken yet.
    rest: Bytes,
    /// Whether that frame is passed in several pieces.
    in_pieces: bool,
    ticket: Option<Ticket>,
    _open: OpenRequest,
}

impl AnswerBody {
    pub(super) fn new(
        body: Body,
        answers: &Arc<Answers>,
        connection: &Arc<Connection>,
        is_http2: bool,
        open: OpenRequest,
    ) -> Self {
        if body.size_hint().upper().is_none() {
            connection.is_now_streaming();
        }
        // A stream's own queue bounds its bytes.
        let bytes = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        // A small answer goes into the buffer of its HTTP/1 connection at once; a client can make an answer of any size wait
        // on an HTTP/2 stream.
        let ticket = match is_http2 {
            true => Some(bytes.saturating_add(STREAM_BYTES)),
            false => (bytes > PIECE_BYTES).then_some(bytes),
        };
        Self {
            ticket: ticket.map(|bytes| answers.enter(bytes, connection)),
            body,
            rest: Bytes::new(),
            in_pieces: false,
            _open: open,
        }
    }

    fn next_piece(&mut self) -> Frame<Bytes> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        if let Some(ticket) = &self.ticket {
            ticket.progressed();
        }
        // A slice of the frame would keep the whole frame in memory for as long as hyper holds it.
        match self.in_pieces {
            true => Frame::data(Bytes::copy_from_slice(&piece)),
            false => Frame::data(piece),
        }
    }
}

impl HttpBody for AnswerBody {
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
