//! How long look-ups take beside two clients that send the slowest query in a loop, and while the database is read from
//! the disk.
//!
//! `cargo bench -p agora --bench fairness`; the arguments are those of [`Bench`]. The folder has to be on a disk for the
//! figures of the cold file: a file in memory cannot be cold.
//!
//! The server and its clients are in one process, but each client is a thread of its own that waits for its socket, so a
//! stall of the server's tasks delays no client by itself. A look-up reads the database: the cache of answers is off.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use agora::app::App;
use agora::config::Settings;
use agora::demo;
use agora::rest_access::AnonymousAccess;
use contract::{SystemClock, Tx};
use entities::post::{self, NewPost};
use serde_json::json;
use testing::bench::{Bench, median};
use tokio::runtime::Runtime;

/// The allocator of the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: u32 = 3;
/// The time of each part of a round.
const TIME: Duration = Duration::from_secs(5);
const SLOW_CLIENTS: usize = 2;
const POSTS: i64 = 50_000;
const COMMUNITIES: i64 = 70;
/// The most root fields of an operation.
const ROOT_FIELDS: usize = 50;
/// The posts of a page, which is the most.
const PAGE: usize = 100;
/// The parts of a round.
const IDLE: &str = "idle";
const SLOW: &str = "beside two slow clients";
const COLD: &str = "cold file";
/// As beside two slow clients, without threads for long operations.
const SAME_THREADS: &str = "all on the same threads";
const LOOK_UP: &str = "{ stock(name: \"GameStart\") { name price quantity } }";

/// The delays of the look-ups of one part of a round.
struct Delays(Vec<Duration>);

/// One part of a round, with its figures in milliseconds.
struct Part {
    name: &'static str,
    half: Vec<f64>,
    p99: Vec<f64>,
    longest: Vec<f64>,
    /// Look-ups by second.
    rate: Vec<f64>,
    /// Slow queries that were answered, by second.
    slow: Vec<f64>,
}

fn main() {
    let bench = Bench::from_args(env!("CARGO_TARGET_TMPDIR"));
    let folder = tempfile::tempdir_in(bench.folder()).expect("a folder");
    let mut settings = Settings::default();
    settings.server.data = folder.path().join("data");
    settings.limits.cache_enabled = false;
    // On a busy machine, or in a debug build, a slow query takes its time.
    settings.limits.request_ms_max = 120_000;
    // The check would read the cold file.
    settings.database.check_ms_max = 0;
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(fill(&settings, bench.size(POSTS, 300)));
    let names = [IDLE, SLOW, COLD, SAME_THREADS];
    let mut parts = names.map(Part::new);
    let time = bench.time(TIME);
    for round in bench.rounds(ROUNDS) {
        let measured = names.map(|name| {
            let is_cold = name == COLD;
            if is_cold {
                drop_pages(&settings.server.data.join("agora.db"));
            }
            let mut settings = settings.clone();
            if name == SAME_THREADS {
                settings.limits.operation_inline_us_max = u64::MAX;
            }
            let server = Server::start(&settings, &runtime);
            // Every connection and every statement is used once before, unless the file has to stay cold.
            if !is_cold {
                server.measure(SLOW_CLIENTS, time / 10);
            }
            let clients = if name == IDLE { 0 } else { SLOW_CLIENTS };
            let measured = server.measure(clients, time);
            server.stop(&runtime);
            measured
        });
        for (part, (delays, slow)) in parts.iter_mut().zip(measured) {
            round.record(&mut part.half, delays.millis(50));
            round.record(&mut part.p99, delays.millis(99));
            round.record(&mut part.longest, delays.millis(100));
            round.record(&mut part.rate, delays.0.len() as f64 / time.as_secs_f64());
            round.record(&mut part.slow, f64::from(slow) / time.as_secs_f64());
        }
    }
    print(parts);
}

fn print(parts: [Part; 4]) {
    println!("delays of look-ups in ms; medians of the rounds, but the longest of all of them");
    println!(
        "{:<26} {:>8} {:>8} {:>8} {:>12} {:>14}",
        "", "median", "p99", "longest", "look-ups/s", "slow queries/s"
    );
    let mut idle = None;
    for part in parts {
        let (half, p99) = (median(part.half), median(part.p99));
        let (rate, slow) = (median(part.rate), median(part.slow));
        let longest = part.longest.into_iter().fold(0.0, f64::max);
        let ratio = p99 / *idle.get_or_insert(p99);
        println!(
            "{:<26} {half:>8.2} {p99:>8.2} {longest:>8.2} {rate:>12.0} {slow:>14.1}   p99 {ratio:.1} times the idle one",
            part.name
        );
    }
}

/// Adds the demo's data and the posts.
async fn fill(settings: &Settings, posts: i64) {
    let app = App::open(settings, Arc::new(SystemClock)).await.expect("Agora opens");
    demo::seed(&app.services).await.expect("the demo's data");
    let now_us = app.services.clock.now_us();
    for first in (0..posts).step_by(100) {
        let numbers = first..posts.min(first + 100);
        let add = async move |tx: &Tx| {
            for number in numbers.clone() {
                let new = NewPost {
                    title: format!("Post number {number}"),
                    text: "A text of a sentence or two. ".repeat(20),
                    community: format!("Community {}", number % COMMUNITIES),
                    url: None,
                    username: "ada".to_owned(),
                    author_id: Some(1),
                    at_us: now_us + number,
                };
                post::add(tx, new, now_us).await?;
            }
            Ok(())
        };
        app.services.db.write(add).await.expect("posts");
    }
    app.close().await.expect("the database closes");
}

