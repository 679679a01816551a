//! Whether what is remembered of an entity may still be true. One counter and a table of numbers: nobody ever waits.
//!
//! Every invalidation takes the next number of one counter and leaves it in the slot of its entity (a hash of type and
//! key; two entities in one slot only cost a miss). A fill notes the counter *before* its subgraph is asked, and what it
//! brought is good as long as no slot it depends on, nor the floor under all of them, has gone above that note.
//!
//! # Why nothing stale is served
//!
//! Writer `W` commits, invalidates with number `s`, and answers. Reader `R` asks after that answer. Let `F` be a fill
//! whose subgraph read the database before the commit of `W`, and `b` its note. Then `R` is not given what `F` brought:
//!
//! 1. `b < s`. Suppose not. Then the load that gave `b` read from `W`'s `fetch_add`, or from a later one: all of them
//!    are read-modify-writes, so they belong to the release sequence that `W`'s begins. The load acquires, the
//!    `fetch_add` releases: `W`'s commit, which came before its `fetch_add`, happened before the load, and the load
//!    before `F` asked its subgraph. A read that begins after a commit sees it, which `F`'s did not.
//! 2. `R` finds at least `s` in the slot. `W`'s `fetch_max` came before its answer, its answer before `R`'s question:
//!    one happened before the other, whatever carried them (a channel, a socket), and a slot only ever rises. So `R`
//!    sees `slot >= s > b` and takes what `F` brought for a miss.
//!
//! This rests on domains that publish after their commit and before they answer (`Services::write_and_tell`), and on
//! the bus that invalidates before it passes an event on ([`CachingBus`](super::CachingBus)).
//!
//! What is *not* promised: between `W`'s commit and its invalidation, one reader may see the new value by a way that is
//! not cached and another the old one from the cache. Both asked before `W` was answered.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// A power of two, so that a hash becomes a slot by its last bits. 512 KiB in all.
const SLOTS: usize = 1 << 16;

/// When which entities were last invalidated.
#[derive(Debug)]
pub struct Freshness {
    /// Invalidations so far, by all.
    count: AtomicU64,
    /// Whatever was noted before this is not good any more.
    floor: AtomicU64,
    /// The number of the last invalidation, by entity.
    slots: Box<[AtomicU64]>,
}

/// How many invalidations there had been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// Where the invalidations of an entity are noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

impl Slot {
    /// Of the entity with that key.
    pub fn of(typename: &str, key: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (typename, key).hash(&mut hasher);
        #[expect(clippy::cast_possible_truncation, reason = "the table is smaller than 32 bits count")]
        Self(hasher.finish() as u32 & (SLOTS as u32 - 1))
    }
}

impl Default for Freshness {
    /// Nothing was invalidated yet.
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            slots: std::iter::repeat_with(|| AtomicU64::new(0)).take(SLOTS).collect(),
        }
    }
}

impl Freshness {
    /// Now: noted before a subgraph is asked.
    pub fn now(&self) -> Moment {
        Moment(self.count.load(Ordering::Acquire))
    }

    /// What was asked for before now is not good any more, where it depends on this entity.
    pub fn invalidate(&self, slot: Slot) {
        let number = self.next();
        self.slots[slot.0 as usize].fetch_max(number, Ordering::AcqRel);
    }

    /// What was asked for before now is not good any more.
    pub fn invalidate_all(&self) {
        let number = self.next();
        self.floor.fetch_max(number, Ordering::AcqRel);
    }

    /// Whether nothing that an answer depends on was invalidated since its subgraph was asked.
    pub fn is_good(&self, depends_on: &[Slot], begun: Moment) -> bool {
        let until = |number: &AtomicU64| number.load(Ordering::Acquire) <= begun.0;
        until(&self.floor) && depends_on.iter().all(|slot| until(&self.slots[slot.0 as usize]))
    }

    fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::AcqRel) + 1
    }
}
