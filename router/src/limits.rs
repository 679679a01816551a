//! The limits of everything that a caller can send or keep open. Each of them is a setting.

use std::time::Duration;

use contract::settings;

settings! {
    /// The bounds of everything a caller can send or keep open.
    Limits with flags LimitFlags under "Limits" {
        /// Bytes of a request body, and of one WebSocket message.
        body_bytes_max: usize = 1024 * 1024,
        /// Lexical tokens of a GraphQL document.
        query_tokens_max: usize = 10_000,
        /// Levels of nested selections, fragments followed.
        query_depth_max: usize = 30,
        /// Aliases in a document, fragments followed.
        query_aliases_max: usize = 200,
        /// Root fields of an operation, fragments followed.
        query_root_fields_max: usize = 50,
        /// Directives in a document.
        query_directives_max: usize = 100,
        /// Fields of an operation once its fragments are followed: a small document can mean a huge one.
        query_fields_max: usize = 5_000,
        /// Values an answer may have if every page were full: pages inside pages multiply.
        answer_values_max: u64 = 250_000,
        /// Characters of text an answer may have if every page were full of the longest texts.
        answer_text_chars_max: u64 = 32_000_000,
        /// Bytes an answer may have, and may hold in memory while it is made; a long REST list stops there.
        answer_bytes_max: usize = 16 * 1024 * 1024,
        /// Bytes that all answers may hold in memory together while they are made; one more large answer is refused.
        answer_pool_bytes_max: usize = 32 * 1024 * 1024,
        /// Milliseconds a query or mutation may take.
        request_ms_max: u64 = 10_000,
        /// Mutations per minute of all callers together who have not signed in.
        anonymous_writes_per_minute_max: u64 = 1_500_000,
        /// Bytes per minute that those mutations may carry.
        anonymous_write_bytes_per_minute_max: u64 = 64 * 1024 * 1024,
        /// Errors in one response; the rest is counted, not listed.
        errors_max: usize = 100,
        /// Entities one fetch may ask of a subgraph.
        entities_max: usize = 10_000,
        /// Rows of one REST list; a longer one is answered with a `Link` to its rest.
        rest_rows_max: usize = 10_000,
        /// Connections of this process; where there are more, the one that waited longest for its client is closed.
        connections_max: usize = 10_000,
        /// Connections of one client address (of IPv6, of one network of 64 bits) other than this machine; behind a proxy on another machine all clients share its address.
        connections_per_address_max: usize = 1_024,
        /// Requests that one HTTP/2 connection has open at once.
        streams_per_connection_max: u32 = 100,
        /// Bytes of a request's head.
        head_bytes_max: usize = 32 * 1024,
        /// Milliseconds in which the head of a request has to arrive once it has begun.
        head_ms_max: u64 = 10_000,
        /// Milliseconds a connection stays open without a request.
        idle_ms_max: u64 = 75_000,
        /// Milliseconds in which a request body has to arrive.
        body_ms_max: u64 = 30_000,
        /// Milliseconds in which a request body may arrive more slowly than body_bytes_per_second_min.
        body_grace_ms: u64 = 5_000,
        /// Bytes a second with which a request body has to arrive.
        body_bytes_per_second_min: u64 = 1_024,
        /// Request bodies that are being received at once; where there are more, the one that waited longest is refused.
        bodies_max: usize = 4_096,
        /// Bytes of all request bodies that are being received, and of all heads and WebSocket messages; where there are more, the one that waited longest is refused.
        bodies_bytes_max: usize = 32 * 1024 * 1024,
        /// JSON values of a request body, of variables, and of one WebSocket message.
        request_values_max: usize = 10_000,
        /// Bytes that all large requests being answered hold of what was sent; one more is answered 503.
        requests_bytes_max: usize = 48 * 1024 * 1024,
        /// Bytes that all open subscriptions hold of what was sent, beside a few each; one more is refused.
        subscriptions_bytes_max: usize = 64 * 1024 * 1024,
        /// Milliseconds a client may leave an answer unread; then its connection is closed.
        unread_ms_max: u64 = 30_000,
        /// Bytes of all answers that wait to be read; where there are more, the connections whose answers waited longest are closed.
        unread_bytes_max: usize = 48 * 1024 * 1024,
        /// Bytes of answers waiting for a slow subscriber; one more has to wait at its source.
        subscriber_queue_bytes_max: usize = 1024 * 1024,
        /// Requests being answered at once; one more is answered 503.
        requests_max: usize = 1_024,
        /// Open subscriptions of this process; one more is refused.
        subscriptions_max: usize = 10_000,
        /// Open WebSockets of this process; one more is refused.
        sockets_max: usize = 10_000,
        /// Subscriptions of one WebSocket; one more is refused.
        subscriptions_per_socket_max: usize = 100,
        /// Answers waiting for a slow subscriber; one more has to wait at its source.
        subscriber_queue_max: usize = 64,
        /// Milliseconds a subscriber may leave a full queue unread; then its subscription ends.
        subscriber_ms_max: u64 = 5_000,
        /// Milliseconds after which a silent stream over HTTP shows that it is alive.
        keep_alive_ms: u64 = 5_000,
        /// Milliseconds a WebSocket client has for its `connection_init`.
        connection_init_ms_max: u64 = 5_000,
        /// Steps that planning an operation may cost, each at most a microsecond or so: docs/PERFORMANCE.md has how they are counted.
        planning_cost_max: u64 = 100_000,
        /// Steps up to which an operation is cheap to plan; a dearer one waits behind others of its kind only.
        planning_quick_cost_max: u64 = 1_500,
        /// Bytes up to which a document is cheap to validate; a longer one waits with the operations that are dear to plan.
        planning_quick_bytes_max: usize = 4 * 1024,
        /// Milliseconds that planning an operation may take.
        planning_ms_max: u64 = 2_000,
        /// Operations that wait to be validated, or planned, or introspected; one more is answered `UNAVAILABLE`.
        planning_queue_max: usize = 1_024,
        /// Milliseconds that an operation may wait for that.
        planning_wait_ms_max: u64 = 2_000,
        /// Cached query plans.
        plans_max: u64 = 2_000,
        /// Whether answers that are the same for everybody are remembered until what they tell of changes.
        cache_enabled: bool = true,
        /// Remembered answers; the one that was not asked for longest goes first.
        cache_entries_max: u64 = 10_000,
        /// About how many bytes of memory one remembered answer may take; a bigger one is not remembered.
        cache_entry_bytes_max: usize = 16 * 1024,
        /// About how many bytes the answer to an introspection may have.
        introspection_bytes_max: u64 = 4 * 1024 * 1024,
        /// About how many bytes of memory the answers to introspections that are remembered may take.
        introspection_cache_bytes_max: u64 = 16 * 1024 * 1024,
        /// Whether introspection is answered.
        introspection: bool = true,
    }
}

impl Limits {
    /// [`request_ms_max`](Self::request_ms_max) as a duration.
    pub fn request_time_max(&self) -> Duration {
        Duration::from_millis(self.request_ms_max)
    }

    /// [`planning_ms_max`](Self::planning_ms_max) as a duration.
    pub fn planning_time_max(&self) -> Duration {
        Duration::from_millis(self.planning_ms_max)
    }

    /// [`planning_wait_ms_max`](Self::planning_wait_ms_max) as a duration.
    pub fn planning_wait_max(&self) -> Duration {
        Duration::from_millis(self.planning_wait_ms_max)
    }
}