/// Removes a file from the page cache, as far as the system does that for anyone: its pages are written, and no process
/// has them mapped. A failure leaves the file warm, which the figures show.
fn drop_pages(path: &Path) {
    let file = std::fs::File::open(path).expect("the database");
    file.sync_all().expect("the disk");
    let dd = Command::new("dd")
        .arg(format!("if={}", path.display()))
        .args(["iflag=nocache", "count=0", "status=none"])
        .status();
    if !dd.is_ok_and(|status| status.success()) {
        eprintln!("dd cannot drop the pages of the file; the cold file is warm");
    }
}

/// A server on a loopback port.
struct Server {
    app: App,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    fn start(settings: &Settings, runtime: &Runtime) -> Self {
        runtime.block_on(async {
            let app = App::open(settings, Arc::new(SystemClock)).await.expect("Agora opens");
            let router = app.router(settings, AnonymousAccess::Loopback, true);
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let (permits, shutdown) = (app.gateway.permits.clone(), app.gateway.shutdown.clone());
            let task = tokio::spawn(async move { agora::server::serve(listener, router, &permits, shutdown).await });
            Self { app, address, task }
        })
    }

    /// Measures the delays of look-ups for that time, beside so many slow clients; also returns the number of their
    /// answers.
    fn measure(&self, slow_clients: usize, time: Duration) -> (Delays, u32) {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let slow: Vec<JoinHandle<()>> = (0..slow_clients)
            .map(|_| {
                let (mut client, stop, answered) = (Client::connect(self.address), stop.clone(), answered.clone());
                thread::spawn(move || {
                    let mut pages = 0;
                    while !stop.load(Relaxed) {
                        client.query(&slow_query(pages));
                        pages += ROOT_FIELDS as i64;
                        answered.fetch_add(1, Relaxed);
                    }
                })
            })
            .collect();
        let mut client = Client::connect(self.address);
        let (start, mut delays) = (Instant::now(), Vec::new());
        while start.elapsed() < time {
            let sent = Instant::now();
            client.query(LOOK_UP);
            delays.push(sent.elapsed());
        }
        stop.store(true, Relaxed);
        for client in slow {
            client.join().expect("a slow client");
        }
        delays.sort();
        (Delays(delays), answered.load(Relaxed))
    }

    fn stop(self, runtime: &Runtime) {
        self.app.gateway.shutdown.cancel();
        runtime.block_on(async {
            self.task.await.expect("the server ends");
            self.app.close().await.expect("the database closes");
        });
    }
}

/// Returns a query of as many lists as an operation may have, each of another part of the posts.
fn slow_query(pages: i64) -> String {
    let fields = "nodes { id title username at score upvotes downvotes author { username } community { name } }";
    let lists = (0..ROOT_FIELDS as i64).map(|list| {
        let community = (pages + list) % COMMUNITIES;
        format!("l{list}: recentPosts(first: {PAGE}, community: \"Community {community}\") {{ {fields} }}")
    });
    format!("{{ {} }}", lists.collect::<Vec<_>>().join(" "))
}

/// A client with one connection, which waits for each answer.
struct Client {
    connection: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let connection = TcpStream::connect(address).expect("a connection");
        connection.set_nodelay(true).expect("a socket");
        Self {
            connection,
            answer: Vec::new(),
        }
    }

    /// Sends a query, and checks that it is answered without an error.
    fn query(&mut self, query: &str) {
        let body = json!({ "query": query }).to_string();
        let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length";
        let request = format!("{head}: {}\r\n\r\n{body}", body.len());
        self.connection.write_all(request.as_bytes()).expect("sent");
        self.answer.clear();
        let mut part = [0; 64 * 1024];
        while !is_whole(&self.answer) {
            let read = self.connection.read(&mut part).expect("read");
            assert!(read > 0, "the server closed the connection");
            self.answer.extend_from_slice(&part[..read]);
        }
        let is_answered = self.answer.starts_with(b"HTTP/1.1 200") && self.answer.ends_with(b"}}");
        let start = &self.answer[..self.answer.len().min(2_000)];
        assert!(is_answered, "{}", String::from_utf8_lossy(start));
    }
}

/// Whether the response is complete, by its `content-length`.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).take(4_096).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let text = std::str::from_utf8(&answer[..head]).expect("a head is ASCII");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).expect("a length");
    answer.len() >= head + 4 + length
}

impl Delays {
    /// Returns the delay that so many percent of the look-ups do not exceed.
    fn millis(&self, percent: usize) -> f64 {
        let index = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0[index].as_secs_f64() * 1e3
    }
}

impl Part {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            half: Vec::new(),
            p99: Vec::new(),
            longest: Vec::new(),
            rate: Vec::new(),
            slow: Vec::new(),
        }
    }
}
