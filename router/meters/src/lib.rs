//! Counters and distributions that many threads record at once at little cost.
//!
//! A record is one or two relaxed additions to memory that few other threads write: each meter has several shards, and a
//! thread always uses the same one. It needs no lock, no look-up and no allocation. A reader adds the shards up.

mod counter;
mod histogram;
mod shard;

pub use counter::Counter;
pub use histogram::{DURATION_BOUNDS_US, Distribution, Histogram, SIZE_BOUNDS};
pub use shard::set_recording;
