//! The list of all metrics, from which docs/METRICS.md is generated. Nothing else is exposed.

use std::fmt::Write;

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Its meaning, as one line without a backslash.
    pub help: &'static str,
    /// When it is exposed, if not always.
    pub condition: Option<&'static str>,
}

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only rises, until the process ends.
    Counter,
    /// It rises and falls.
    Gauge,
    /// A distribution.
    Histogram,
}

impl MetricKind {
    /// Returns the word of the text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! metrics {
    ($($(#[$when:ident = $condition:literal])? $constant:ident: $kind:ident $name:literal $labels:tt $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $constant: &Metric = &Metric {
                name: $name,
                kind: MetricKind::$kind,
                labels: &$labels,
                help: $help,
                condition: metrics!(@condition $($condition)?),
            };
        )+

        /// All metrics, in the order in which they are exposed.
        pub const METRICS: &[&Metric] = &[$($constant,)+];
    };
    (@condition) => { None };
    (@condition $condition:literal) => { Some($condition) };
}

metrics! {
    BUILD_INFO: Gauge "agora_build_info" ["version"] "Always 1, with the version of the program.";
    READY: Gauge "agora_ready" ["check"] "Whether the check of GET /ready passes: 1, or 0.";
    OPERATION_SECONDS: Histogram "agora_operation_duration_seconds" ["kind", "transport"] "The time of queries and mutations, from the start of their validation to their encoded answer. Their number is the count.";
    OPERATION_ERRORS: Counter "agora_operation_errors_total" ["kind", "transport", "code"] "Answers that list an error with the code, whether they have data or not. One answer counts once for each of its codes.";
    SUBSCRIPTION_ANSWERS: Counter "agora_subscription_answers_total" ["transport"] "Answers of subscriptions.";
    HTTP_RESPONSES: Counter "agora_http_responses_total" ["class"] "HTTP responses by the class of their status, on all addresses.";
    REST_REQUESTS: Counter "agora_rest_requests_total" ["mount", "class"] "Requests to the REST mounts by the class of their response's status.";
    SUBGRAPH_SECONDS: Histogram "agora_subgraph_fetch_duration_seconds" ["subgraph"] "The time of fetches from a subgraph. Cached fetches are not among them.";
    SUBGRAPH_ERRORS: Counter "agora_subgraph_fetch_errors_total" ["subgraph", "code"] "Fetches from a subgraph whose answer lists an error with the code.";
    DOCUMENT_HITS: Counter "agora_document_cache_hits_total" [] "Operations whose validated document was in the cache.";
    DOCUMENT_MISSES: Counter "agora_document_cache_misses_total" [] "Operations whose document had to be validated.";
    DOCUMENT_ENTRIES: Gauge "agora_document_cache_entries" [] "Validated documents in the cache.";
    NAMED_HITS: Counter "agora_named_document_hits_total" [] "Requests with a hash or an id in place of a document, which was known.";
    NAMED_MISSES: Counter "agora_named_document_misses_total" [] "Requests with a hash or an id in place of a document, which was not known.";
    DOCUMENTS_REGISTERED: Counter "agora_registered_documents_total" [] "Documents that clients registered by their hash.";
    DOCUMENTS_UNTRUSTED: Counter "agora_untrusted_documents_total" [] "Requests with a document that is not trusted, if they are reported or refused (`--untrusted-documents`).";
    PLAN_HITS: Counter "agora_plan_cache_hits_total" [] "Operations whose plan was known.";
    PLAN_MISSES: Counter "agora_plan_cache_misses_total" [] "Operations that had to be planned.";
    PLAN_ENTRIES: Gauge "agora_plan_cache_entries" [] "Plans in the cache.";
    CACHE_HITS: Counter "agora_entity_cache_hits_total" [] "Fetches, and entities of fetches, that the response cache answered.";
    CACHE_MISSES: Counter "agora_entity_cache_misses_total" [] "Fetches, and entities of fetches, that the response cache could hold and did not.";
    CACHE_INVALIDATIONS: Counter "agora_entity_cache_invalidations_total" [] "Changes that were announced to the response cache.";
    CACHE_DROPPED: Counter "agora_entity_cache_dropped_fills_total" [] "Answers that were not cached because their data changed while they were on their way.";
    CACHE_ENTRIES: Gauge "agora_entity_cache_entries" [] "Answers in the response cache, including outdated ones that no request has touched since.";
    REQUESTS_IN_PROGRESS: Gauge "agora_requests_in_progress" [] "Requests that are being answered.";
    SOCKETS_OPEN: Gauge "agora_websockets_open" [] "Open WebSockets.";
    SUBSCRIPTIONS_OPEN: Gauge "agora_subscriptions_open" [] "Open subscriptions.";
    REFUSALS: Counter "agora_refusals_total" ["queue"] "Requests, subscriptions and other work that was refused, or ended, because the named bound was reached.";
    COMMITS: Histogram "agora_commit_writes" [] "The writes of each commit. Their number is the number of commits.";
    WRITES_UNDONE: Counter "agora_writes_undone_total" [] "Writes that left no trace: they returned an error, failed or took too long.";
    COMMITS_SPLIT: Counter "agora_commits_split_total" [] "Shared commits that failed, so that each of their writes ran again alone.";
    WRITE_QUEUE: Gauge "agora_write_queue_length" [] "Writes that wait for their turn.";
    WRITE_WAIT: Histogram "agora_write_wait_seconds" [] "How long each write waited for its turn.";
    READS: Counter "agora_reads_total" [] "Statements that read the database.";
    SLOW_READS: Counter "agora_slow_reads_total" [] "Statements that took longer than a read has on the thread of its request, and ran again aside.";
    LONG_OPERATIONS: Counter "agora_long_operations_total" [] "Operations that moved to the threads for long operations.";
    LONG_RUNNING: Gauge "agora_long_operations_running" [] "Operations on the threads for long operations.";
    #[condition = "of `agora router`"]
    SUPERGRAPHS: Gauge "agora_supergraphs" [] "Supergraphs in memory: the one that is served, and those before it whose requests have not ended.";
    #[condition = "of `agora router`"]
    SUPERGRAPH_RELOADS: Counter "agora_supergraph_reloads_total" ["outcome"] "Changed supergraph files that are served, or were refused.";
    #[condition = "of `agora router`"]
    SUPERGRAPH_REFUSED: Gauge "agora_supergraph_refused" [] "Whether the supergraph file is refused and the last good one is served: 1, or 0.";
    EVENTS: Counter "agora_events_total" [] "Events that were published on the bus.";
    EVENT_LAGS: Counter "agora_event_lags_total" [] "How often a receiver fell so far behind that it lost events and had to read again.";
    EVENTS_LOST: Counter "agora_events_lost_total" [] "Events that such receivers lost.";
    STORAGE_FAILING: Gauge "agora_storage_failing" [] "Whether the storage of the database fails: 1, or 0. The log has the reason.";
    #[condition = "after the first check (`--ledger-check-ms`)"]
    LEDGER_DEVIATIONS: Gauge "agora_ledger_check_deviations" [] "The rows by which money, shares, products or votes do not add up, found by the last check; 0 is right. The log names the rules.";
    #[condition = "after the first check (`--ledger-check-ms`)"]
    LEDGER_CHECKED: Gauge "agora_ledger_check_timestamp_seconds" [] "When the last check of the ledger ended, in seconds since 1970.";
    #[condition = "after the first check (`--ledger-check-ms`)"]
    LEDGER_SECONDS: Gauge "agora_ledger_check_duration_seconds" [] "How long the last check of the ledger held its snapshot.";
    #[condition = "with order replicas"]
    REPLICA_UP: Gauge "agora_order_replica_up" ["replica"] "Whether the order replica answers: 1, or 0.";
    #[condition = "with order replicas"]
    REPLICA_LEADER: Gauge "agora_order_replica_leader" ["replica"] "Whether the order replica leads: 1, or 0.";
    #[condition = "with order replicas"]
    REPLICA_TERM: Gauge "agora_order_replica_term" ["replica"] "The term of an order replica that answers.";
    #[condition = "with order replicas"]
    REPLICA_LAG: Gauge "agora_order_replica_lag_trades" ["replica"] "The trades that an order replica that answers lacks and another one has.";
    #[condition = "with `--otlp-endpoint`"]
    SPANS_EXPORTED: Counter "agora_spans_exported_total" [] "Spans of sampled requests that the collector has accepted.";
    #[condition = "with `--otlp-endpoint`"]
    SPANS_DROPPED: Counter "agora_spans_dropped_total" [] "Spans that were lost, because the queue was full or the collector did not take them.";
    PROCESS_START: Gauge "process_start_time_seconds" [] "When the process started, in seconds since 1970.";
    #[condition = "on Linux"]
    PROCESS_CPU: Counter "process_cpu_seconds_total" [] "The processor time of the process.";
    #[condition = "on Linux"]
    PROCESS_RESIDENT: Gauge "process_resident_memory_bytes" [] "The memory of the process.";
    #[condition = "on Linux"]
    PROCESS_VIRTUAL: Gauge "process_virtual_memory_bytes" [] "The address space of the process.";
    #[condition = "on Linux"]
    PROCESS_THREADS: Gauge "process_threads" [] "The threads of the process.";
    #[condition = "on Linux"]
    PROCESS_FDS: Gauge "process_open_fds" [] "The open file descriptors of the process.";
    #[condition = "on Linux"]
    PROCESS_FDS_MAX: Gauge "process_max_fds" [] "The most file descriptors that the process may open.";
}

/// Returns the table of all metrics for docs/METRICS.md.
pub fn markdown() -> String {
    let mut rows = String::from("| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n");
    for metric in METRICS {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let condition = metric
            .condition
            .map_or_else(String::new, |condition| format!(" Only {condition}."));
        let _ = writeln!(
            rows,
            "| `{}` | {} | {} | {}{condition} |",
            metric.name,
            metric.kind.as_str(),
            labels.join(", "),
            metric.help
        );
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let mut seen = HashSet::new();
        for metric in METRICS {
            let name = metric.name;
            assert!(seen.insert(name), "{name} is twice in the list");
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            assert!(name.bytes().all(plain), "{name}");
            assert_eq!(metric.kind == MetricKind::Counter, name.ends_with("_total"), "{name}");
            assert!(
                !metric.help.contains(['\\', '\n']) && metric.help.ends_with('.'),
                "{name}"
            );
        }
    }
}
