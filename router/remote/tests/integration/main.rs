//! Remote subgraphs over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so by failing")]

mod answers;
mod client;
mod connections;
mod headers;
mod outages;
mod server;
mod shared_subscriptions;
mod sharing;
mod subscriptions;
mod tls;
