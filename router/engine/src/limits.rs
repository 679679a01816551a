//! The limits of everything that a caller can send or keep open. Each of them is a setting.

use std::time::Duration;

use foundation::settings;

settings! {
    /// The limits of everything that a caller can send or keep open.
    Limits with flags LimitFlags under "Limits" {
        /// Bytes of a request body, and of one WebSocket message.
        body_bytes_max: usize = 1024 * 1024,
        /// Lexical tokens of a GraphQL document.
        query_tokens_max: usize = 10_000,
        /// Levels of nested selections, with fragments expanded.
        query_depth_max: usize = 30,
        /// Aliases in a document, with fragments expanded.
        query_aliases_max: usize = 200,
        /// Root fields of an operation, with fragments expanded.
        query_root_fields_max: usize = 50,
        /// Directives in a document.
        query_directives_max: usize = 100,
        /// Fields of an operation with its fragments expanded: a small document can expand to a huge one.
        query_fields_max: usize = 5_000,
        /// Values of an answer if every page were full; nested pages multiply.
        answer_values_max: u64 = 250_000,
        /// Characters of text in an answer if every page were full of the longest texts.
        answer_text_chars_max: u64 = 32_000_000,
        /// Bytes of an answer, and of its memory while it is built; a longer REST list is cut off there.
        answer_bytes_max: usize = 16 * 1024 * 1024,
        /// Bytes of memory of all answers together while they are built; one more large answer is refused.
        answer_pool_bytes_max: usize = 32 * 1024 * 1024,
        /// Milliseconds a query or mutation may take.
        request_ms_max: u64 = 10_000,
        /// Microseconds that an operation runs on the threads that serve all requests. After them it continues on threads of a lower
        /// priority.
        operation_inline_us_max: u64 = 1_000,
        /// Threads of a lower priority, for long operations; 0 is one per processor.
        long_operation_threads: usize = 0,
        /// The niceness of these threads, on Linux: from 0, where they have no lower priority, to 19.
        long_operation_niceness: u8 = 10,
        /// Long operations at once. One more query is answered `UNAVAILABLE`; a mutation is not, because it may have had effects.
        long_operations_max: usize = 1_024,
        /// Mutations per minute of all anonymous callers together.
        anonymous_writes_per_minute_max: u64 = 1_500_000,
        /// Bytes per minute that those mutations may carry.
        anonymous_write_bytes_per_minute_max: u64 = 64 * 1024 * 1024,
        /// Errors in one response; further ones are counted, not listed.
        errors_max: usize = 100,
        /// Entities that one fetch requests from a subgraph.
        entities_max: usize = 10_000,
        /// Rows of one REST list; a longer one has a `Link` to the next rows.
        rest_rows_max: usize = 10_000,
        /// Connections of this process; one more closes the one that waited longest for its client.
        connections_max: usize = 10_000,
        /// Connections of one client address (for IPv6, of one network of 64 bits) other than this machine. Clients behind a proxy on
        /// another machine share its address.
        connections_per_address_max: usize = 1_024,
        /// Concurrent requests of one HTTP/2 connection.
        streams_per_connection_max: u32 = 100,
        /// Bytes of a request's head.
        head_bytes_max: usize = 32 * 1024,
        /// Milliseconds for the head of a request to arrive, from its first byte.
        head_ms_max: u64 = 10_000,
        /// Milliseconds a connection stays open without a request.
        idle_ms_max: u64 = 75_000,
        /// Milliseconds for a request body to arrive.
        body_ms_max: u64 = 30_000,
        /// Milliseconds for which a request body may arrive more slowly than `body_bytes_per_second_min`.
        body_grace_ms: u64 = 5_000,
        /// The lowest rate at which a request body may arrive, in bytes per second.
        body_bytes_per_second_min: u64 = 1_024,
        /// Request bodies that are being received; one more makes the server refuse the one that waited longest.
        bodies_max: usize = 4_096,
        /// Bytes of all request bodies that are being received, and of all heads and WebSocket messages. Beyond it, the server refuses the
        /// one that waited longest.
        bodies_bytes_max: usize = 32 * 1024 * 1024,
        /// JSON values of a request body, of variables, and of one WebSocket message.
        request_values_max: usize = 10_000,
        /// Bytes of the content of all large requests that are being answered; one more is answered 503.
        requests_bytes_max: usize = 48 * 1024 * 1024,
        /// Bytes of the requests of all open subscriptions, not counting the first few of each; one more is refused.
        subscriptions_bytes_max: usize = 64 * 1024 * 1024,
        /// Milliseconds a client may leave an answer unread; then its connection is closed.
        unread_ms_max: u64 = 30_000,
        /// Bytes of all answers that wait to be read. Beyond it, the connections whose answers waited longest are closed.
        unread_bytes_max: usize = 48 * 1024 * 1024,
        /// Bytes from which an answer is compressed for clients that accept it. A shorter one would hardly get smaller.
        compressed_bytes_min: u64 = 1_024,
        /// Bytes of answers in the queue of a slow subscriber; one more answer waits at its source.
        subscriber_queue_bytes_max: usize = 1024 * 1024,
        /// Requests that are being answered; one more is answered 503.
        requests_max: usize = 1_024,
        /// Open subscriptions of this process; one more is refused.
        subscriptions_max: usize = 10_000,
        /// Open WebSockets of this process; one more is refused.
        sockets_max: usize = 10_000,
        /// Subscriptions of one WebSocket; one more is refused.
        subscriptions_per_socket_max: usize = 100,
        /// Answers in the queue of a slow subscriber; one more waits at its source.
        subscriber_queue_max: usize = 64,
        /// Bytes of the last answers of subscriptions, with their data: subscribers with equal data share one answer.
        shared_answers_bytes_max: usize = 4 * 1024 * 1024,
        /// Milliseconds a subscriber may leave a full queue unread; then its subscription ends.
        subscriber_ms_max: u64 = 5_000,
        /// Milliseconds without data after which a stream over HTTP sends a keep-alive.
        keep_alive_ms: u64 = 5_000,
        /// Milliseconds that a WebSocket client has to send `connection_init`.
        connection_init_ms_max: u64 = 5_000,
        /// Steps that planning an operation may cost, each about a microsecond at most; docs/PERFORMANCE.md explains how they are counted.
        planning_cost_max: u64 = 100_000,
        /// Steps up to which an operation is cheap to plan; an expensive one waits only for other expensive ones.
        planning_quick_cost_max: u64 = 1_500,
        /// Bytes up to which a document is cheap to validate; a longer one waits with the operations that are expensive to plan.
        planning_quick_bytes_max: usize = 4 * 1024,
        /// Milliseconds that planning an operation may take.
        planning_ms_max: u64 = 2_000,
        /// Operations in the queue for validation, planning and introspection; one more is answered `UNAVAILABLE`.
        planning_queue_max: usize = 1_024,
        /// Milliseconds that an operation may wait in that queue.
        planning_wait_ms_max: u64 = 2_000,
        /// Remembered access tokens, whose signatures are not checked again.
        verified_tokens_max: u64 = 10_000,
        /// Cached query plans.
        plans_max: u64 = 2_000,
        /// Bytes of the longest document that is cached, with the name of its operation; a longer one is validated and planned each time.
        cached_document_bytes_max: usize = 32 * 1024,
        /// Whether answers that are the same for every caller are cached until their data changes.
        cache_enabled: bool = true,
        /// Cached answers; the least recently used one is removed first.
        cache_entries_max: u64 = 10_000,
        /// The approximate bytes of memory of one cached answer; a larger one is not cached.
        cache_entry_bytes_max: usize = 16 * 1024,
        /// The approximate bytes of the answer to an introspection.
        introspection_bytes_max: u64 = 4 * 1024 * 1024,
        /// The approximate bytes of memory of all cached answers to introspections.
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

    /// [`operation_inline_us_max`](Self::operation_inline_us_max) as a duration.
    pub fn operation_inline_time(&self) -> Duration {
        Duration::from_micros(self.operation_inline_us_max)
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
