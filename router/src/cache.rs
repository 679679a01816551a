//! Answers of subgraphs that are the same for everybody, remembered until what they tell of changes.
//!
//! An answer is remembered by what was asked: a subgraph, a document, the values of its variables. Which fetches that may
//! be is the schema's to say (`@tag(name: "cacheable")`, `supergraph/plan/cacheable.rs`); they are asked as nobody, so
//! what is remembered is what anyone may see. [`Freshness`] knows whether an answer is still good, and says why nothing
//! stale is ever served; nothing here expires by time.

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

/// What is remembered of answers, and what happened to it.
#[derive(Debug, Default)]
pub struct AnswerCache {
    /// None where it is switched off.
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

/// A remembered answer.
#[derive(Debug)]
pub struct Kept {
    /// The answer's data, as the subgraph gave it.
    pub data: Value,
    depends_on: Box<[Slot]>,
    begun: Moment,
}

/// What happened since the start, and how much is remembered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheCounts {
    /// Whether anything is remembered at all.
    pub enabled: bool,
    /// Fetches, or entities of them, that no subgraph was asked for.
    pub hits: u64,
    /// Those that a subgraph had to be asked for.
    pub misses: u64,
    /// Entities that were told to have changed.
    pub invalidations: u64,
    /// Answers that were not remembered, because what they tell of changed while they were on their way.
    pub dropped_fills: u64,
    /// Answers that are remembered; some of them may not be good any more.
    pub entries: u64,
    /// How many answers are remembered at most.
    pub capacity: u64,
}

impl AnswerCache {
    /// As the settings want it.
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

    /// Remembers nothing.
    pub fn off() -> Self {
        Self::default()
    }

    /// Whether anything is remembered at all.
    pub fn is_on(&self) -> bool {
        self.on.is_some()
    }

    /// The answer to this, where it is remembered and still good: a hit, else a miss.
    pub fn get(&self, asked: &Asked<'_>) -> Option<Arc<Kept>> {
        let good = self.hit(asked);
        if good.is_none() && self.is_on() {
            self.misses.fetch_add(1, Ordering::Relaxed);
        }
        good
    }

    /// As [`get`](Self::get), for who will ask again when there is nothing: only a hit is counted.
    pub fn hit(&self, asked: &Asked<'_>) -> Option<Arc<Kept>> {
        let On { kept, freshness, .. } = self.on.as_ref()?;
        let found = kept.get(asked)?;
        if !freshness.is_good(&found.depends_on, found.begun) {
            // Another fill may have come between: that costs a miss, no more.
            kept.invalidate(asked);
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    /// Noted before a subgraph is asked for what may be [kept](Self::keep); `None` where nothing is.
    pub fn begin(&self) -> Option<Moment> {
        self.on.as_ref().map(|on| on.freshness.now())
    }

    /// Remembers an answer that was asked for since `begun` and tells of these entities.
    ///
    /// Not where one of them changed meanwhile, nor where question and answer are bigger than the settings allow.
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

    /// That entity changed. Takes the same time however much is remembered, and waits for nobody.
    pub fn invalidate(&self, typename: &str, key: &str) {
        let Some(on) = &self.on else { return };
        on.freshness.invalidate(Slot::of(typename, key));
        self.invalidations.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets everything: for when nobody can say what changed.
    pub fn forget_all(&self) {
        let Some(on) = &self.on else { return };
        on.freshness.invalidate_all();
        on.kept.invalidate_all();
    }

    /// What happened since the start, and how much is remembered now.
    pub fn counts(&self) -> CacheCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let entries = self.on.as_ref().map_or(0, |on| {
            // What came and went lately is counted with the next tidying.
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

/// About how much memory a tree takes.
fn bytes_of(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Enum(word) => word.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::List(items) => items.iter().map(bytes_of).sum(),
            // A key, a hash and an index beside each value.
            Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + 32 + bytes_of(value)).sum(),
            Value::Null | Value::Number(_) | Value::Boolean(_) => 0,
        }
}
