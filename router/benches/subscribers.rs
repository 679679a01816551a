//! Many subscribers on one server: the memory of idle ones, and the delivery of messages to them.
//!
//! `cargo bench -p agora --bench subscribers`; the arguments are those of [`Bench`]: `--times N` is the number of messages.
//!
//! The server is the program itself in a process of its own, so that its memory and its processor time are its own. Each user
//! has one WebSocket with two subscriptions: all cache invalidations that the user may learn of, and new messages. Then messages
//! are sent at a fixed rate, each to one user, and with one in a hundred a book changes, of which all users learn. The bench
//! fails unless each subscriber receives exactly what it should, in order.
//!
//! At the end all users subscribe to one book, which changes a few times: the cost of one event for many equal subscribers.
//!
//! The time of a delivery is from the request that sends a message until its receiver has it: it contains the commit. The load of
//! the clients, in this process, is part of it.

#[path = "subscribers/server.rs"]
mod server;
#[path = "subscribers/socket.rs"]
mod socket;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use contract::{Clock, Role, SystemClock, TokenKeys};
use serde_json::{Value, json};
use testing::bench::{Bench, median};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use self::server::Server;
use self::socket::{HttpConnection, Socket};

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SOCKETS: usize = 5_000;
const MESSAGES: u32 = 2_000;
const MESSAGES_PER_SECOND: u32 = 100;
/// Connections that send messages, so that one slow commit does not delay the next messages.
const SENDERS: usize = 16;
/// One of this many messages comes with a change of a book, of which all users learn.
const BOOK_INTERVAL: usize = 100;
/// The changes of the book that all users follow at the end.
const CHANGES: usize = 20;
/// The time in which the allocator and the kernel take back what the start needed.
const SETTLE_TIME: Duration = Duration::from_secs(2);
/// The time after which a message that has not arrived counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);

const INVALIDATIONS: &str = "subscription { cacheInvalidated { typename key version } }";
const MESSAGES_TO_ME: &str = "subscription { newMessage { id contents } }";
const SEND: &str = "mutation($to: String!, $contents: String!) { sendMessage(to: $to, contents: $contents) { id } }";
const BOOK_CHANGES: &str = "subscription { bookChanged(ids: [\"1\"]) { id title quantity } }";
const CHANGE_BOOK: &str = "mutation($quantity: Int!) { updateBook(id: \"1\", input: { quantity: $quantity }) { id } }";

/// The moment at which each message was sent.
type Sent = Arc<Vec<OnceLock<Instant>>>;

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(run(&bench));
}

