//! What the order service keeps, whatever becomes of its replicas and of the network between them.
//!
//! Read from below: `process` is one replica in a process of its own, `network` what lies between replicas and can be cut
//! (`proxies` in this process, `namespaces` in the kernel where it lets us), `front` and `clients` trade, `trial` puts them
//! together, and `agreement` says what has to hold afterwards. The other files are one fault each.

mod agreement;
mod clients;
mod failover;
mod front;
mod history;
mod killed;
mod linear;
mod namespaces;
mod network;
mod partitioned;
mod paused;
mod process;
mod proxies;
mod trial;

use std::time::Duration;

/// How long a poll waits where nothing can tell it that there is something new.
const POLL: Duration = Duration::from_millis(10);
