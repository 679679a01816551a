//! Attacks by anonymous callers, each a bounded program against a server in a process of its own. During each of them
//! the server's memory stays bounded and a normal query is answered.
//!
//! They form a separate test program and run one at a time: a concurrent test would distort the measurements.
//!
//! An attack is a module below this one: it starts a [`Target`](target::Target), runs its requests in
//! [`Target::attacked_by`](target::Target::attacked_by), and asserts what the report holds.

// The allocator of the program itself, because these tests measure the server's memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod growth;
mod guessing;
mod held_requests;
mod http2_streams;
mod introspection;
mod large_answers;
mod lost_majority;
mod new_documents;
mod open_routes;
mod planning;
mod slow_bodies;
mod slow_headers;
mod sockets;
mod target;
mod unread_answers;
mod unread_streams;
mod wire;

// The server in its own process, shared with the tests that kill it.
#[expect(dead_code, reason = "these tests kill no server")]
#[path = "../front_door/killed/server.rs"]
mod server;

// The requests of the test that checks the open routes one by one.
#[path = "../front_door/open_routes/requests.rs"]
mod open_route_requests;
