//! `agora router` serves a changed supergraph file without a restart.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::clock::Clock;
use super::{get, json_at};
use crate::Server;

const PATIENCE: Duration = Duration::from_secs(60);
/// The interval in which these tests look at a state that announces no change.
const LOOK: Duration = Duration::from_millis(10);

/// The flags of a router that looks at its file every few milliseconds.
const LOOKING: [&str; 2] = ["--supergraph-poll-ms", "20"];

/// Starts a router over that supergraph.
fn start(folder: &Path, supergraph: &str, flags: &[&str]) -> Server {
    std::fs::write(folder.join("supergraph.graphql"), supergraph).expect("a file");
    let arguments = [
        "router",
        "--supergraph",
        "supergraph.graphql",
        "--subgraph-subscriptions",
        "sse",
    ];
    Server::start_with(folder, &[&arguments[..], flags].concat(), 0)
}

/// Waits until that is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never so: {what}");
        thread::sleep(LOOK);
    }
}

fn has_field(server: &Server, field: &str) -> bool {
    get(server, "/schema.graphql").1.contains(field)
}

/// Returns the value of a metric, which has no labels or these.
fn metric(server: &Server, name: &str) -> u64 {
    let (_, text) = get(server, "/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no metric {name}"))
}

fn with_field(supergraph: &str, field: &str) -> String {
    let motto = "  motto: String @join__field(graph: NAMES)";
    assert!(supergraph.contains(motto));
    supergraph.replace(motto, &format!("{motto}\n  {field}: String @join__field(graph: NAMES)"))
}

/// A subscription of a client, over server-sent events.
struct Subscription(BufReader<TcpStream>);

impl Subscription {
    fn open(server: &Server, query: &str) -> Self {
        let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("the router listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let body = json!({ "query": query }).to_string();
        let head =
            "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\ncontent-type: application/json";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("sent");
        Self(BufReader::new(stream))
    }

    /// Returns the next answer.
    fn next(&mut self) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a line in time");
            // Pings arrive without an end.
            assert!(!line.is_empty() && Instant::now() < end, "no answer");
            if let Some(data) = line.strip_prefix("data:") {
                return serde_json::from_str(data).expect("JSON");
            }
        }
    }
}

#[test]
fn a_changed_file_is_served_however_it_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::start_open();
    let supergraph = clock.supergraph();
    let file = |name: &str| folder.path().join(name);
    // As Kubernetes mounts a config map: the folder behind a link is swapped.
    for (version, content) in [("v1", supergraph.clone()), ("v2", with_field(&supergraph, "linked"))] {
        std::fs::create_dir(file(version)).unwrap();
        std::fs::write(file(version).join("supergraph.graphql"), content).unwrap();
    }
    std::os::unix::fs::symlink("v1", file("current")).unwrap();
    let arguments = [
        "router",
        "--supergraph",
        "current/supergraph.graphql",
        "--supergraph-poll-ms",
        "20",
    ];
    let server = Server::start_with(folder.path(), &arguments, 0);
    assert!(!has_field(&server, "linked"));

    std::os::unix::fs::symlink("v2", file("next")).unwrap();
    std::fs::rename(file("next"), file("current")).unwrap();
    until("the linked file is served", || has_field(&server, "linked"));

    std::fs::write(file("renamed"), with_field(&supergraph, "renamed")).unwrap();
    std::fs::rename(file("renamed"), file("v2/supergraph.graphql")).unwrap();
    until("the renamed file is served", || has_field(&server, "renamed"));

    std::fs::write(file("v2/supergraph.graphql"), with_field(&supergraph, "written")).unwrap();
    until("the written file is served", || has_field(&server, "written"));
    assert!(!has_field(&server, "renamed"));
    assert_eq!(metric(&server, "agora_supergraph_reloads_total{outcome=\"served\"}"), 3);
    let answer = server.graphql("{ now motto }", None);
    assert_eq!(answer, json!({ "data": { "now": 1, "motto": "Time flies." } }));
}

#[test]
fn a_file_that_cannot_be_served_is_refused_until_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::start_open();
    let server = start(folder.path(), &clock.supergraph(), &LOOKING);
    let file = folder.path().join("supergraph.graphql");
    let changed = with_field(&clock.supergraph(), "added");
    for bad in [&changed[..changed.len() / 2], "", "type Query { a: Int }"] {
        let refused = metric(&server, "agora_supergraph_reloads_total{outcome=\"refused\"}");
        std::fs::write(&file, bad).unwrap();
        until("the file is refused", || {
            metric(&server, "agora_supergraph_reloads_total{outcome=\"refused\"}") > refused
        });
        assert_eq!(metric(&server, "agora_supergraph_refused"), 1);
        let (status, ready) = get(&server, "/ready");
        assert!(
            status == 200 && ready.contains("the supergraph file is refused"),
            "{ready}"
        );
        let answer = server.graphql("{ now }", None);
        assert_eq!(answer, json!({ "data": { "now": 1 } }));
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &changed).unwrap();
    until("the whole file is served", || has_field(&server, "added"));
    assert_eq!(metric(&server, "agora_supergraph_refused"), 0);
    assert!(!get(&server, "/ready").1.contains("warnings"));
}

