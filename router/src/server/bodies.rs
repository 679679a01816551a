//! The request bodies that are being received, bounded in number, bytes and time. Their requests hold no permits yet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::limits::Limits;

/// The approximate memory of a parsed JSON value, including several copies.
const VALUE_BYTES: usize = 256;

/// The reason that a request body is incomplete. Reading the body of such a request returns it as the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// It has more bytes than one body may have.
    #[error("the request body has too many bytes")]
    TooLarge,
    /// It did not arrive in time, or too slowly.
    #[error("the request body took too long to arrive")]
    TooSlow,
    /// Too many bodies were being received, and this one had waited longest.
    #[error("too many request bodies are being received")]
    Displaced,
    /// It holds too many JSON values.
    #[error("the request body holds too many JSON values")]
    TooManyValues,
    /// The client ended it early.
    #[error("the request body did not arrive whole")]
    Incomplete,
}

impl BodyError {
    /// Returns the reason among the sources of an error.
    pub(crate) fn find_in(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        causes.find_map(|error| error.downcast_ref::<Self>().copied())
    }

    /// Returns a body that yields only this error.
    pub(crate) fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::once(async move { Err::<Bytes, _>(self) }))
    }
}

/// All bodies that are being received. When there are too many bodies or bytes, the body that has waited longest is dropped.
pub(crate) struct ReceivingBodies {
    count_max: usize,
    bytes_max: usize,
    state: Mutex<ReceivingState>,
}

#[derive(Default)]
struct ReceivingState {
    next: u64,
    bytes: usize,
    bodies: BTreeMap<u64, ReceivingBody>,
}

struct ReceivingBody {
    bytes: usize,
    displace: oneshot::Sender<()>,
}

impl ReceivingBodies {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            count_max: limits.bodies_max,
            bytes_max: limits.bodies_bytes_max,
            state: Mutex::default(),
        }
    }

    fn insert(self: &Arc<Self>, bytes: usize) -> (BodyGuard, oneshot::Receiver<()>) {
        let (displace, displaced) = oneshot::channel();
        let mut state = self.lock();
        state.next += 1;
        let id = state.next;
        state.bytes += bytes;
        state.bodies.insert(id, ReceivingBody { bytes, displace });
        self.enforce_limits(&mut state);
        let guard = BodyGuard {
            bodies: Arc::clone(self),
            id,
        };
        (guard, displaced)
    }

    fn enforce_limits(&self, state: &mut ReceivingState) {
        while state.bytes > self.bytes_max || state.bodies.len() > self.count_max {
            let Some((_, longest)) = state.bodies.pop_first() else {
                return;
            };
            state.bytes -= longest.bytes;
            // A body that has just been completed no longer listens.
            let _ = longest.displace.send(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, ReceivingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry of a body among those that are being received.
struct BodyGuard {
    bodies: Arc<ReceivingBodies>,
    id: u64,
}

impl BodyGuard {
    fn add_bytes(&self, bytes: usize) {
        let mut state = self.bodies.lock();
        let Some(body) = state.bodies.get_mut(&self.id) else {
            return;
        };
        body.bytes += bytes;
        state.bytes += bytes;
        self.bodies.enforce_limits(&mut state);
    }
}

impl Drop for BodyGuard {
    fn drop(&mut self) {
        let mut state = self.bodies.lock();
        if let Some(body) = state.bodies.remove(&self.id) {
            state.bytes -= body.bytes;
        }
    }
}

/// Receives a whole body.
///
/// # Errors
/// When the body exceeds a limit.
pub(crate) async fn receive(body: Body, limits: &Limits, bodies: &Arc<ReceivingBodies>) -> Result<Bytes, BodyError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > limits.body_bytes_max as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut reader = BodyReader {
        body,
        received: BytesMut::new(),
        bytes_max: limits.body_bytes_max,
    };
    // Most bodies arrive with their heads, so they do not wait.
    if let Some(whole) = reader.read_available() {
        return whole;
    }
    // Boxed, so that the futures of the other requests stay small.
    receive_rest(reader, limits, bodies).boxed().await
}

async fn receive_rest(
    mut reader: BodyReader,
    limits: &Limits,
    bodies: &Arc<ReceivingBodies>,
) -> Result<Bytes, BodyError> {
    let (guard, displaced) = bodies.insert(reader.received.len());
    let rate = MinimumRate::new(limits);
    tokio::select! {
        biased;
        received = reader.read_rest(&guard, &rate) => received,
        _ = displaced => Err(BodyError::Displaced),
    }
}

struct BodyReader {
    body: Body,
    received: BytesMut,
    bytes_max: usize,
}

impl BodyReader {
    /// Returns the body if the rest of it has already arrived.
    fn read_available(&mut self) -> Option<Result<Bytes, BodyError>> {
        loop {
            let frame = self.body.frame().now_or_never()?;
            // A body of a single frame is not copied.
            let data = match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) if self.received.is_empty() && self.body.is_end_stream() => {
                    return Some(if data.len() > self.bytes_max {
                        Err(BodyError::TooLarge)
                    } else {
                        Ok(data)
                    });
                }
                Some(Ok(Ok(data))) => data,
                Some(Ok(Err(_trailers))) => continue,
                Some(Err(_)) => return Some(Err(BodyError::Incomplete)),
                None => return Some(Ok(self.received.split().freeze())),
            };
            if let Err(error) = self.add(&data) {
                return Some(Err(error));
            }
        }
    }

    async fn read_rest(&mut self, guard: &BodyGuard, rate: &MinimumRate) -> Result<Bytes, BodyError> {
        loop {
            let deadline = rate.deadline(self.received.len());
            let frame = timeout_at(deadline, self.body.frame()).await;
            match frame.map_err(|_| BodyError::TooSlow)? {
                None => return Ok(self.received.split().freeze()),
                Some(Err(_)) => return Err(BodyError::Incomplete),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.add(&data)?;
                        guard.add_bytes(data.len());
                    }
                }
            }
        }
    }

    fn add(&mut self, data: &[u8]) -> Result<(), BodyError> {
        if self.received.len() + data.len() > self.bytes_max {
            return Err(BodyError::TooLarge);
        }
        self.received.extend_from_slice(data);
        Ok(())
    }
}

