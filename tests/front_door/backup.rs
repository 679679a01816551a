//! `agora backup` beside a busy server, and `agora restore`: everything that was acknowledged before the backup began is there,
//! and everything adds up.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rusqlite::Connection;
use serde_json::json;
use testing::within;
use tests::{Audit, HttpClient};
use tokio::sync::watch;

use crate::killed::calls::{Call, Cast, call, cast, repeat, send};
use crate::killed::command::{ServerProcess, agora, demo, done, refusal_of};
use crate::killed::replicas::{PATIENCE, settled};
use crate::killed::server::Server;

/// The number of clients that trade.
const CLIENTS: usize = 8;
/// The answers before the backup begins.
const ANSWERS: usize = 120;
const POST: &str = "mutation($input: PostInput!) { createPost(input: $input) { id } }";

/// Clients that send calls and posts until they are told to stop.
struct Load {
    answered: Arc<Mutex<Vec<Call>>>,
    posts: Arc<Mutex<Vec<String>>>,
    answers: watch::Sender<usize>,
    stop: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(url: &str, cast: &Arc<Cast>) -> Self {
        let load = Self {
            answered: Arc::default(),
            posts: Arc::default(),
            answers: watch::Sender::new(0),
            stop: Arc::default(),
            clients: Vec::new(),
        };
        let traders = (0..CLIENTS).map(|client| {
            let (url, cast, stop) = (url.to_owned(), Arc::clone(cast), Arc::clone(&load.stop));
            let (answered, answers) = (Arc::clone(&load.answered), load.answers.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    if stop.load(SeqCst) {
                        return;
                    }
                    let mut call = call(&cast, client, n, format!("client {client} call {n}"));
                    call.answer = Some(send(&url, &cast, &call).await.expect("a running server"));
                    answered.lock().expect("calls").push(call);
                    answers.send_modify(|answers| *answers += 1);
                }
            })
        });
        let clients: Vec<_> = traders.collect();
        let (author, stop) = (cast.people[0].1.with_url(url), Arc::clone(&load.stop));
        let (posts, answers) = (Arc::clone(&load.posts), load.answers.clone());
        let poster = tokio::spawn(async move {
            for n in 0.. {
                if stop.load(SeqCst) {
                    return;
                }
                let input = json!({ "title": format!("post {n}"), "text": "of the load", "community": "Backups" });
                let posted = author.query(POST, json!({ "input": input })).await;
                posts
                    .lock()
                    .expect("posts")
                    .push(posted.text("createPost.id").to_owned());
                answers.send_modify(|answers| *answers += 1);
            }
        });
        Self {
            clients: clients.into_iter().chain([poster]).collect(),
            ..load
        }
    }

    /// Waits until so many more calls are answered.
    async fn wait_for(&self, more: usize) {
        let mut answers = self.answers.subscribe();
        let enough = *answers.borrow() + more;
        let answered = answers.wait_for(|answers| *answers >= enough);
        within(PATIENCE, "calls are answered", answered).await.expect("clients");
    }

    /// The calls and the posts that are answered by now.
    fn so_far(&self) -> (Vec<Call>, Vec<String>) {
        (
            self.answered.lock().expect("calls").clone(),
            self.posts.lock().expect("posts").clone(),
        )
    }

    async fn end(self) {
        self.stop.store(true, SeqCst);
        for client in self.clients {
            within(PATIENCE, "a client ends", client).await.expect("a client");
        }
    }
}

async fn run(command: Command) {
    tokio::task::spawn_blocking(move || done(command))
        .await
        .expect("the command");
}

fn command(data: &Path, name: &str, file: &Path) -> Command {
    agora(data, &[name, file.to_str().expect("a name that is text")])
}

