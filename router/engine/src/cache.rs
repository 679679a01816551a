//! A cache of subgraph responses that are the same for every caller, valid until the entities that they depend on change.
//!
//! The key of a response is its subgraph, its document and the values of its variables. The schema decides which fetches
//! are cacheable (`@tag(name: "cacheable")`, `supergraph/plan/cacheable.rs`). They are fetched anonymously, so a cached
//! response contains only data that anyone may see. [`Freshness`] decides whether a cached response is still valid, and
//! has the proof that none is served stale. Entries do not expire by time.

mod freshness;
mod key;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_graphql::Value;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde::Serialize;

pub use self::freshness::{Freshness, Generation, Slot};
pub use self::key::{CacheKeyRef, FetchKey, bytes_of, hash_value};

use self::key::CacheKey;
use crate::limits::Limits;

/// The response cache, with its counters.
#[derive(Debug, Default)]
pub struct ResponseCache {
    /// `None` if the cache is disabled.
    active: Option<ActiveCache>,
    /// Whether this process has no cache, because no changes are reported to it.
    is_absent: bool,
    hits: AtomicU64,
    misses: AtomicU64,
    invalidations: AtomicU64,
    dropped_fills: AtomicU64,
}

#[derive(Debug)]
struct ActiveCache {
    entries: Cache<CacheKey, Arc<CacheEntry>>,
    freshness: Freshness,
    entries_max: u64,
    entry_bytes_max: usize,
}

/// A cached response.
#[derive(Debug)]
pub struct CacheEntry {
    /// The response's data, as the subgraph returned it.
    pub data: Value,
    depends_on: Box<[Slot]>,
    generation: Generation,
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

impl ResponseCache {
    /// A cache with the capacity that the settings have.
    pub fn new(limits: &Limits) -> Self {
        let active = || ActiveCache {
            entries: Cache::builder()
                .max_capacity(limits.cache_entries_max)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            freshness: Freshness::default(),
            entries_max: limits.cache_entries_max,
            entry_bytes_max: limits.cache_entry_bytes_max,
        };
        Self {
            active: limits.cache_enabled.then(active),
            ..Self::disabled()
        }
    }

    /// A disabled cache.
    pub fn disabled() -> Self {
        Self::default()
    }

    /// No cache, for a process that is told of no changes. Unlike those of a disabled cache, the fetches that a cache could answer
    /// are sent with their caller, because the schema makes no promise to this process about what callers may see.
    pub fn absent() -> Self {
        Self {
            is_absent: true,
            ..Self::default()
        }
    }

    /// Whether this process has [no cache](Self::absent).
    pub fn is_absent(&self) -> bool {
        self.is_absent
    }

    /// Whether the cache is enabled.
    pub fn is_enabled(&self) -> bool {
        self.active.is_some()
    }

    /// Returns the cached response if it is still valid, and counts a hit or a miss.
    pub fn get(&self, key: &CacheKeyRef<'_>) -> Option<Arc<CacheEntry>> {
        let entry = self.find(key);
        if entry.is_none() && self.is_enabled() {
            self.misses.fetch_add(1, Ordering::Relaxed);
        }
        entry
    }

    /// As [`get`](Self::get), for a caller that asks again after a miss: only a hit is counted.
    pub fn find(&self, key: &CacheKeyRef<'_>) -> Option<Arc<CacheEntry>> {
        let ActiveCache { entries, freshness, .. } = self.active.as_ref()?;
        let found = entries.get(key)?;
        if !freshness.is_fresh(&found.depends_on, found.generation) {
            // Another fill may have replaced the entry meanwhile, which costs only a miss.
            entries.invalidate(key);
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    /// Returns the moment before a fetch whose response may be [cached](Self::insert); `None` if the cache is disabled.
    pub fn generation(&self) -> Option<Generation> {
        self.active.as_ref().map(|active| active.freshness.current())
    }

    /// Caches a response that was fetched since `generation` and depends on these entities.
    ///
    /// Skips it if one of them changed meanwhile, or if its key and data exceed the size in the settings.
    pub fn insert(&self, key: &CacheKeyRef<'_>, data: &Value, depends_on: Vec<Slot>, generation: Generation) {
        let Some(active) = &self.active else { return };
        if !active.freshness.is_fresh(&depends_on, generation) {
            self.dropped_fills.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if key.bytes().saturating_add(bytes_of(data)) > active.entry_bytes_max {
            return;
        }
        let entry = CacheEntry {
            data: data.clone(),
            depends_on: depends_on.into(),
            generation,
        };
        active.entries.insert(key.to_key(), Arc::new(entry));
    }

    /// Invalidates an entity. Takes constant time and never blocks.
    pub fn invalidate(&self, typename: &str, key: &str) {
        let Some(active) = &self.active else { return };
        active.freshness.invalidate(Slot::of(typename, key));
        self.invalidations.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counters since the start, and the current size.
    pub fn counts(&self) -> CacheCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let entries = self.active.as_ref().map_or(0, |active| {
            // Includes recent insertions and evictions in the count.
            active.entries.run_pending_tasks();
            active.entries.entry_count()
        });
        CacheCounts {
            enabled: self.is_enabled(),
            hits: read(&self.hits),
            misses: read(&self.misses),
            invalidations: read(&self.invalidations),
            dropped_fills: read(&self.dropped_fills),
            entries,
            capacity: self.active.as_ref().map_or(0, |active| active.entries_max),
        }
    }
}
