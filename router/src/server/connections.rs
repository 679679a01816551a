//! The connections of this process, bounded in total and per client address, and the state that each of them waits in.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use contract::client_network;
use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::limits::Limits;

/// All connections of this process.
pub(crate) struct Connections {
    bounds: ConnectionLimits,
    began: Instant,
    all: Mutex<ConnectionTable>,
    /// Bytes of partially received heads and messages.
    partial_bytes: AtomicUsize,
    itself: Weak<Self>,
}

struct ConnectionLimits {
    connections: usize,
    per_address: usize,
    partial_bytes: usize,
    head: Duration,
    idle: Duration,
    unread: Duration,
}

#[derive(Default)]
struct ConnectionTable {
    next: u64,
    open: HashMap<u64, Arc<Connection>>,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection, with the facts that tell whether it waits for its client.
pub(crate) struct Connection {
    id: u64,
    peer: SocketAddr,
    connections: Weak<Connections>,
    began: Instant,
    /// Requests that have begun and whose answers hyper has not taken yet.
    requests: AtomicUsize,
    has_sent_request: AtomicBool,
    is_http2: AtomicBool,
    is_websocket: AtomicBool,
    /// Whether an answer is a stream, which can last as long as a WebSocket.
    is_streaming: AtomicBool,
    /// Whether a request body is left unread, so that closing at once could cost the client its answer.
    lingers: AtomicBool,
    /// Bytes of the partially received head or message.
    partial_bytes: AtomicUsize,
    /// The time at which the last request ended or the last byte was sent.
    progress_ms: AtomicU64,
    /// The time at which the current head began to arrive; 0 if there is none.
    head_began_ms: AtomicU64,
    /// The time since which the client accepts no more bytes; 0 if it accepts them.
    blocked_ms: AtomicU64,
    is_cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Connections {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        let bounds = ConnectionLimits {
            connections: limits.connections_max,
            per_address: limits.connections_per_address_max,
            partial_bytes: limits.bodies_bytes_max,
            head: Duration::from_millis(limits.head_ms_max),
            idle: Duration::from_millis(limits.idle_ms_max),
            unread: Duration::from_millis(limits.unread_ms_max),
        };
        Arc::new_cyclic(|itself| Self {
            bounds,
            began: Instant::now(),
            all: Mutex::default(),
            partial_bytes: AtomicUsize::new(0),
            itself: Weak::clone(itself),
        })
    }

    /// Admits a new connection. At the limit, closes the connection that has waited longest for its client; returns `None`
    /// if no connection waits.
    pub(super) fn admit(&self, peer: SocketAddr) -> Option<Arc<Connection>> {
        let mut all = self.lock();
        let address = client_network(peer.ip());
        // A proxy on this machine forwards the requests of many clients.
        let of_address = all.by_address.get(&address).copied().unwrap_or(0);
        if !address.is_loopback() && of_address >= self.bounds.per_address {
            all.cut_longest_waiting(|other| client_network(other.peer.ip()) == address)?;
        }
        if all.open.len() >= self.bounds.connections {
            all.cut_longest_waiting(|_| true)?;
        }
        all.next += 1;
        let connection = Arc::new(Connection {
            id: all.next,
            peer,
            connections: Weak::clone(&self.itself),
            began: self.began,
            requests: AtomicUsize::new(0),
            has_sent_request: AtomicBool::new(false),
            is_http2: AtomicBool::new(false),
            is_websocket: AtomicBool::new(false),
            is_streaming: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
            partial_bytes: AtomicUsize::new(0),
            progress_ms: AtomicU64::new(0),
            head_began_ms: AtomicU64::new(0),
            blocked_ms: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        });
        connection.record_progress();
        all.open.insert(connection.id, Arc::clone(&connection));
        *all.by_address.entry(address).or_default() += 1;
        Some(connection)
    }

    /// Closes the connection that has waited longest for its client, if one does.
    pub(super) fn close_longest_waiting(&self) {
        self.lock().cut_longest_waiting(|_| true);
    }

    /// Closes the connections that have exceeded their time limits.
    pub(crate) fn sweep(&self) {
        let now_ms = elapsed_ms(self.began);
        for connection in self.lock().open.values() {
            if connection.is_overdue(&self.bounds, now_ms) {
                connection.cut();
            }
        }
    }

