//! The start of a server: what it says, and what it refuses before it changes anything.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::{Server, agora, run, text};

fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let refused = run(folder, arguments, "");
    let said = text(&refused.stderr);
    assert!(!refused.status.success(), "{said}");
    said
}

#[test]
fn a_taken_address_or_a_missing_mount_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let free = ["--listen", "127.0.0.1:0"];
    let mount = format!("bookstore={taken}");
    for (arguments, why) in [
        (
            ["--listen", &*taken],
            format!("server.listen: cannot listen on {taken}"),
        ),
        (
            ["--rest-listen", &*mount],
            format!("server.rest_listen: cannot listen on {taken}"),
        ),
        (
            ["--rest-listen", "market=127.0.0.1:0"],
            "there is no REST mount market; the mounts are bazaar".to_owned(),
        ),
        (
            ["--rest-listen", "bazaar.orders=127.0.0.1:0"],
            "there is no REST mount bazaar.orders; the services of bazaar are front, catalog, order".to_owned(),
        ),
    ] {
        for command in ["serve", "demo"] {
            let free: &[&str] = if arguments[0] == "--listen" { &[] } else { &free };
            let said = refusal(folder.path(), &[&[command], free, &arguments].concat());
            assert!(said.contains(&why), "{command} {arguments:?}: {said}");
        }
    }
    assert!(
        !folder.path().join("data").exists(),
        "a refused start made a data folder"
    );
}

#[test]
fn a_json_log_is_all_that_a_server_writes() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["serve", "demo"] {
        let mut server = agora(
            folder.path(),
            &[
                command,
                "--log-format",
                "json",
                "--listen",
                "127.0.0.1:0",
                "--data",
                "here",
            ],
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
        let mut events = Vec::new();
        for line in BufReader::new(server.stderr.take().expect("a pipe")).lines() {
            let line = line.expect("text");
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if event["fields"]["message"] == "ready" {
                let pid = server.id().to_string();
                let sent = std::process::Command::new("kill").args(["-TERM", &pid]).status();
                assert!(sent.expect("kill").success());
            }
            events.push(event);
        }
        let output = server.wait_with_output().expect("the server ends");
        assert!(output.status.success());
        assert_eq!(text(&output.stdout), "", "{command}");
        let ready = events
            .iter()
            .find(|event| event["fields"]["message"] == "ready")
            .expect("ready");
        let fields = &ready["fields"];
        assert_eq!(fields["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(fields["data"], folder.path().join("here").to_str().unwrap());
        let addresses = fields["addresses"].as_str().unwrap();
        assert!(
            addresses.starts_with("127.0.0.1:") && !addresses.ends_with(":0"),
            "{fields}"
        );
    }
    let said = refusal(
        folder.path(),
        &["serve", "--log-format", "json", "--rest-listen", "market=127.0.0.1:0"],
    );
    let event: Value = serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(event["level"], "ERROR");
}

#[test]
fn demo_people_with_the_public_password_stay_on_loopback() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Server::start(folder.path(), "demo").stop());
    let public = ["--data", "data/demo", "--listen", "0.0.0.0:0"];
    for command in [&["serve"][..], &["check-config"], &["demo"]] {
        let said = refusal(folder.path(), &[command, &public].concat());
        assert!(said.contains("is not a loopback address"), "{command:?}: {said}");
    }
    let said = refusal(folder.path(), &[&["serve"][..], &public].concat());
    assert!(said.contains("ada, ben, cleo, dan, admin"), "{said}");
    let mount = [
        "serve",
        "--data",
        "data/demo",
        "--rest-listen",
        "shop=0.0.0.0:0",
        "--listen",
        "127.0.0.1:0",
    ];
    let said = refusal(folder.path(), &mount);
    assert!(said.contains("server.rest_listen: 0.0.0.0:0"), "{said}");

    let server = Server::start_with(folder.path(), &["serve", "--data", "data/demo"], 0);
    let login = |login: &str| {
        let sign_in = format!(r#"mutation {{ login(login: "{login}", password: "agora-demo-2026") {{ token }} }}"#);
        let answer = server.graphql(&sign_in, None);
        answer["data"]["login"]["token"].as_str().expect("a token").to_owned()
    };
    for person in ["ada", "ben", "cleo", "dan", "admin"] {
        let change = r#"mutation { changePassword(current: "agora-demo-2026", new: "correct horse battery") }"#;
        let changed = server.graphql(change, Some(&login(person)));
        assert!(changed.get("errors").is_none(), "{person}: {changed}");
    }
    assert!(server.stop());
    let checked = run(folder.path(), &[&["check-config"][..], &public].concat(), "");
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}
