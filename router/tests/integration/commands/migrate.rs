//! `agora migrate`: forward, back, and the report about both.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::{Server, printed, run, text};

/// The names and contents of the files in a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry"));
    let content = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().expect("text");
        (name, fs::read(entry.path()).unwrap_or_default())
    };
    files.map(content).collect()
}

fn applied(report: &str) -> usize {
    report.lines().filter(|line| line.ends_with("Applied")).count()
}

fn pending(report: &str) -> usize {
    report.lines().filter(|line| line.ends_with("Pending")).count()
}

fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let refused = run(folder, arguments, "");
    let said = text(&refused.stderr);
    assert!(!refused.status.success(), "{said}");
    said
}

#[test]
fn migrate_goes_up_and_down_and_reports_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let up = printed(folder.path(), &["migrate"], "");
    assert_eq!(applied(&up), up.lines().count(), "{up}");
    let down = printed(folder.path(), &["migrate", "--down", "1", "--yes"], "");
    assert_eq!((applied(&down), pending(&down)), (applied(&up) - 1, 1), "{down}");
    let status = printed(folder.path(), &["migrate", "--status"], "");
    assert!(down.ends_with(&status), "{status}");
    let again = printed(folder.path(), &["migrate"], "");
    assert_eq!(again, up);
}

#[test]
fn the_status_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let status = ["migrate", "--status", "--data", "data"];
    let none = printed(folder.path(), &status, "");
    assert!(applied(&none) == 0 && pending(&none) > 0, "{none}");
    assert!(!folder.path().join("data").exists(), "a report made a folder");

    printed(folder.path(), &["migrate", "--data", "data"], "");
    let before = contents(&folder.path().join("data"));
    assert_eq!(pending(&printed(folder.path(), &status, "")), 0);
    let after = contents(&folder.path().join("data"));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(before == after, "a report changed a file");
}

#[test]
fn the_status_is_told_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), "serve");
    assert_eq!(pending(&printed(folder.path(), &["migrate", "--status"], "")), 0);
    let said = refusal(folder.path(), &["migrate", "--down", "1", "--yes"]);
    assert!(said.contains("another agora is using this folder"), "{said}");
    assert!(server.stop());
}

#[test]
fn a_way_back_shows_its_losses_and_needs_confirmation() {
    let folder = tempfile::tempdir().unwrap();
    let data = ["--data", "data/demo"];
    assert!(Server::start(folder.path(), "demo").stop());
    let status = printed(folder.path(), &[&["migrate", "--status"][..], &data].concat(), "");
    let steps = (status.lines().count() - 6).to_string();
    let down = [&["migrate", "--down", &steps][..], &data].concat();
    let shows_losses = |output: &str| {
        for (table, rows) in [
            ("holding", "5"),
            ("broker_authorization", "3"),
            ("post", "6"),
            ("product", ""),
        ] {
            let is_row = |line: &str| {
                let mut words = line.split_whitespace();
                words.next() == Some(table) && words.next().is_some_and(|word| rows.is_empty() || word == rows)
            };
            assert!(output.lines().any(is_row), "{table}: {output}");
        }
    };

    let said = refusal(folder.path(), &down);

    assert!(said.contains("--yes") && said.contains("Nothing was changed"), "{said}");
    shows_losses(&said);
    let unchanged = printed(folder.path(), &[&["migrate", "--status"][..], &data].concat(), "");
    assert_eq!(unchanged, status);

    let done = printed(folder.path(), &[&down[..], &["--yes"]].concat(), "");

    shows_losses(&done);
    let backup = done
        .lines()
        .find_map(|line| line.strip_prefix("the database as it was is in "));
    let backup = folder.path().join(backup.expect("the copy is named"));
    assert!(Server::start(folder.path(), "demo").stop(), "the demo starts again");
    for file in ["agora.db", "agora.db.commits"] {
        fs::copy(backup.join(file), folder.path().join("data/demo").join(file)).unwrap();
    }
    let restored = printed(folder.path(), &[&["migrate", "--status"][..], &data].concat(), "");
    assert_eq!(restored, status);
    assert!(
        Server::start(folder.path(), "demo").stop(),
        "the copy is a complete data folder"
    );
}

#[test]
fn more_steps_back_than_there_are_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let said = refusal(folder.path(), &["migrate", "--down", "1"]);
    assert!(said.contains("no database"), "{said}");
    let up = printed(folder.path(), &["migrate"], "");
    let steps = (up.lines().count() + 1).to_string();
    for arguments in [
        &["migrate", "--down", &steps][..],
        &["migrate", "--down", &steps, "--yes"],
    ] {
        let said = refusal(folder.path(), arguments);
        assert!(said.contains("are more than the"), "{said}");
    }
    assert_eq!(printed(folder.path(), &["migrate", "--status"], ""), up);
    let said = refusal(folder.path(), &["migrate", "--down", "0"]);
    assert!(said.contains("--down"), "{said}");
}

#[test]
fn a_folder_of_a_newer_agora_is_refused_in_those_words() {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), &["migrate", "--data", "."], "");
    let db = rusqlite::Connection::open(folder.path().join("agora.db")).unwrap();
    db.execute(
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)",
        [],
    )
    .unwrap();
    drop(db);
    for command in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["check-config", "--listen", "127.0.0.1:0"],
        &["migrate"],
        &["migrate", "--status"],
        &["migrate", "--down", "1", "--yes"],
    ] {
        let said = refusal(folder.path(), &[command, &["--data", "."]].concat());
        assert!(
            said.contains("a newer Agora made this data folder") && said.contains("m9999_later"),
            "{command:?}: {said}"
        );
    }
}
