//! `agora load`: the report in a folder, and the exit status.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use super::replicas::eventually;
use super::{Server, agora, printed, run, text};

/// A short run against a server.
const SHORT: [&str; 7] = ["load", "--users", "2", "--lives", "1", "--rounds", "1"];

fn against<'a>(target: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&SHORT[..], &["--target", target], more].concat()
}

#[test]
fn a_load_test_writes_its_report_and_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "demo");
    let id = server.child.id().to_string();
    let arguments = against(
        &server.url,
        &["--out", "report", "--server-pid", &id, "--verify-data", "data/demo"],
    );
    let table = printed(folder.path(), &arguments, "");
    assert!(table.contains("0 wrong answers, 0 errors"), "{table}");

    let read = |name: &str| std::fs::read_to_string(folder.path().join("report").join(name)).unwrap();
    assert!(table.starts_with(&read("report.txt")), "{table}");
    let verified: Value = serde_json::from_str(&read("verify.json")).unwrap();
    assert_eq!(verified["addsUp"], true, "{verified}");
    assert!(read("report.html").contains("Memory of the server, MiB"));
    let json: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(json["clean"], true, "{json}");
}

#[test]
fn a_server_without_sample_data_needs_a_service_credential() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "serve");
    let refused = run(folder.path(), &against(&server.url, &[]), "");
    assert!(!refused.status.success());
    assert!(
        text(&refused.stderr).contains("cannot be set up"),
        "{}",
        text(&refused.stderr)
    );

    let token = printed(folder.path(), &["token", "--service", "load"], "");
    std::fs::write(folder.path().join("load.token"), token).unwrap();
    let table = printed(
        folder.path(),
        &against(&server.url, &["--service-token-file", "load.token"]),
        "",
    );
    assert!(table.contains("0 wrong answers, 0 errors"), "{table}");
}

#[test]
fn a_load_test_of_a_server_that_lies_fails() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "demo");
    let address = server.url.trim_start_matches("http://").parse().unwrap();
    let liar = format!("http://{}", lying_proxy(address));
    let output = run(folder.path(), &against(&liar, &[]), "");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(
        text(&output.stdout).contains("WRONG ANSWER"),
        "{}",
        text(&output.stdout)
    );
    assert!(
        text(&output.stderr).contains("wrong answers"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_target_on_another_machine_needs_a_service_credential() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(folder.path(), &against("http://agora.example", &[]), "");
    assert!(!refused.status.success());
    assert!(
        text(&refused.stderr).contains("service-token-file"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn a_restart_under_load_cuts_no_answer_and_loses_nothing() {
    let report = restarted_under_load("-TERM");
    assert_eq!(report["lost"]["cut"], 0, "{report}");
}

#[test]
fn a_killed_server_has_all_that_it_acknowledged_under_load() {
    restarted_under_load("-KILL");
}

/// Ends a server with that signal while people use it, starts it again at its address, and returns the report of the people,
/// who send unanswered requests again. Every comparison is right.
fn restarted_under_load(signal: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(folder.path(), "demo");
    let arguments = [
        "--lives",
        "2",
        "--rounds",
        "2",
        "--ride-out-seconds",
        "120",
        "--out",
        "report",
    ];
    let arguments = [&["load", "--users", "4", "--target", &server.url][..], &arguments].concat();
    let mut load = agora(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    eventually("people write posts", || {
        let newest = server.graphql("{ communities(last: 1) { nodes { name } } }", None);
        let name = newest["data"]["communities"]["nodes"][0]["name"].as_str();
        name.is_some_and(|name| name.starts_with("Load "))
    });
    let sent = Command::new("kill")
        .args([signal, &server.child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
    server.child.wait().expect("the server ends");
    let address = server.url.trim_start_matches("http://").to_owned();
    let again = ["demo", "--listen", &address];
    let mut again = agora(folder.path(), &again)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut table = String::new();
    let output = load.stdout.take().expect("a pipe").read_to_string(&mut table);
    let status = load.wait().expect("the load test ends");
    again.kill().expect("the server runs");
    again.wait().expect("the server ends");
    output.expect("the table");
    assert!(status.success(), "{table}");
    let json = std::fs::read_to_string(folder.path().join("report/report.json")).expect("the report");
    let report: Value = serde_json::from_str(&json).expect("JSON");
    let lost = ["refused", "unanswered"].map(|reason| report["lost"][reason].as_u64().unwrap_or(0));
    assert!(lost[0] + lost[1] > 0, "the server was not away: {report}");
    report
}

/// Forwards connections, and replaces the held balance of the brokerage's answers.
fn lying_proxy(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let own = listener.local_addr().expect("a bound address");
    // Ends with the process of the test.
    thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            let server = TcpStream::connect(server).expect("the server accepts");
            let from = client.try_clone().expect("a second handle");
            let to = server.try_clone().expect("a second handle");
            thread::spawn(move || copy(from, to, |_| {}));
            thread::spawn(move || copy(server, client, lie));
        }
    });
    own
}

fn lie(bytes: &mut [u8]) {
    const TRUTH: &[u8] = br#""heldBalance":0"#;
    if let Some(at) = bytes.windows(TRUTH.len()).position(|window| window == TRUTH) {
        bytes[at + TRUTH.len() - 1] = b'5';
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, change: fn(&mut [u8])) {
    let mut buffer = vec![0; 256 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        change(&mut buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