/// Backs up a server under load, destroys its folder, restores it elsewhere, and compares.
async fn back_up_and_restore(archive: &str, replicas: bool) -> (tempfile::TempDir, PathBuf) {
    let start = |data: &Path| {
        if replicas {
            Server::with_replicas(data, 3)
        } else {
            Server::start(data)
        }
    };
    let start_quiet = |data: &Path| {
        if replicas {
            Server::with_quiet_replicas(data, 3)
        } else {
            Server::quiet(data)
        }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (folder.path().join("data"), folder.path().join(archive));
    let mut server = start(&data);
    let cast = Arc::new(cast(&server.url).await);
    let load = Load::start(&server.url, &cast);
    load.wait_for(ANSWERS).await;

    let (mut calls, posts) = load.so_far();
    run(command(&data, "backup", &file)).await;
    let mode = fs::metadata(&file).expect("an archive").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Verifying does not stop the load either.
    run(agora(&data, &["verify"])).await;
    load.wait_for(ANSWERS / 4).await;
    load.end().await;
    server.kill();
    fs::remove_dir_all(&data).expect("the folder is destroyed");

    let restored = folder.path().join("elsewhere").join("restored");
    run(command(&restored, "restore", &file)).await;
    let mut server = start_quiet(&restored);
    assert!(!calls.is_empty() && !posts.is_empty());
    within(PATIENCE, "the same answers", repeat(&server.url, &cast, &mut calls)).await;
    let reader = HttpClient::new(&server.url);
    for post in &posts {
        let read = reader
            .query("query($id: ID!) { post(id: $id) { id } }", json!({ "id": post }))
            .await;
        assert_eq!(read.at("post.id"), post.as_str());
    }
    if replicas {
        within(
            PATIENCE,
            "all trades have numbers",
            settled(&server, &Audit::open(&restored)),
        )
        .await;
    }
    server.kill();
    run(agora(&restored, &["verify"])).await;
    Audit::open(&restored).assert_balanced();
    (folder, restored)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_has_all_that_was_acknowledged() {
    back_up_and_restore("agora.tar.zst", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_three_replicas_has_all_that_was_acknowledged() {
    let (_folder, restored) = back_up_and_restore("agora.tar", true).await;
    // The audit compares the ledgers of the replicas with the table.
    let replica = Connection::open(restored.join("orders").join("orders-2.sqlite")).expect("a replica");
    let damage = "DROP TRIGGER exchange_order_is_not_changed; UPDATE exchange_order SET quantity = quantity + 1 WHERE number = 3";
    replica.execute_batch(damage).expect("a trade");
    drop(replica);
    let output = agora(&restored, &["verify"]).output().expect("the program starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("exchange_order of orders-2.sqlite 3: expected"), "{told}");
    assert_eq!(told.matches("not true:").count(), 1, "{told}");
}

/// A folder with the sample data, whose server has stopped.
fn stopped(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    ServerProcess::start(demo(&data)).stop();
    data
}

#[test]
fn a_backup_that_is_killed_leaves_no_half_archive() {
    const KILLS: u32 = 10;
    let folder = tempfile::tempdir().unwrap();
    let data = stopped(folder.path());
    let whole = folder.path().join("whole.tar.zst");
    let begun = Instant::now();
    done(command(&data, "backup", &whole));
    let time = begun.elapsed();
    for n in 0..KILLS {
        let file = folder.path().join(format!("{n}.tar.zst"));
        let mut command = command(&data, "backup", &file);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        std::thread::sleep(time * n / KILLS);
        child.kill().expect("it was started");
        child.wait().expect("its end");
        if file.exists() {
            done(self::command(&folder.path().join(n.to_string()), "restore", &file));
        }
    }
    // The killed ones did no harm to the folder.
    done(agora(&data, &["verify"]));
    ServerProcess::start(demo(&data)).stop();
}

#[test]
fn a_damaged_archive_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let data = stopped(folder.path());
    let target = folder.path().join("target");
    for name in ["plain.tar", "compressed.tar.zst"] {
        let whole = folder.path().join(name);
        done(command(&data, "backup", &whole));
        let bytes = fs::read(&whole).unwrap();
        let middle = bytes.len() / 2;
        let cut = [0, 100, 1_000, middle].map(|length| bytes[..length].to_vec());
        let changed = [10, 700, middle].map(|at| {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            changed
        });
        for (n, bytes) in cut.into_iter().chain(changed).enumerate() {
            let file = folder.path().join(format!("{n}-{name}"));
            fs::write(&file, bytes).unwrap();
            let refused = refusal_of(command(&target, "restore", &file));
            assert!(refused.contains(&format!("{n}-{name}: ")), "{refused}");
            assert!(!target.exists(), "{n}-{name} left a folder");
        }
        done(command(&target, "restore", &whole));
        fs::remove_dir_all(&target).unwrap();
    }
    let left = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().starts_with(".agora-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let data = stopped(folder.path());
    let file = folder.path().join("agora.tar");
    fs::write(&file, "something else").unwrap();
    let refused = refusal_of(command(&data, "backup", &file));
    assert!(refused.contains("exists already"), "{refused}");
    assert_eq!(fs::read(&file).unwrap(), b"something else");
    fs::remove_file(&file).unwrap();
    done(command(&data, "backup", &file));
    let refused = refusal_of(command(&data, "restore", &file));
    assert!(refused.contains("not empty"), "{refused}");
    // An existing folder may be a mount point.
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    done(command(&empty, "restore", &file));
    done(agora(&empty, &["verify"]));
    let names = fs::read_dir(&empty).unwrap().map(|file| file.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
    ServerProcess::start(demo(&empty)).stop();
}

#[test]
fn an_archive_goes_through_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let data = stopped(folder.path());
    let mut backup = agora(&data, &["backup", "--zstd", "-"]);
    let file = folder.path().join("piped");
    // The test program prints lines of its own before the archive.
    backup.stdout(fs::File::create(&file).unwrap());
    done(backup);
    let bytes = fs::read(&file).unwrap();
    let begin = bytes.windows(4).position(|bytes| bytes == [0x28, 0xb5, 0x2f, 0xfd]);
    fs::write(&file, &bytes[begin.expect("an archive")..]).unwrap();
    let restored = folder.path().join("restored");
    let mut restore = agora(&restored, &["restore", "-"]);
    restore.stdin(fs::File::open(&file).unwrap());
    done(restore);
    assert!(restored.join("keys.json").exists());
}