#[test]
fn sighup_reads_the_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::start_open();
    let server = start(folder.path(), &clock.supergraph(), &["--supergraph-poll-ms", "0"]);
    let changed = with_field(&clock.supergraph(), "added");
    std::fs::write(folder.path().join("supergraph.graphql"), changed).unwrap();
    assert!(!has_field(&server, "added"));
    let hang_up = || {
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    };
    hang_up();
    until("the file is served", || has_field(&server, "added"));
    std::fs::write(folder.path().join("supergraph.graphql"), "no SDL").unwrap();
    hang_up();
    until("the file is refused", || {
        metric(&server, "agora_supergraph_refused") == 1
    });
    std::fs::write(folder.path().join("supergraph.graphql"), clock.supergraph()).unwrap();
    hang_up();
    until("the first file is served again", || !has_field(&server, "added"));
    assert!(server.stop(), "SIGTERM was not a clean end");
}

#[test]
fn a_reload_drops_no_request_and_no_subscription_that_it_does_not_concern() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::start();
    let server = start(folder.path(), &clock.supergraph(), &LOOKING);
    let mut subscription = Subscription::open(&server, "subscription { ticks { id } }");
    until("the clock is followed", || clock.subscriptions() == 1);
    thread::scope(|scope| {
        let held = scope.spawn(|| server.graphql("{ now }", None));
        clock.await_query();
        // The request is of a field that the new graph does not have.
        let changed = clock.supergraph().replace("now: Int", "later: Int");
        std::fs::write(folder.path().join("supergraph.graphql"), changed).unwrap();
        until("the new graph is served", || has_field(&server, "later"));
        assert_eq!(
            metric(&server, "agora_supergraphs"),
            2,
            "the request needs the old graph"
        );
        clock.release(1);
        assert_eq!(held.join().unwrap(), json!({ "data": { "now": 1 } }));
    });
    until("the old graph is freed", || metric(&server, "agora_supergraphs") == 1);
    clock.release(1);
    assert_eq!(server.graphql("{ later }", None), json!({ "data": { "later": 2 } }));
    assert_eq!(
        clock.connections(),
        1,
        "the new graph has the connection of the old one"
    );
    assert_eq!(clock.tick("1"), 1, "the subscription at the subgraph went on");
    assert_eq!(subscription.next(), json!({ "data": { "ticks": { "id": "1" } } }));
    let refused = server.graphql("{ now }", None);
    assert_eq!(
        json_at(&refused, "/errors/0/extensions/code"),
        json!("GRAPHQL_VALIDATION_FAILED")
    );
}

#[test]
fn a_subscription_follows_its_subgraph_and_ends_when_the_graph_does_not_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, other) = (Clock::start(), Clock::start());
    let server = start(folder.path(), &clock.supergraph(), &LOOKING);
    let file = folder.path().join("supergraph.graphql");
    let mut subscription = Subscription::open(&server, "subscription { ticks { id } }");
    until("the clock is followed", || clock.subscriptions() == 1);
    std::fs::write(&file, other.supergraph()).unwrap();
    until("the other clock is followed", || other.subscriptions() == 1);
    until("the first clock is not", || clock.subscriptions() == 0);
    other.tick("1");
    assert_eq!(subscription.next(), json!({ "data": { "ticks": { "id": "1" } } }));

    std::fs::write(&file, other.supergraph().replace("ticks: Tick", "tocks: Tick")).unwrap();
    let last = subscription.next();
    let message = json_at(&last, "/errors/0/message");
    assert!(
        message
            .as_str()
            .is_some_and(|message| message.starts_with("the graph has changed")),
        "{last}"
    );
    until("the subgraph is left", || other.subscriptions() == 0);
    until("the old graphs are freed", || metric(&server, "agora_supergraphs") == 1);
}

/// Ends the clients also when the test fails.
struct EndOfClients<'a>(&'a AtomicBool);

impl Drop for EndOfClients<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn requests_under_many_reloads_all_have_their_answers() {
    const RELOADS: u64 = 20;
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::start_open();
    let server = start(folder.path(), &clock.supergraph(), &LOOKING);
    let is_over = AtomicBool::new(false);
    let ask_until_over = || {
        let mut answers = 0;
        while !is_over.load(Ordering::Relaxed) {
            let answer = server.graphql("{ now motto }", None);
            assert_eq!(answer, json!({ "data": { "now": 1, "motto": "Time flies." } }));
            answers += 1;
        }
        answers
    };
    thread::scope(|scope| {
        let end = EndOfClients(&is_over);
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(ask_until_over)).collect();
        for reload in 1..=RELOADS {
            let field = format!("added_{reload}");
            let (next, file) = (folder.path().join("next"), folder.path().join("supergraph.graphql"));
            std::fs::write(&next, with_field(&clock.supergraph(), &field)).unwrap();
            std::fs::rename(next, file).unwrap();
            until("the next graph is served", || has_field(&server, &field));
        }
        drop(end);
        for client in clients {
            assert!(client.join().unwrap() > 0);
        }
    });
    until("the old graphs are freed", || metric(&server, "agora_supergraphs") == 1);
}
