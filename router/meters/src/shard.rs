//! The shard that a thread uses.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The shards of a meter. Threads beyond this number share shards, which costs time and loses nothing.
pub(crate) const SHARDS: usize = 8;

const UNASSIGNED: usize = usize::MAX;

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(UNASSIGNED) };
}

/// Whether meters record; always, except while a bench measures their cost.
static RECORDING: AtomicBool = AtomicBool::new(true);

/// Switches all meters of this process on or off, for a bench that measures their cost.
pub fn set_recording(is_on: bool) {
    RECORDING.store(is_on, Ordering::Relaxed);
}

/// Whether meters record.
pub(crate) fn is_recording() -> bool {
    RECORDING.load(Ordering::Relaxed)
}

/// Returns the shard of this thread.
pub(crate) fn shard() -> usize {
    SHARD.with(|shard| match shard.get() {
        UNASSIGNED => assign(shard),
        known => known,
    })
}

#[cold]
fn assign(shard: &Cell<usize>) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    shard.set(next);
    next
}
