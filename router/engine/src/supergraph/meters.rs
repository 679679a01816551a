//! The counters of a supergraph: the times and errors of its subgraphs, and the hits of its caches of documents and plans.

use std::time::Instant;

use async_graphql::ServerError;
use foundation::{ErrorCode, ErrorCodeCounts, ErrorCodeSet};
use meters::{Counter, DURATION_BOUNDS_US, Distribution, Histogram};

use super::abort::Abort;
use super::long_operations::LongOperationCounts;
use crate::subgraph::code_of;

/// The counts of a supergraph since its start.
#[derive(Clone, Debug)]
pub struct SupergraphCounts {
    /// The fetches of each subgraph.
    pub subgraphs: Vec<SubgraphCounts>,
    /// The look-ups of valid documents.
    pub documents: LookupCounts,
    /// The look-ups of plans.
    pub plans: LookupCounts,
    /// Operations that were refused because too many waited to be validated or planned.
    pub planning_refusals: u64,
    /// The operations that took long.
    pub long_operations: LongOperationCounts,
}

/// The fetches of a subgraph.
#[derive(Clone, Debug)]
pub struct SubgraphCounts {
    /// The subgraph's name.
    pub name: String,
    /// The microseconds of each fetch.
    pub times_us: Distribution,
    /// The number of fetches whose answers had each code.
    pub errors: Vec<(ErrorCode, u64)>,
}

/// The look-ups in a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupCounts {
    /// Look-ups that found an entry.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// The entries now.
    pub entries: u64,
}

/// The fetches of a subgraph, as they are recorded.
#[derive(Debug)]
pub struct FetchMeter {
    name: String,
    times: Histogram,
    errors: ErrorCodeCounts,
}

impl FetchMeter {
    /// No fetches yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            times: Histogram::new(DURATION_BOUNDS_US),
            errors: ErrorCodeCounts::default(),
        }
    }

    /// Returns the name of the subgraph.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Records a fetch. Returns the codes of its errors.
    pub fn record(&self, begun: Instant, received: Result<&[ServerError], &Abort>) -> ErrorCodeSet {
        self.times.record_since(begun);
        let codes = match received {
            Ok(errors) => errors.iter().filter_map(code_of).collect(),
            Err(abort) => abort.code().into(),
        };
        self.errors.count(codes);
        codes
    }

    /// Returns what has been recorded.
    pub fn counts(&self) -> SubgraphCounts {
        SubgraphCounts {
            name: self.name.clone(),
            times_us: self.times.distribution(),
            errors: self.errors.counts(),
        }
    }
}

/// The look-ups of operations, as they are recorded.
#[derive(Debug, Default)]
pub struct OperationMeters {
    /// The look-ups of valid documents.
    pub documents: LookupMeter,
    /// The look-ups of plans.
    pub plans: LookupMeter,
}

/// The look-ups in a cache, as they are recorded.
#[derive(Debug, Default)]
pub struct LookupMeter {
    /// Look-ups that found an entry.
    pub hits: Counter,
    /// Look-ups that found none.
    pub misses: Counter,
}

impl LookupMeter {
    /// Counts a look-up.
    pub fn count(&self, is_hit: bool) {
        if is_hit {
            self.hits.increment();
        } else {
            self.misses.increment();
        }
    }

    /// Returns what has been recorded, with the present number of entries.
    pub fn counts(&self, entries: u64) -> LookupCounts {
        LookupCounts {
            hits: self.hits.value(),
            misses: self.misses.value(),
            entries,
        }
    }
}