/// The minimum speed of a body.
struct MinimumRate {
    began: Instant,
    time_max: Duration,
    grace: Duration,
    bytes_per_second_min: u64,
}

impl MinimumRate {
    fn new(limits: &Limits) -> Self {
        Self {
            began: Instant::now(),
            time_max: Duration::from_millis(limits.body_ms_max),
            grace: Duration::from_millis(limits.body_grace_ms),
            bytes_per_second_min: limits.body_bytes_per_second_min,
        }
    }

    /// Returns the deadline for the next bytes of a body of which `received` bytes have arrived.
    fn deadline(&self, received: usize) -> Instant {
        let earned_ms = (received as u64).saturating_mul(1_000) / self.bytes_per_second_min.max(1);
        let time = self.grace.saturating_add(Duration::from_millis(earned_ms));
        self.began + time.min(self.time_max)
    }
}

/// Returns an upper bound of the JSON values in a text: a value stands at the beginning, after `[`, `{` or `,`.
///
/// This is a scan, not a parser: it allocates no memory, so it can run before any allocation. A text that is not a JSON
/// object or array holds one value.
pub(crate) fn count_json_values(json: &[u8]) -> usize {
    let json = json.trim_ascii_start();
    if !matches!(json.first(), Some(b'{' | b'[')) {
        return 1;
    }
    let mut values = 1;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' | b',' => values += 1,
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    values
}

/// Returns the estimated memory of a parsed request, in bytes.
pub(crate) fn request_memory_bytes(sent: &[u8]) -> usize {
    sent.len() + VALUE_BYTES * count_json_values(sent)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[test]
    fn values_are_counted_without_parsing() {
        let table: [(&str, usize); 8] = [
            ("", 1),
            ("a,b,c", 1),
            ("{}", 2),
            ("[1,2,3]", 4),
            (r#"{"a":[1,2],"b":{"c":"x,y]["}}"#, 6),
            (r#"["\"",2]"#, 3),
            (r#"["\\",2]"#, 3),
            (r#"["unfinished,,,"#, 2),
        ];
        for (json, values) in table {
            assert_eq!(count_json_values(json.as_bytes()), values, "{json}");
        }
    }

    fn never() -> Body {
        Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>())
    }

    #[test]
    fn a_body_must_arrive_at_a_minimum_rate_within_a_time() {
        let began = Instant::now();
        let rate = MinimumRate {
            began,
            time_max: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            bytes_per_second_min: 1_000,
        };
        let table = [(0, 5), (1, 5), (999, 5), (2_000, 7), (25_000, 30), (1_000_000, 30)];
        for (received, seconds) in table {
            assert_eq!((rate.deadline(received) - began).as_secs(), seconds, "{received}");
        }
    }

    #[tokio::test]
    async fn a_stalled_body_is_abandoned() {
        let limits = Limits {
            body_grace_ms: 1,
            ..Limits::default()
        };
        let bodies = Arc::new(ReceivingBodies::new(&limits));
        assert_eq!(receive(never(), &limits, &bodies).await, Err(BodyError::TooSlow));
        assert!(bodies.lock().bodies.is_empty() && bodies.lock().bytes == 0);
    }

    #[tokio::test]
    async fn the_longest_waiting_body_is_evicted() {
        let limits = Limits {
            bodies_max: 1,
            ..Limits::default()
        };
        let bodies = Arc::new(ReceivingBodies::new(&limits));
        let first = tokio::spawn({
            let (limits, bodies) = (limits.clone(), Arc::clone(&bodies));
            async move { receive(never(), &limits, &bodies).await }
        });
        while bodies.lock().bodies.is_empty() {
            tokio::task::yield_now().await;
        }
        let second = receive(never(), &limits, &bodies).now_or_never();
        assert_eq!(second, None);
        assert_eq!(first.await.unwrap(), Err(BodyError::Displaced));
    }
}
