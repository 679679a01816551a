//! The guarantees of the order service while its replicas and the network between them fail.
//!
//! Read from below: `process` is one replica in its own process. `network` is the connection of the replicas, which can
//! be cut (`proxies` in this process, `namespaces` in the kernel where that is allowed). `front` and `clients` trade,
//! `trial` combines them, and `agreement` checks the guarantees afterwards. Each of the other files is one fault.

mod agreement;
mod clients;
mod failover;
mod history;
mod killed;
mod linear;
mod namespaces;
mod network;
mod partitioned;
mod paused;
mod process;
mod proxies;
mod retrying_client;
mod trial;

use std::time::Duration;

/// The poll interval for conditions without a notification.
const POLL: Duration = Duration::from_millis(10);
