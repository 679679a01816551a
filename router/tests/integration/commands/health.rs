//! `agora health`.

use std::net::TcpListener;

use crate::{Server, printed, run, text};

#[test]
fn health_tells_whether_the_server_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "serve");
    let address = server.url.trim_start_matches("http://").to_owned();
    let said = printed(folder.path(), &["health", "--listen", &address], "");
    assert!(said.contains(r#""status":"ready""#), "{said}");
    let everywhere = address.replace("127.0.0.1", "0.0.0.0");
    printed(folder.path(), &["health", "--listen", &everywhere], "");
    assert!(server.stop());
    let said = run(folder.path(), &["health", "--listen", &address], "");
    assert!(
        !said.status.success() && text(&said.stderr).contains(&address),
        "{said:?}"
    );
}

#[test]
fn a_server_that_does_not_answer_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    // It accepts connections, and nothing else.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let said = run(
        folder.path(),
        &["health", "--wait-ms-max", "50", "--listen", &address],
        "",
    );
    assert!(!said.status.success(), "{said:?}");
}
