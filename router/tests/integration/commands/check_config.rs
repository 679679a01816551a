//! `agora check-config`: it finds everything that a start would refuse, and changes nothing.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::{Server, agora, printed, run, text};

fn problems(folder: &Path, arguments: &[&str]) -> String {
    let checked = run(folder, &[&["check-config"], arguments].concat(), "");
    let said = text(&checked.stderr);
    assert!(!checked.status.success() && checked.stdout.is_empty(), "{said}");
    said
}

#[test]
fn all_problems_are_found_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/keys.json"), "[]").unwrap();
    fs::set_permissions(folder.path().join("data/keys.json"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(
        folder.path().join("data/agora.db"),
        "this is no database, only some text",
    )
    .unwrap();
    let said = problems(
        folder.path(),
        &[
            "--data",
            "data",
            "--listen",
            &taken,
            "--rest-listen",
            "market=127.0.0.1:0,bazaar.front=127.0.0.1:0",
            "--order-replicas",
            "1=http://127.0.0.1:4100",
            "--order-credential",
            "missing",
        ],
    );
    for problem in [
        "server.listen: cannot listen on",
        "there is no REST mount market",
        "keys.json: the key set is empty",
        "agora.db: ",
        "file is not a database",
        "orders.order_credential: missing: No such file",
    ] {
        assert!(said.contains(problem), "{problem}: {said}");
    }
    assert!(said.lines().all(|line| line.starts_with("agora: ")), "{said}");
}

#[test]
fn wrong_names_and_values_are_found_at_once_with_their_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        "[limits]\nquery_dept_max = 5\nbody_bytes_max = \"many\"\nlisten = \"127.0.0.1:1\"\n[sever]\ndata = \"x\"\n";
    fs::write(folder.path().join("agora.toml"), file).unwrap();
    let checked = agora(
        folder.path(),
        &["check-config", "--config", "agora.toml", "--expiry-ms", "0"],
    )
    .env("AGORA_LIMITS_PLAN_MAX", "5")
    .env("AGORA_LIMIT_REST_ROWS_MAX", "5")
    .env("AGORA_DATABASE_READERS", "few")
    .env("AGORA_WORKERS_SWEEP_MS", "0")
    .output()
    .unwrap();
    let said = text(&checked.stderr);
    for line in [
        "limits.query_dept_max: is no setting; did you mean limits.query_depth_max? (from agora.toml)",
        "limits.listen: is no setting; did you mean server.listen? (from agora.toml)",
        "limits.plan_max: is no setting; did you mean AGORA_LIMITS_PLANS_MAX? (from the environment variable AGORA_LIMITS_PLAN_MAX)",
        "limit_rest_rows_max: is no setting; did you mean AGORA_LIMITS_REST_ROWS_MAX?",
        "sever: is no setting; did you mean server? (from agora.toml)",
        "(from the environment variable AGORA_DATABASE_READERS)",
        "workers.sweep_ms: must be more than 0 (from the environment variable AGORA_WORKERS_SWEEP_MS)",
        "workers.expiry_ms: must be more than 0 (from the flag --expiry-ms)",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let body = said
        .lines()
        .find(|line| line.contains("limits.body_bytes_max"))
        .unwrap_or_default();
    assert!(body.ends_with("(from agora.toml)"), "{said}");
}

#[test]
fn an_address_of_two_listeners_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let said = problems(
        folder.path(),
        &["--rest-listen", "shop.user=127.0.0.1:5001,shop.order=0.0.0.0:5001"],
    );
    assert!(
        said.contains("server.rest_listen: 0.0.0.0:5001 is the address of two listeners"),
        "{said}"
    );
}

#[test]
fn the_settings_of_a_running_server_can_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "serve");
    let address = server.url.trim_start_matches("http://").to_owned();
    let arguments = ["--listen", &address];
    let said = problems(folder.path(), &arguments);
    assert!(said.contains("another agora is using this folder"), "{said}");
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    printed(
        folder.path(),
        &[&["check-config", "--running"][..], &arguments].concat(),
        "",
    );
    let said = problems(folder.path(), &["--running", "--rest-listen", "market=127.0.0.1:0"]);
    assert!(said.contains("there is no REST mount market"), "{said}");
    assert!(server.stop());
}

#[test]
fn lost_commits_are_found() {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), &["migrate", "--data", "data"], "");
    let free = ["--data", "data", "--listen", "127.0.0.1:0"];
    printed(folder.path(), &[&["check-config"][..], &free].concat(), "");
    fs::remove_file(folder.path().join("data/agora.db.commits")).unwrap();
    // Without any commit, a database of an older build is taken for one that never counted them.
    let db = rusqlite::Connection::open(folder.path().join("data/agora.db")).unwrap();
    db.execute_batch("PRAGMA user_version = 7").unwrap();
    drop(db);
    let said = problems(folder.path(), &free);
    assert!(said.contains("agora.db.commits is missing"), "{said}");
    printed(
        folder.path(),
        &[&["check-config", "--accept-data-loss", "true"][..], &free].concat(),
        "",
    );
}
