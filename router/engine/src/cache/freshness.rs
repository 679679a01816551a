//! Decides whether a cached entity may still be valid, with one counter and a table of numbers and without locks.
//!
//! Every invalidation takes the next number of one counter and stores it in the slot of its entity (a hash of type and
//! key; two entities that share a slot only cost a miss). A fill notes the counter *before* it sends its fetch. Its
//! response is valid as long as no slot that it depends on exceeds that note.
//!
//! # Why nothing stale is served
//!
//! Writer `W` commits, invalidates with number `s`, and answers. Reader `R` sends a request after that answer. Let `F`
//! be a fill whose subgraph read the database before the commit of `W`, and `b` its note. Then `R` does not receive the
//! response of `F`:
//!
//! 1. `b < s`. Suppose not. Then the load that gave `b` read from `W`'s `fetch_add`, or from a later one: all of them
//!    are read-modify-writes, so they belong to the release sequence that `W`'s begins. The load acquires, the
//!    `fetch_add` releases: `W`'s commit, which came before its `fetch_add`, happened before the load, and the load
//!    before `F` sent its fetch. A read that begins after a commit sees it, which `F`'s did not.
//! 2. `R` finds at least `s` in the slot. `W`'s `fetch_max` came before its answer, its answer before `R`'s request:
//!    one happened before the other, whatever carried them (a channel, a socket), and a slot only ever rises. So `R`
//!    sees `slot >= s > b` and treats the response of `F` as a miss.
//!
//! This rests on domains that publish after their commit and before they answer (`contract::Tx::publish`), and on
//! the bus that invalidates before it passes an event on (`InvalidatingBus` of the router).
//!
//! One case is *not* promised. Between `W`'s commit and its invalidation, one reader may see the new value by an
//! uncached way while another one sees the old value from the cache. Both sent their requests before `W` was answered.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of slots: a power of two, so that the last bits of a hash select a slot. 512 KiB in all.
const SLOTS: usize = 1 << 16;

/// The last invalidation of each entity.
#[derive(Debug)]
pub struct Freshness {
    /// The number of invalidations so far.
    count: AtomicU64,
    /// The number of the last invalidation, by entity.
    slots: Box<[AtomicU64]>,
}

/// A number of invalidations, which serves as a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

/// The index of an entity's last invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

impl Slot {
    /// The slot of the entity with that key.
    pub fn of(typename: &str, key: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (typename, key).hash(&mut hasher);
        #[expect(clippy::cast_possible_truncation, reason = "the table is smaller than 32 bits count")]
        Self(hasher.finish() as u32 & (SLOTS as u32 - 1))
    }
}

impl Default for Freshness {
    /// A table without invalidations.
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            slots: std::iter::repeat_with(|| AtomicU64::new(0)).take(SLOTS).collect(),
        }
    }
}

impl Freshness {
    /// Returns the current moment, to note before a fetch.
    pub fn current(&self) -> Generation {
        Generation(self.count.load(Ordering::Acquire))
    }

    /// Makes every earlier response stale that depends on this entity.
    pub fn invalidate(&self, slot: Slot) {
        let number = self.next();
        self.slots[slot.0 as usize].fetch_max(number, Ordering::AcqRel);
    }

    /// Whether a response is still valid: no entity that it depends on was invalidated since its fetch began.
    pub fn is_fresh(&self, depends_on: &[Slot], generation: Generation) -> bool {
        let until = |number: &AtomicU64| number.load(Ordering::Acquire) <= generation.0;
        depends_on.iter().all(|slot| until(&self.slots[slot.0 as usize]))
    }

    fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::AcqRel) + 1
    }
}
