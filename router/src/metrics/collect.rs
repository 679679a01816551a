//! Reads all metrics and writes them.

use std::sync::Arc;

use contract::{BusCounts, Clock, Services};
use order_log::FrontEnd;
use tokio::sync::Semaphore;

use super::catalogue::{self as metric, Metric};
use super::exposition::{Exposition, Unit, seconds};
use super::order_replicas;
use super::process::ProcessFigures;
use crate::cache::ResponseCache;
use crate::documents::DocumentMeters;
use crate::gateway::Gateway;
use crate::ledger_check::{LedgerCheck, LedgerCheckResult};
use crate::readiness::Readiness;
use crate::reload_status::ReloadStatus;
use crate::request_meters::{RequestMeters, kind_label};
use crate::supergraph::{LookupCounts, ReloadableSupergraph, Supergraph};
use crate::traces::Traces;

/// Reads the metrics of a server. Cheap to clone.
#[derive(Clone)]
pub struct Collector(Arc<State>);

/// The parts of a server that have figures.
pub struct Sources {
    /// The listeners' state.
    pub gateway: Gateway,
    /// The graph.
    pub graph: ReloadableSupergraph,
    /// The reloads of its file; `None` if it is part of this program.
    pub reloads: Option<ReloadStatus>,
    /// The cache of responses.
    pub cache: Arc<ResponseCache>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The database and the bus; `None` for a router over remote subgraphs.
    pub services: Option<Services>,
    /// The client of the order replicas, if there are any.
    pub order_replicas: Option<FrontEnd>,
    /// The checks of `GET /ready`.
    pub readiness: Readiness,
    /// The check that the tables add up; `None` for a router over remote subgraphs.
    pub ledger_check: Option<LedgerCheck>,
    /// The traces, if a collector receives any.
    pub traces: Option<Arc<Traces>>,
}

struct State {
    sources: Sources,
    started_us: i64,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

impl Collector {
    /// Reads these parts from now on.
    pub fn new(sources: Sources) -> Self {
        let started_us = sources.clock.now_us();
        Self(Arc::new(State { sources, started_us }))
    }