    fn add_partial_bytes(&self, bytes: usize) {
        let total = self.partial_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if total > self.bounds.partial_bytes {
            let all = self.lock();
            let mut largest: Vec<_> = all.open.values().filter(|connection| !connection.is_cut()).collect();
            largest.sort_unstable_by_key(|connection| Reverse(connection.partial_bytes.load(Ordering::Relaxed)));
            // Frees a quarter of the limit at once, so that not every arriving byte searches for room.
            for connection in largest {
                if self.partial_bytes.load(Ordering::Relaxed) <= self.bounds.partial_bytes / 4 * 3 {
                    break;
                }
                connection.cut();
                connection.clear_partial_bytes(self);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionTable> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionTable {
    /// Closes the connection that has waited longest: first those that never sent a request, WebSockets and streams last.
    fn cut_longest_waiting(&mut self, of: impl Fn(&Connection) -> bool) -> Option<()> {
        let waiting = self
            .open
            .values()
            .filter(|connection| connection.is_waiting() && of(connection));
        let longest = waiting.min_by_key(|connection| {
            let priority =
                u8::from(connection.has_sent_request.load(Ordering::Relaxed)) + u8::from(connection.is_long_lived());
            (priority, connection.progress_ms.load(Ordering::Relaxed), connection.id)
        })?;
        longest.cut();
        let (id, address) = (longest.id, client_network(longest.peer.ip()));
        self.remove(id, address);
        Some(())
    }

    fn remove(&mut self, id: u64, address: IpAddr) {
        if self.open.remove(&id).is_none() {
            return;
        }
        if let Some(left) = self.by_address.get_mut(&address) {
            *left -= 1;
            if *left == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

fn elapsed_ms(began: Instant) -> u64 {
    // Never 0, which stands for no time.
    u64::try_from(began.elapsed().as_millis())
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

impl Connection {
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Counts a request until the returned value is dropped.
    pub(super) fn begin_request(self: &Arc<Self>, is_http2: bool) -> OpenRequest {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.has_sent_request.store(true, Ordering::Relaxed);
        if is_http2 {
            self.is_http2.store(true, Ordering::Relaxed);
        }
        self.head_began_ms.store(0, Ordering::Relaxed);
        self.record_message();
        OpenRequest(Arc::clone(self))
    }

    /// Records that the connection now carries a WebSocket.
    pub(crate) fn mark_websocket(&self) {
        self.is_websocket.store(true, Ordering::Relaxed);
        self.record_progress();
    }

    /// Records that an answer is a stream.
    pub(super) fn mark_streaming(&self) {
        self.is_streaming.store(true, Ordering::Relaxed);
    }

    /// Records that a head or message has arrived completely.
    pub(crate) fn record_message(&self) {
        if self.partial_bytes.load(Ordering::Relaxed) > 0
            && let Some(connections) = self.connections.upgrade()
        {
            self.clear_partial_bytes(&connections);
        }
        self.record_progress();
    }

    /// Records that a request body is left unread: before the connection closes, the client gets time to read its answer.
    pub(crate) fn mark_lingering(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    pub(super) fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    /// Ends the connection: reading and writing fail from now on.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    pub(super) fn reader(&self) -> &AtomicWaker {
        &self.reader
    }

    pub(super) fn writer(&self) -> &AtomicWaker {
        &self.writer
    }

    /// Records bytes that have arrived.
    pub(super) fn record_read(&self, bytes: &[u8]) {
        let is_websocket = self.is_websocket.load(Ordering::Relaxed);
        if !is_websocket {
            if self.is_http2.load(Ordering::Relaxed) || self.requests.load(Ordering::Relaxed) > 0 {
                return;
            }
            if self.head_began_ms.load(Ordering::Relaxed) == 0 {
                // The preface of HTTP/2 does not begin a request.
                if !self.has_sent_request.load(Ordering::Relaxed) && bytes.starts_with(b"PRI") {
                    self.is_http2.store(true, Ordering::Relaxed);
                    return;
                }
                self.head_began_ms.store(elapsed_ms(self.began), Ordering::Relaxed);
            }
        }
        self.partial_bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        if let Some(connections) = self.connections.upgrade() {
            connections.add_partial_bytes(bytes.len());
        }
    }

    /// Records that bytes were sent.
    pub(super) fn record_write(&self) {
        self.blocked_ms.store(0, Ordering::Relaxed);
        self.record_progress();
    }

    /// Records that the client accepts no more bytes at the moment.
    pub(super) fn mark_blocked(&self) {
        let now_ms = elapsed_ms(self.began);
        let _ = self
            .blocked_ms
            .compare_exchange(0, now_ms, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Records that the transport is closed.
    pub(super) fn record_closed(&self) {
        if let Some(connections) = self.connections.upgrade() {
            self.clear_partial_bytes(&connections);
            connections.lock().remove(self.id, client_network(self.peer.ip()));
        }
    }

    fn clear_partial_bytes(&self, connections: &Connections) {
        let bytes = self.partial_bytes.swap(0, Ordering::Relaxed);
        connections.partial_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn record_progress(&self) {
        self.progress_ms.store(elapsed_ms(self.began), Ordering::Relaxed);
    }

    fn is_long_lived(&self) -> bool {
        self.is_websocket.load(Ordering::Relaxed) || self.is_streaming.load(Ordering::Relaxed)
    }

    /// Whether the connection waits for its client.
    fn is_waiting(&self) -> bool {
        !self.is_cut()
            && (self.requests.load(Ordering::Relaxed) == 0
                || self.is_long_lived()
                || self.blocked_ms.load(Ordering::Relaxed) != 0)
    }

    fn is_overdue(&self, bounds: &ConnectionLimits, now_ms: u64) -> bool {
        let is_past = |since_ms: u64, time: Duration| {
            since_ms != 0 && u128::from(now_ms.saturating_sub(since_ms)) > time.as_millis()
        };
        if is_past(self.blocked_ms.load(Ordering::Relaxed), bounds.unread) {
            return true;
        }
        let is_idle = self.requests.load(Ordering::Relaxed) == 0 && !self.is_websocket.load(Ordering::Relaxed);
        is_idle
            && (is_past(self.head_began_ms.load(Ordering::Relaxed), bounds.head)
                || is_past(self.progress_ms.load(Ordering::Relaxed), bounds.idle))
    }
}

/// A request that has begun and whose answer hyper has not taken yet.
pub(super) struct OpenRequest(Arc<Connection>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.is_streaming.store(false, Ordering::Relaxed);
        }
        self.0.record_progress();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(limits: Limits) -> Arc<Connections> {
        Connections::new(&limits)
    }

    fn peer(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 1)
    }

    #[test]
    fn the_connection_longest_idle_for_its_client_is_evicted() {
        let all = connections(Limits {
            connections_max: 2,
            ..Limits::default()
        });
        let first = all.admit(peer("127.0.0.1")).unwrap();
        let second = all.admit(peer("127.0.0.1")).unwrap();
        drop(first.begin_request(false));
        let third = all.admit(peer("127.0.0.1")).unwrap();
        assert!(
            second.is_cut() && !first.is_cut(),
            "the one that never asked goes first"
        );
        let (_busy, _busier) = (first.begin_request(false), third.begin_request(false));
        assert!(
            all.admit(peer("127.0.0.1")).is_none(),
            "those that are being answered stay"
        );
    }

    #[test]
    fn connections_per_address_are_limited_except_for_loopback() {
        let all = connections(Limits {
            connections_per_address_max: 1,
            ..Limits::default()
        });
        let first = all.admit(peer("2001:db8::1")).unwrap();
        let other = all.admit(peer("2001:db8:0:1::1")).unwrap();
        let second = all.admit(peer("2001:db8::2")).unwrap();
        assert!(first.is_cut() && !other.is_cut() && !second.is_cut());
        let here = [all.admit(peer("127.0.0.1")), all.admit(peer("127.0.0.1"))];
        assert!(here.iter().flatten().all(|connection| !connection.is_cut()));
        second.record_closed();
        assert_eq!(all.lock().by_address.len(), 2);
    }

    #[test]
    fn every_wait_for_a_client_has_a_timeout() {
        let all = connections(Limits {
            head_ms_max: 10_000,
            idle_ms_max: 100_000,
            unread_ms_max: 50_000,
            ..Limits::default()
        });
        let open = || all.admit(peer("127.0.0.1")).unwrap();
        let (idle, slow, unread, busy, preface) = (open(), open(), open(), open(), open());
        slow.record_read(b"GET");
        unread.mark_blocked();
        preface.record_read(b"PRI * HTTP/2.0");
        let _request = busy.begin_request(false);
        let now_ms = elapsed_ms(all.began);
        let overdue = |after_ms: u64| {
            [&idle, &slow, &unread, &busy, &preface]
                .map(|connection| connection.is_overdue(&all.bounds, now_ms + after_ms))
        };
        assert_eq!(overdue(0), [false; 5]);
        assert_eq!(overdue(10_001), [false, true, false, false, false]);
        assert_eq!(overdue(50_001), [false, true, true, false, false]);
        assert_eq!(overdue(100_001), [true, true, true, false, true]);
    }
}
