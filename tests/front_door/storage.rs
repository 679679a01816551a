//! The real program on a disk that fails, and with files that are damaged, replaced or removed. It reports the
//! failure, answers UNAVAILABLE, loses no acknowledged write, and recovers where that is safe.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Audit, HttpClient};

use crate::killed::command::{ServerProcess, demo, demo_with, done, refusal_of};

/// The file size limit that simulates a full disk: it leaves room for the record of the commits, but for no page.
const NO_ROOM: &str = "fsize=4096";
const ROOM: &str = "fsize=unlimited";
/// The longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(60);
/// Selects the number of sales.
const SALES: &str = "SELECT count(*) FROM book_purchase";

async fn health(server: &ServerProcess) -> u16 {
    HttpClient::new(&server.url).get("/health").await.status
}

/// Waits until `/health` has that status, while a client reads data of all kinds.
async fn becomes(server: &ServerProcess, status: u16) {
    let late = Instant::now() + PATIENCE;
    let all = "{ books { nodes { title } } stocks { nodes { name } } topVoted(first: 5) { nodes { id } } recentPosts(first: 5) { nodes { title } } }";
    while health(server).await != status {
        HttpClient::new(&server.url).query(all, json!({})).await;
        assert!(Instant::now() < late, "health is not {status}: {}", server.log.text());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Buys a book. Returns the purchase's id, or the status and the body of the refusal.
async fn buy(server: &ServerProcess) -> Result<i64, Value> {
    let bought = HttpClient::new(&server.url)
        .post("/bookstore/purchase/4", json!({}))
        .await;
    match bought.status {
        200 => Ok(bought.body["orderId"].as_i64().expect("an id")),
        _ => Err(json!([bought.status, bought.body])),
    }
}

async fn is_unavailable(server: &ServerProcess) {
    let refused = buy(server).await.expect_err("the write fails");
    assert_eq!(refused[0], 503, "{refused}");
    let told = refused[1].to_string();
    let is_told = |word: &str| told.contains(word);
    assert!(
        !["disk", "agora.db", "removed", "damaged"].into_iter().any(is_told),
        "a caller learns no details: {told}"
    );
}

/// Asserts that reads succeed while writes fail.
async fn answers_reads(server: &ServerProcess) {
    let read = HttpClient::new(&server.url)
        .query("{ book(id: 4) { title } }", json!({}))
        .await;
    assert!(read.at("book.title").is_string());
}

/// Starts a demo once and kills it, so that the latest commits are in its write-ahead log.
fn killed_demo(data: &Path) {
    let server = ServerProcess::start(demo(data));
    server.kill();
}

fn copy(from: &Path, to: &Path) {
    done_with(Command::new("cp").arg("-a").arg(from).arg(to));
}

fn done_with(command: &mut Command) {
    assert!(command.status().expect("a command").success(), "{command:?}");
}

/// Checks a server whose disk `fill` fills and `free` frees again.
async fn full_and_free_again(data: &Path, fill: impl FnOnce(&ServerProcess), free: impl FnOnce(&ServerProcess)) {
    let server = ServerProcess::start(demo(data));
    let sold = Audit::open(data).number(SALES);
    let mut acknowledged = vec![buy(&server).await.expect("there is room")];
    fill(&server);
    // The write-ahead log already has space for some commits.
    let refused = loop {
        match buy(&server).await {
            Ok(id) => acknowledged.push(id),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused[0], 503, "{refused}");
    assert_eq!(health(&server).await, 503);
    is_unavailable(&server).await;
    answers_reads(&server).await;
    server.log.wait_for("the database's storage fails");
    let log = server.log.text();
    let reason = log.lines().find(|line| line.contains("storage fails")).expect("a line");
    assert!(reason.contains("ERROR") && reason.contains("reason="), "{reason}");
    for _ in 0..20 {
        assert!(buy(&server).await.is_err());
    }
    assert_eq!(server.log.count("storage fails"), 1, "told once: {}", server.log.text());

    free(&server);
    becomes(&server, 200).await;
    acknowledged.push(buy(&server).await.expect("there is room again"));
    server.log.wait_for("storage works again");
    server.kill();
    let audit = Audit::open(data);
    for id in &acknowledged {
        let kept = format!("SELECT count(*) FROM book_purchase WHERE id = {id}");
        assert_eq!(audit.number(&kept), 1, "purchase {id} was acknowledged");
    }
    let more = i64::try_from(acknowledged.len()).expect("a count");
    assert_eq!(audit.number(SALES), sold + more, "what was refused has changed nothing");
    drop(audit);
    ServerProcess::start(demo(data)).stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_size_limit_is_reported_without_a_lost_write() {
    let folder = tempfile::tempdir().unwrap();
    let (full, free) = (
        |server: &ServerProcess| server.limit(NO_ROOM),
        |server: &ServerProcess| server.limit(ROOM),
    );
    full_and_free_again(&folder.path().join("data"), full, free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_reported_without_a_lost_write() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
        .arg(&disk)
        .output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        eprintln!("SKIPPED: this user may mount no disk of its own; the file-size limit stands for it");
        return;
    }
    let unmount = Unmount(&disk);
    let filler = disk.join("filler");
    let fill = |_: &ServerProcess| {
        let mut file = fs::File::create(&filler).expect("a file");
        while file.write_all(&[0; 4096]).is_ok() {}
    };
    full_and_free_again(&disk.join("data"), fill, |_| {
        fs::remove_file(&filler).expect("the file")
    })
    .await;
    drop(unmount);
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_first_start_fails_without_room_and_succeeds_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // The limits leave no room for, in turn, the database, its write-ahead log, the tables and the sample data.
    for bytes in [0, 4_096, 100_000, 400_000] {
        let demo = demo(&data);
        let mut limited = Command::new("prlimit");
        limited
            .arg(format!("--fsize={bytes}:"))
            .arg(demo.get_program())
            .args(demo.get_args());
        limited.envs(demo.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let refused = refusal_of(limited);
        let reasons = ["disk", "full", "too large"];
        let last = refused
            .lines()
            .find(|line| line.starts_with("agora: "))
            .unwrap_or_default();
        assert!(
            reasons.iter().any(|reason| last.contains(reason)),
            "{bytes} bytes: {refused}"
        );
    }
    ServerProcess::start(demo(&data)).stop();
    Audit::open(&data).assert_balanced();
}

#[tokio::test(flavor = "multi_thread")]
async fn exhausted_descriptors_are_logged_and_the_server_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = ServerProcess::start(demo(&data));
    buy(&server).await.expect("a purchase");
    let open = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    server.limit(&format!("nofile={}", open + 2));
    let address = server.url.trim_start_matches("http://");
    let clients: Vec<_> = (0..100)
        .map(|_| TcpStream::connect(address).expect("the backlog has room"))
        .collect();
    server.log.wait_for("a connection cannot be accepted");
    // The server refuses connections for much longer than it would take to fill the log.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let told = server.log.count("a connection cannot be accepted");
    assert_eq!(told, 1, "{}", server.log.text());
    drop(clients);
    server.limit("nofile=1024");
    becomes(&server, 200).await;
    buy(&server).await.expect("the server goes on");
    server.stop();
}

/// Damage to the files of a running server.
type Harm = fn(&Path);

/// For each kind of damage: its name, the action, the expected message, and the message of the next start if that is
/// refused.
const WHILE_IT_RUNS: [(&str, Harm, &str, Option<&str>); 7] = [
    (
        "the log is removed",
        |data| fs::remove_file(data.join("agora.db-wal")).expect("a log"),
        "write-ahead log was removed",
        Some("commits that were acknowledged"),
    ),
    (
        "the log is cut",
        |data| cut(&data.join("agora.db-wal"), 0),
        "write-ahead log was removed, replaced or truncated",
        Some("commits that were acknowledged"),
    ),
    (
        "the database is replaced",
        |data| {
            fs::copy(data.join("agora.db"), data.join("other")).expect("a copy");
            fs::rename(data.join("other"), data.join("agora.db")).expect("another file");
        },
        "database file was removed, replaced or truncated",
        None,
    ),
    (
        "the folder is deleted",
        |data| fs::remove_dir_all(data).expect("a folder"),
        "database file was removed",
        None,
    ),
    (
        "a table is dropped",
        |data| {
            let db = rusqlite::Connection::open(data.join("agora.db")).expect("the database");
            db.busy_timeout(PATIENCE).expect("a time");
            db.execute_batch("DROP TABLE book_purchase").expect("the table goes");
        },
        "table book_purchase",
        Some("table book_purchase"),
    ),
    ("pages are overwritten", overwritten, "malformed", Some("damaged")),
    (
        "the database is cut",
        |data| {
            checkpointed(data);
            cut(&data.join("agora.db"), 8_192);
        },
        "database file was removed, replaced or truncated",
        Some("agora.db"),
    ),
];

fn cut(file: &Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(file).expect("a file");
    file.set_len(bytes).expect("it is cut");
}

/// Overwrites all pages but the first one, which identifies the file's type.
fn overwrite_pages(data: &Path) {
    let file = OpenOptions::new()
        .write(true)
        .open(data.join("agora.db"))
        .expect("a file");
    let bytes = file.metadata().expect("its size").len();
    for page in 1..bytes / 4_096 {
        file.write_all_at(&[0xff; 4_096], page * 4_096).expect("it is written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_to_open_files_is_reported_and_stops_acknowledgements() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    ServerProcess::start(demo(&whole)).stop();
    for (n, (what, harm, told, at_start)) in WHILE_IT_RUNS.into_iter().enumerate() {
        eprintln!("{what}");
        let data = folder.path().join(n.to_string());
        copy(&whole, &data);
        let server = ServerProcess::start(demo(&data));
        buy(&server).await.expect("a purchase");
        harm(&data);
        becomes(&server, 503).await;
        is_unavailable(&server).await;
        server.log.wait_for("the database's storage fails");
        assert!(server.log.text().contains(told), "{what}: {}", server.log.text());
        server.kill();
        if let Some(said) = at_start {
            let refused = refusal_of(demo(&data));
            assert!(refused.contains(said), "{what}: {refused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_index_of_the_log_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = ServerProcess::start(demo(&data));
    let mut bought = vec![buy(&server).await.expect("a purchase")];
    fs::remove_file(data.join("agora.db-shm")).unwrap();
    bought.push(buy(&server).await.expect("it goes on"));
    assert_eq!(health(&server).await, 200);
    server.kill();
    let server = ServerProcess::start(demo(&data));
    bought.push(buy(&server).await.expect("a purchase"));
    server.stop();
    for id in bought {
        let kept = format!("SELECT count(*) FROM book_purchase WHERE id = {id}");
        assert_eq!(Audit::open(&data).number(&kept), 1);
    }
}

/// Damage to the files of a stopped server, and the message of the next start.
const WHILE_IT_IS_STOPPED: [(&str, Harm, &str); 14] = [
    (
        "the log is removed",
        |data| fs::remove_file(data.join("agora.db-wal")).expect("a log"),
        "commits that were acknowledged",
    ),
    (
        "the log is cut",
        |data| {
            let log = data.join("agora.db-wal");
            let bytes = fs::metadata(&log).expect("a log").len();
            cut(&log, bytes / 2);
        },
        "commits that were acknowledged",
    ),
    (
        "the database is removed",
        |data| fs::remove_file(data.join("agora.db")).expect("a database"),
        "commits that were acknowledged",
    ),
    (
        "the database is a new one",
        |data| {
            for name in ["agora.db", "agora.db-wal", "agora.db-shm"] {
                fs::remove_file(data.join(name)).expect("a file");
            }
            done(crate::killed::command::agora(&data.join("other"), &["migrate"]));
            fs::rename(data.join("other/agora.db"), data.join("agora.db")).expect("another database");
        },
        "commits that were acknowledged",
    ),
    (
        "the record of the commits is garbage",
        |data| fs::write(record(data), "garbage").expect("a record"),
        "agora.db.commits holds no number of commits",
    ),
    (
        "the record is not even text",
        |data| fs::write(record(data), [0xff; 12]).expect("a record"),
        "agora.db.commits holds no number of commits",
    ),
    (
        "the record is empty",
        |data| cut(&record(data), 0),
        "agora.db.commits holds no number of commits",
    ),
    (
        "the record is removed",
        |data| fs::remove_file(record(data)).expect("a record"),
        "agora.db.commits is missing",
    ),
    (
        "the log and the record are removed",
        |data| {
            fs::remove_file(data.join("agora.db-wal")).expect("a log");
            fs::remove_file(record(data)).expect("a record");
        },
        "agora.db.commits is missing",
    ),
    ("pages are overwritten", overwritten, "damaged"),
    (
        "the database is cut",
        |data| {
            checkpointed(data);
            cut(&data.join("agora.db"), 40_960);
        },
        "agora.db",
    ),
    (
        "a table is dropped",
        |data| {
            checkpointed(data)
                .execute_batch("DROP TABLE message")
                .expect("the table goes")
        },
        "table message",
    ),
    (
        "others may read the keys",
        |data| fs::set_permissions(data.join("keys.json"), fs::Permissions::from_mode(0o644)).expect("a mode"),
        "chmod 600",
    ),
    (
        "others may write the keys",
        |data| fs::set_permissions(data.join("keys.json"), fs::Permissions::from_mode(0o620)).expect("a mode"),
        "chmod 600",
    ),
];

/// Returns the path of the record of the commits.
fn record(data: &Path) -> PathBuf {
    data.join("agora.db.commits")
}

/// Opens the database and copies its write-ahead log into it.
fn checkpointed(data: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(data.join("agora.db")).expect("the database");
    // A server that has the database open keeps the log.
    let moved = db.query_row("PRAGMA wal_checkpoint", [], |_| Ok(()));
    moved.expect("the log goes into the file");
    db
}

fn overwritten(data: &Path) {
    drop(checkpointed(data));
    overwrite_pages(data);
}

#[test]
fn damage_to_closed_files_is_reported_at_every_start() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    killed_demo(&whole);
    for (n, (what, harm, told)) in WHILE_IT_IS_STOPPED.into_iter().enumerate() {
        let data = folder.path().join(n.to_string());
        copy(&whole, &data);
        harm(&data);
        for _ in 0..2 {
            let refused = refusal_of(demo(&data));
            assert!(refused.contains(told), "{what}: {refused}");
        }
    }
    fs::remove_file(whole.join("agora.db-shm")).unwrap();
    ServerProcess::start(demo(&whole)).stop();
    Audit::open(&whole).assert_balanced();
}

#[test]
fn files_that_a_start_makes_anew_are_reported() {
    const NO_DATABASE: &str = "has no database: an empty one is created";
    const NO_KEYS: &str = "no token that was issued before is accepted";
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = ServerProcess::start(demo(&data));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    drop(runtime.block_on(HttpClient::new(&server.url).sign_in("dan")));
    server.stop();

    fs::remove_file(data.join("keys.json")).unwrap();
    let server = ServerProcess::start(demo(&data));
    server.log.wait_for(NO_KEYS);
    assert_eq!(server.log.count(NO_DATABASE), 0, "{}", server.log.text());
    server.stop();

    for file in fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        if file.file_name() != "lock" {
            fs::remove_file(file.path()).unwrap();
        }
    }
    let server = ServerProcess::start(demo(&data));
    server.log.wait_for(NO_DATABASE);
    assert_eq!(server.log.count(NO_KEYS), 0, "{}", server.log.text());
    server.stop();
}

#[test]
fn a_backup_alone_is_opened_when_the_loss_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (data, restored) = (folder.path().join("data"), folder.path().join("restored"));
    ServerProcess::start(demo(&data)).stop();
    fs::create_dir(&restored).unwrap();
    let to = restored.join("agora.db");
    let copied = checkpointed(&data).execute("VACUUM INTO ?1", [to.to_str().unwrap()]);
    copied.expect("a backup");
    assert!(refusal_of(demo(&restored)).contains("agora.db.commits is missing"));
    let accepting = demo_with(&restored, &["--accept-data-loss", "true"]);
    let server = ServerProcess::start(accepting);
    server.log.wait_for("data loss is accepted");
    server.stop();
    ServerProcess::start(demo(&restored)).stop();
    Audit::open(&restored).assert_balanced();
}

#[test]
fn a_replica_credential_readable_by_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let credential = folder.path().join("credential");
    fs::write(&credential, "0123456789abcdef0123456789abcdef").unwrap();
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o640)).unwrap();
    let path = credential.to_str().unwrap();
    let replicas = ["--order-replicas", "1=http://127.0.0.1:1", "--order-credential", path];
    let arguments = [&["serve", "--listen", "127.0.0.1:0"][..], &replicas].concat();
    let refused = refusal_of(crate::killed::command::agora(&data, &arguments));
    assert!(refused.contains("chmod 600"), "{refused}");
}
