//! A data folder still starts after its first starts, or a downward migration, were killed at any point and any
//! number of times.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tests::{Audit, HttpClient};

use super::command::{ServerProcess, agora, demo};

/// A file that appears during the first start, and the longest delay between its appearance and the kill. The first
/// points cover the creation of files, the switch of the journal mode and the migrations. The last one covers the
/// sample data.
const POINTS: [(&str, Duration); 6] = [
    ("lock", Duration::from_millis(4)),
    ("agora.db", Duration::from_millis(8)),
    ("agora.db-wal", Duration::from_millis(8)),
    ("agora.db.commits", Duration::from_millis(400)),
    ("keys.json", Duration::from_millis(20)),
    ("keys.json", Duration::from_millis(600)),
];
/// The number of folders for each point.
const FOLDERS: usize = 3;
/// The number of kills in each folder. A later start continues from the state that the earlier one left.
const KILLS: usize = 3;
/// The number of folders that are tested at once.
const THREADS: usize = 3;
/// The longest wait for a file.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the demo and kills it at a random time after the file has appeared.
fn killed(data: &Path, (file, later): (&str, Duration), chance: &mut StdRng) {
    let mut command = demo(data);
    let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = started.expect("the program starts");
    let (file, late) = (data.join(file), Instant::now() + PATIENCE);
    let again = file.exists();
    while !file.exists() {
        assert!(Instant::now() < late, "{} does not appear", file.display());
        thread::sleep(Duration::from_micros(100));
    }
    // A file that existed before says nothing about the progress of this start, so the kill may come at any point.
    let later = if again { Duration::from_millis(900) } else { later };
    thread::sleep(chance.random_range(Duration::ZERO..=later));
    child.kill().expect("it was started");
    child.wait().expect("its end");
}

/// Starts the demo, checks it, and returns the row count of each table.
fn started(data: &Path) -> BTreeMap<String, i64> {
    let server = ServerProcess::start(demo(data));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let dan = HttpClient::new(&server.url).sign_in("dan").await;
        assert_eq!(
            dan.query("{ me { username } }", json!({})).await.at("me.username"),
            "dan"
        );
    });
    server.stop();
    let audit = Audit::open(data);
    audit.assert_balanced();
    audit.rows()
}

fn folders(thread: usize, seed: u64, wanted: &BTreeMap<String, i64>) {
    let mut chance = StdRng::seed_from_u64(seed.wrapping_add(thread as u64));
    for n in (0..FOLDERS * POINTS.len()).filter(|n| n % THREADS == thread) {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let point = POINTS[n % POINTS.len()];
        for _ in 0..KILLS {
            killed(&data, point, &mut chance);
        }
        assert_eq!(started(&data), *wanted, "killed after {point:?}");
    }
}

#[test]
fn a_folder_killed_at_its_first_starts_gets_all_sample_data() {
    let seed = rand::rng().random();
    eprintln!("seed {seed}");
    let whole = tempfile::tempdir().expect("a folder");
    let wanted = started(&whole.path().join("data"));
    thread::scope(|threads| {
        for n in 0..THREADS {
            let wanted = &wanted;
            threads.spawn(move || folders(n, seed, wanted));
        }
    });
}

/// The number of downward migrations that are killed.
const WAYS_BACK: usize = 9;

#[test]
fn a_folder_killed_during_a_migration_down_starts_balanced() {
    let seed = rand::rng().random();
    eprintln!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole");
    started(&whole);
    let killed = (0..WAYS_BACK).map(|n| (n, chance.random_range(0..150)));
    let killed: Vec<(usize, u64)> = killed.collect();
    thread::scope(|threads| {
        for part in killed.chunks(WAYS_BACK.div_ceil(THREADS)) {
            let (folder, whole) = (folder.path(), &whole);
            threads.spawn(move || {
                for (n, later) in part {
                    let data = folder.join(n.to_string());
                    let copied = Command::new("cp").arg("-a").arg(whole).arg(&data).status();
                    assert!(copied.expect("cp").success());
                    let mut command = agora(&data, &["migrate", "--yes", "--down", "99"]);
                    let begun = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
                    let mut child = begun.expect("the program starts");
                    thread::sleep(Duration::from_millis(*later));
                    child.kill().expect("it was started");
                    child.wait().expect("its end");
                    started(&data);
                }
            });
        }
    });
}
