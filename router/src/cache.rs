//! A cache of subgraph responses that are the same for every caller, valid until the entities that they depend on change.
//!
//! The key of a response is its subgraph, its document and the values of its variables. The schema decides which fetches
//! are cacheable (`@tag(name: "cacheable")`, `supergraph/plan/cacheable.rs`). They are fetched anonymously, so a cached
//! response contains only data that anyone may see. [`Freshness`] decides whether a cached response is still valid, and
//! has the proof that none is served stale. Entries do not expire by time.

mod bus;
mod freshness;
mod question;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_graphql::Value;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde::Serialize;

pub use self::bus::CachingBus;
pub use self::freshness::{Freshness, Moment, Slot};
pub use self::question::{Asked, Question, hash_value};

use self::question::Key;
use crate::limits::Limits;

/// The response cache, with its counters.
#[derive(Debug, Default)]
pub struct AnswerCache {
    /// `None` if the cache is disabled.
    on: Option<On>,
    hits: AtomicU64,
    misses: AtomicU64,
    invalidations: AtomicU64,
    dropped_fills: AtomicU64,
}

#[derive(Debug)]
struct On {
    kept: Cache<Key, Arc<Kept>>,
    freshness: Freshness,
    entries_max: u64,
    entry_bytes_max: usize,
}

/// A cached response.
#[derive(Debug)]
pub struct Kept {
    /// The response's data, as the subgraph returned it.
    pub data: Value,
    depends_on: Box<[Slot]>,
    begun: Moment,
}

/// The counters since the start, and the current size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheCounts {
    /// Whether the cache is enabled.
    pub enabled: bool,
    /// Fetches, or entities of fetches, that the cache answered.
    pub hits: u64,
    /// Fetches, or entities of fetches, that a subgraph had to answer.
    pub misses: u64,
    /// Entities that were reported as changed.
    pub invalidations: u64,
    /// Responses that were not cached, because an entity that they depend on changed during the fetch.
    pub dropped_fills: u64,
    /// Cached responses; some of them may be stale.
    pub entries: u64,
    /// The most responses that are cached.
    pub capacity: u64,
}

impl AnswerCache {
    /// A cache with the capacity that the settings have.
    pub fn new(limits: &Limits) -> Self {
        let on = || On {
            kept: Cache::builder()
                .max_capacity(limits.cache_entries_max)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            freshness: Freshness::default(),
            entries_max: limits.cache_entries_max,
            entry_bytes_max: limits.cache_entry_bytes_max,
        };
        Self {
            on: limits.cache_enabled.then(on),
            ..Self::off()
        }
    }

    /// A disabled cache.
    pub fn off() -> Self {
        Self::default()
    }

    /// Whether the cache is enabled.
    pub fn is_on(&self) -> bool {
        self.on.is_some()
    }

    /// Returns the cached response if it is still valid, and counts a hit or a miss.
    pub fn get(&self, asked: &Asked<'_>) -> Option<Arc<Kept>> {
        let good = self.hit(asked);
        if good.is_none() && self.is_on() {
            self.misses.fetch_add(1, Ordering::Relaxed);
        }
        good
    }

    /// As [`get`](Self::get), for a caller that asks again after a miss: only a hit is counted.
    pub fn hit(&self, asked: &Asked<'_>) -> Option<Arc<Kept>> {
        let On { kept, freshness, .. } = self.on.as_ref()?;
        let found = kept.get(asked)?;
        if !freshness.is_good(&found.depends_on, found.begun) {
            // Another fill may have replaced the entry meanwhile, which costs only a miss.
            kept.invalidate(asked);
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    /// Returns the moment before a fetch whose response may be [cached](Self::keep); `None` if the cache is disabled.
    pub fn begin(&self) -> Option<Moment> {
        self.on.as_ref().map(|on| on.freshness.now())
    }

    /// Caches a response that was fetched since `begun` and depends on these entities.
    ///
    /// Skips it if one of them changed meanwhile, or if its key and data exceed the size in the settings.
    pub fn keep(&self, asked: &Asked<'_>, data: &Value, depends_on: Vec<Slot>, begun: Moment) {
        let Some(on) = &self.on else { return };
        if !on.freshness.is_good(&depends_on, begun) {
            self.dropped_fills.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if asked.bytes().saturating_add(bytes_of(data)) > on.entry_bytes_max {
            return;
        }
        let kept = Kept {
            data: data.clone(),
            depends_on: depends_on.into(),
            begun,
        };
        on.kept.insert(asked.to_key(), Arc::new(kept));
    }

    /// Invalidates an entity. Takes constant time and never blocks.
    pub fn invalidate(&self, typename: &str, key: &str) {
        let Some(on) = &self.on else { return };
        on.freshness.invalidate(Slot::of(typename, key));
        self.invalidations.fetch_add(1, Ordering::Relaxed);
    }

    /// Clears the cache, for when it is not known which entities changed.
    pub fn forget_all(&self) {
        let Some(on) = &self.on else { return };
        on.freshness.invalidate_all();
        on.kept.invalidate_all();
    }

    /// Returns the counters since the start, and the current size.
    pub fn counts(&self) -> CacheCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let entries = self.on.as_ref().map_or(0, |on| {
            // Includes recent insertions and evictions in the count.
            on.kept.run_pending_tasks();
            on.kept.entry_count()
        });
        CacheCounts {
            enabled: self.is_on(),
            hits: read(&self.hits),
            misses: read(&self.misses),
            invalidations: read(&self.invalidations),
            dropped_fills: read(&self.dropped_fills),
            entries,
            capacity: self.on.as_ref().map_or(0, |on| on.entries_max),
        }
    }
}

/// Returns the approximate memory of a tree.
fn bytes_of(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Enum(word) => word.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::List(items) => items.iter().map(bytes_of).sum(),
            // Every value of an object also takes a key, a hash and an index.
            Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + 32 + bytes_of(value)).sum(),
            Value::Null | Value::Number(_) | Value::Boolean(_) => 0,
        }
}