    /// Returns all metrics in the text format of Prometheus. It asks the order replicas, each for as long as a ping may take.
    pub async fn text(&self) -> String {
        let State { sources, started_us } = &*self.0;
        let mut out = Exposition::default();
        out.metric(metric::BUILD_INFO)
            .value(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        let report = sources.readiness.check().await;
        let mut ready = out.metric(metric::READY);
        for check in &report.checks {
            ready.value(&[("check", check.name)], u8::from(check.failure.is_none()));
        }
        write_requests(&mut out, &sources.gateway.permits.meters);
        let graph = sources.graph.current();
        write_graph(&mut out, &graph, &sources.cache);
        write_documents(&mut out, &sources.gateway.documents.meters);
        write_open(&mut out, &sources.gateway);
        write_refusals(&mut out, sources, &graph);
        if let Some(services) = &sources.services {
            write_database(&mut out, services);
        }
        write_long_operations(&mut out, &graph);
        if let Some(reloads) = &sources.reloads {
            write_reloads(&mut out, sources.graph.graphs_in_memory(), reloads);
        }
        if let Some(services) = &sources.services {
            write_events(&mut out, services.bus.counts());
            let is_failing = services.db.storage().failure_reason().is_some();
            out.value(metric::STORAGE_FAILING, u8::from(is_failing));
        }
        if let Some(result) = sources.ledger_check.as_ref().and_then(LedgerCheck::last) {
            write_ledger_check(&mut out, result);
        }
        if let Some(front_end) = &sources.order_replicas {
            order_replicas::write(&mut out, &front_end.statuses().await);
        }
        if let Some(traces) = &sources.traces {
            let counts = traces.counts();
            out.value(metric::SPANS_EXPORTED, counts.exported);
            out.value(metric::SPANS_DROPPED, counts.dropped);
        }
        write_process(&mut out, *started_us);
        out.into_text()
    }
}

fn write_requests(out: &mut Exposition, meters: &RequestMeters) {
    let mut times = out.metric(metric::OPERATION_SECONDS);
    for (kind, transport, meter) in meters.operations() {
        let labels = [("kind", kind_label(kind)), ("transport", transport.label())];
        times.distribution(&labels, &meter.times.distribution(), Unit::Microseconds);
    }
    let mut errors = out.metric(metric::OPERATION_ERRORS);
    let answered = meters
        .operations()
        .map(|(kind, transport, meter)| (kind_label(kind), transport, &meter.errors));
    let subscribed = meters
        .subscriptions()
        .map(|(transport, meter)| ("subscription", transport, &meter.errors));
    for (kind, transport, counts) in answered.chain(subscribed) {
        for (code, count) in counts.counts() {
            let labels = [
                ("kind", kind),
                ("transport", transport.label()),
                ("code", code.as_str()),
            ];
            errors.value(&labels, count);
        }
    }
    let mut answers = out.metric(metric::SUBSCRIPTION_ANSWERS);
    for (transport, meter) in meters.subscriptions() {
        answers.value(&[("transport", transport.label())], meter.answers.value());
    }
    let mut responses = out.metric(metric::HTTP_RESPONSES);
    for (class, count) in meters.responses() {
        responses.value(&[("class", class)], count);
    }
    let mut rest = out.metric(metric::REST_REQUESTS);
    for (mount, class, count) in meters.rest() {
        rest.value(&[("mount", mount), ("class", class)], count);
    }
}

fn write_graph(out: &mut Exposition, graph: &Supergraph, cache: &ResponseCache) {
    let counts = graph.counts();
    let mut times = out.metric(metric::SUBGRAPH_SECONDS);
    for subgraph in &counts.subgraphs {
        let label = subgraph.name.to_ascii_lowercase();
        times.distribution(&[("subgraph", &label)], &subgraph.times_us, Unit::Microseconds);
    }
    let mut errors = out.metric(metric::SUBGRAPH_ERRORS);
    for subgraph in &counts.subgraphs {
        let label = subgraph.name.to_ascii_lowercase();
        for (code, count) in &subgraph.errors {
            errors.value(&[("subgraph", &label), ("code", code.as_str())], count);
        }
    }
    let mut lookups = |[hits, misses, entries]: [&'static Metric; 3], counts: LookupCounts| {
        out.value(hits, counts.hits);
        out.value(misses, counts.misses);
        out.value(entries, counts.entries);
    };
    let names = [metric::DOCUMENT_HITS, metric::DOCUMENT_MISSES, metric::DOCUMENT_ENTRIES];
    lookups(names, counts.documents);
    let names = [metric::PLAN_HITS, metric::PLAN_MISSES, metric::PLAN_ENTRIES];
    lookups(names, counts.plans);
    let counts = cache.counts();
    out.value(metric::CACHE_HITS, counts.hits);
    out.value(metric::CACHE_MISSES, counts.misses);
    out.value(metric::CACHE_INVALIDATIONS, counts.invalidations);
    out.value(metric::CACHE_DROPPED, counts.dropped_fills);
    out.value(metric::CACHE_ENTRIES, counts.entries);
}

fn write_documents(out: &mut Exposition, meters: &DocumentMeters) {
    out.value(metric::NAMED_HITS, meters.hits.value());
    out.value(metric::NAMED_MISSES, meters.misses.value());
    out.value(metric::DOCUMENTS_REGISTERED, meters.registered.value());
    out.value(metric::DOCUMENTS_UNTRUSTED, meters.untrusted.value());
}

fn write_open(out: &mut Exposition, gateway: &Gateway) {
    let taken = |left: &Semaphore, most: usize| most.min(Semaphore::MAX_PERMITS) - left.available_permits();
    let (permits, limits) = (&gateway.permits, &gateway.limits);
    let requests = taken(&permits.requests, limits.requests_max);
    out.value(metric::REQUESTS_IN_PROGRESS, requests);
    out.value(metric::SOCKETS_OPEN, taken(&permits.sockets, limits.sockets_max));
    let subscriptions = taken(&permits.subscriptions, limits.subscriptions_max);
    out.value(metric::SUBSCRIPTIONS_OPEN, subscriptions);
}

/// Writes what requests have counted, and what the graph and the database have refused themselves.
fn write_refusals(out: &mut Exposition, sources: &Sources, graph: &Supergraph) {
    let graph = graph.counts();
    let writes = sources.services.as_ref().map(|services| services.db.stats().refused);
    let others = [
        ("planning", graph.planning_refusals),
        ("long_operations", graph.long_operations.refused),
    ];
    let others = others.into_iter().chain(writes.map(|count| ("writes", count)));
    let mut refusals = out.metric(metric::REFUSALS);
    for (queue, count) in sources.gateway.permits.meters.refusals().chain(others) {
        refusals.value(&[("queue", queue)], count);
    }
}

fn write_database(out: &mut Exposition, services: &Services) {
    let (stats, distributions) = (services.db.stats(), services.db.write_distributions());
    out.metric(metric::COMMITS)
        .distribution(&[], &distributions.group_sizes, Unit::One);
    out.value(metric::WRITES_UNDONE, stats.undone);
    out.value(metric::COMMITS_SPLIT, stats.split);
    out.value(metric::WRITE_QUEUE, stats.waiting);
    out.metric(metric::WRITE_WAIT)
        .distribution(&[], &distributions.waits_us, Unit::Microseconds);
    out.value(metric::READS, stats.reads);
    out.value(metric::SLOW_READS, stats.slow_reads);
}

fn write_long_operations(out: &mut Exposition, graph: &Supergraph) {
    let counts = graph.long_operations().counts();
    out.value(metric::LONG_OPERATIONS, counts.moved);
    out.value(metric::LONG_RUNNING, counts.running);
}

fn write_reloads(out: &mut Exposition, graphs_in_memory: usize, reloads: &ReloadStatus) {
    out.value(metric::SUPERGRAPHS, graphs_in_memory);
    let mut outcomes = out.metric(metric::SUPERGRAPH_RELOADS);
    outcomes.value(&[("outcome", "served")], reloads.served());
    outcomes.value(&[("outcome", "refused")], reloads.refused());
    out.value(metric::SUPERGRAPH_REFUSED, u8::from(reloads.is_refused()));
}

fn write_events(out: &mut Exposition, counts: BusCounts) {
    out.value(metric::EVENTS, counts.published);
    out.value(metric::EVENT_LAGS, counts.lags);
    out.value(metric::EVENTS_LOST, counts.lost);
}

fn write_ledger_check(out: &mut Exposition, result: LedgerCheckResult) {
    out.value(metric::LEDGER_DEVIATIONS, result.deviations);
    out.value(metric::LEDGER_CHECKED, seconds(result.at_us.max(0).unsigned_abs()));
    let took_us = u64::try_from(result.took.as_micros()).unwrap_or(u64::MAX);
    out.value(metric::LEDGER_SECONDS, seconds(took_us));
}

fn write_process(out: &mut Exposition, started_us: i64) {
    out.value(metric::PROCESS_START, seconds(started_us.max(0).unsigned_abs()));
    let figures = ProcessFigures::read();
    if let Some(cpu) = &figures.cpu_seconds {
        out.value(metric::PROCESS_CPU, cpu);
    }
    let numbers = [
        (metric::PROCESS_RESIDENT, figures.resident_bytes),
        (metric::PROCESS_VIRTUAL, figures.virtual_bytes),
        (metric::PROCESS_THREADS, figures.threads),
        (metric::PROCESS_FDS, figures.open_fds),
        (metric::PROCESS_FDS_MAX, figures.max_fds),
    ];
    for (metric, value) in numbers {
        if let Some(value) = value {
            out.value(metric, value);
        }
    }
}