async fn run(bench: &Bench) {
    let folder = tempfile::tempdir_in(bench.folder()).expect("a folder");
    let sockets = bench.size(SOCKETS, 20);
    let messages = bench.times(MESSAGES, 40) as usize;
    let server = Server::start(folder.path(), sockets);
    let keys = TokenKeys::load(&server.keys()).expect("the server's keys");
    let token = |user: usize, admin| {
        let user = i64::try_from(user).expect("an id");
        let now_us = SystemClock.now_us();
        keys.sign_user(user, Role::Member, admin, user, now_us, 3_600).0
    };

    sleep(bench.time(SETTLE_TIME)).await;
    let before = server.usage();
    println!("the server without clients: {before}");
    let mut open = Vec::new();
    for user in 1..=sockets {
        open.push(Socket::open(server.address(), &token(user, false)).await);
    }
    sleep(bench.time(SETTLE_TIME)).await;
    let with_sockets = server.usage();
    println!("{sockets} idle sockets: {}", with_sockets.since(&before, sockets));
    for socket in &mut open {
        socket.subscribe("invalidations", INVALIDATIONS).await;
        socket.subscribe("messages", MESSAGES_TO_ME).await;
    }
    sleep(bench.time(SETTLE_TIME)).await;
    let idle = server.usage();
    println!(
        "two idle subscriptions on each: {}",
        idle.since(&with_sockets, 2 * sockets)
    );
    println!(
        "sockets and subscriptions, for each subscription: {}",
        idle.since(&before, 2 * sockets)
    );
    let watched = bench.time(Duration::from_secs(5));
    sleep(watched).await;
    let after = server.usage();
    println!(
        "processor time while idle: {:.1} % of a core",
        (after.processor_ns - idle.processor_ns) / watched.as_nanos() as f64 * 100.0
    );

    let sent: Sent = Arc::new((0..messages).map(|_| OnceLock::new()).collect());
    let mut receivers = JoinSet::new();
    for (place, socket) in open.into_iter().enumerate() {
        receivers.spawn(receive(socket, place, sockets, Arc::clone(&sent)));
    }
    let sender = token(sockets + 1, true);
    send_all(server.address(), &sender, sockets, &sent).await;
    let (mut open, mut delays_ms) = (Vec::new(), Vec::new());
    while let Some(received) = receivers.join_next().await {
        let (socket, delays) = received.expect("the subscriber received exactly what it should");
        open.push(socket);
        delays_ms.extend(delays);
    }
    assert_eq!(delays_ms.len(), messages, "every message has one receiver");
    delays_ms.sort_by(f64::total_cmp);
    let at = |share: f64| delays_ms[((messages - 1) as f64 * share) as usize];
    println!(
        "{messages} messages, {MESSAGES_PER_SECOND} a second, and {} changes of a book: all delivered",
        messages.div_ceil(BOOK_INTERVAL)
    );
    println!(
        "  time of delivery in ms: median {:.1}, p99 {:.1}, longest {:.1}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    let end = server.usage();
    println!(
        "  processor time of the server for each message: {:.0} µs; {end}",
        (end.processor_ns - after.processor_ns) / 1_000.0 / messages as f64
    );
    change_book_for_all(bench, &server, &sender, open).await;
}

/// Lets all sockets follow the book, and changes it a few times.
async fn change_book_for_all(bench: &Bench, server: &Server, sender: &str, mut open: Vec<Socket>) {
    for socket in &mut open {
        socket.subscribe("book", BOOK_CHANGES).await;
    }
    sleep(bench.time(SETTLE_TIME)).await;
    let mut connection = HttpConnection::open(server.address(), sender).await;
    let (sockets, changes) = (open.len(), bench.size(CHANGES, 2));
    let (before, mut slowest_ms) = (server.usage(), Vec::new());
    for change in 0..changes {
        let begun = Instant::now();
        let mut receivers = JoinSet::new();
        for socket in open.drain(..) {
            receivers.spawn(timeout(PATIENCE, receive_book(socket)));
        }
        let variables = json!({ "quantity": 1_000_000 + change });
        connection
            .query(&json!({ "query": CHANGE_BOOK, "variables": variables }))
            .await;
        while let Some(received) = receivers.join_next().await {
            open.push(received.expect("a receiver").expect("the change arrives in time"));
        }
        slowest_ms.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    let end = server.usage();
    println!(
        "{changes} changes of a book, each for {sockets} subscribers to it and as many to its invalidation:\n  \
         processor time of the server for a delivery: {:.1} µs; the last one has it after {:.0} ms (median)",
        (end.processor_ns - before.processor_ns) / 1_000.0 / (2 * changes * sockets) as f64,
        median(slowest_ms)
    );
}

/// Receives the next change of the book and its invalidation, in any order.
async fn receive_book(mut socket: Socket) -> Socket {
    for _ in 0..2 {
        let received = socket.receive().await;
        let data = &received["payload"]["data"];
        let is_book = data["bookChanged"].is_object() || data["cacheInvalidated"]["typename"] == "Book";
        assert!(is_book, "{received}");
    }
    socket
}

/// The place of the socket whose user receives that message.
fn receiver_of(message: usize, sockets: usize) -> usize {
    // A prime, so that neighbours do not follow each other.
    message * 7_919 % sockets
}

/// Sends all messages at the fixed rate over several connections.
async fn send_all(address: &str, token: &str, sockets: usize, sent: &Sent) {
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        senders.push(Arc::new(tokio::sync::Mutex::new(
            HttpConnection::open(address, token).await,
        )));
    }
    let mut ticks = interval(Duration::from_secs(1) / MESSAGES_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut requests = JoinSet::new();
    for message in 0..sent.len() {
        ticks.tick().await;
        let connection = Arc::clone(&senders[message % SENDERS]);
        let (sent, to) = (Arc::clone(sent), receiver_of(message, sockets) + 1);
        requests.spawn(async move {
            let mut connection = connection.lock().await;
            let variables = json!({ "to": server::username(to), "contents": message.to_string() });
            sent[message].set(Instant::now()).expect("each message is sent once");
            connection
                .query(&json!({ "query": SEND, "variables": variables }))
                .await;
            if message % BOOK_INTERVAL == 0 {
                let variables = json!({ "quantity": message });
                connection
                    .query(&json!({ "query": CHANGE_BOOK, "variables": variables }))
                    .await;
            }
        });
    }
    while let Some(request) = requests.join_next().await {
        request.expect("a message that was sent");
    }
}

/// Receives everything that the subscriptions of one user should deliver; returns it with the delays of its messages in ms.
async fn receive(mut socket: Socket, place: usize, sockets: usize, sent: Sent) -> (Socket, Vec<f64>) {
    let mine: Vec<_> = (0..sent.len())
        .filter(|message| receiver_of(*message, sockets) == place)
        .collect();
    // Each message invalidates the cached copy of its receiver; each change of a book those of all.
    let books = sent.len().div_ceil(BOOK_INTERVAL);
    let (mut messages, mut invalidated, mut changed) = (Vec::new(), 0, 0);
    let mut delays_ms = Vec::new();
    while messages.len() < mine.len() || invalidated < mine.len() || changed < books {
        let total = Duration::from_secs(1) / MESSAGES_PER_SECOND * u32::try_from(sent.len()).expect("a small number");
        let received: Value = timeout(total + PATIENCE, socket.receive())
            .await
            .expect("everything arrives in time");
        let data = &received["payload"]["data"];
        if let Some(contents) = data["newMessage"]["contents"].as_str() {
            let message: usize = contents.parse().expect("a number");
            delays_ms.push(sent[message].get().expect("it was sent").elapsed().as_secs_f64() * 1_000.0);
            messages.push(message);
        } else {
            match data["cacheInvalidated"]["typename"].as_str() {
                Some("Message") => invalidated += 1,
                Some("Book") => changed += 1,
                _ => panic!("{received}"),
            }
        }
    }
    // Several connections send at the same time, so neighbours may change places.
    messages.sort_unstable();
    assert_eq!(messages, mine);
    assert_eq!((invalidated, changed), (mine.len(), books));
    (socket, delays_ms)
}
