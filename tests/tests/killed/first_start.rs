//! A folder in which the first start or a way back was killed, wherever that was and however often, is a folder that starts.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tests::{Books, Person};

use super::command::{Running, agora, demo};

/// A file that appears during the first start, and how long after that the kill comes at most. Files are made, the journal
/// mode is switched and the tables are migrated between the first ones; the sample data comes after the last one.
const POINTS: [(&str, Duration); 6] = [
    ("lock", Duration::from_millis(4)),
    ("agora.db", Duration::from_millis(8)),
    ("agora.db-wal", Duration::from_millis(8)),
    ("agora.db.commits", Duration::from_millis(400)),
    ("keys.json", Duration::from_millis(20)),
    ("keys.json", Duration::from_millis(600)),
];
/// Folders for each point.
const FOLDERS: usize = 3;
/// Kills in each folder: the second start finds what the first one left.
const KILLS: usize = 3;
/// Folders at once.
const THREADS: usize = 3;
/// How long a file is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the demo and kills it some time after the file has appeared, if it was not there before.
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
    // A file that was there already says nothing about how far this start is: anywhere, then.
    let later = if again { Duration::from_millis(900) } else { later };
    thread::sleep(chance.random_range(Duration::ZERO..=later));
    child.kill().expect("it was started");
    child.wait().expect("its end");
}

/// Starts the demo and looks at it, and answers how many rows each table has then.
fn started(data: &Path) -> BTreeMap<String, i64> {
    let server = Running::start(demo(data));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let dan = Person::at(&server.url).sign_in("dan").await;
        assert_eq!(dan.graphql("{ me { username } }").await.data("/me/username"), "dan");
    });
    server.stop();
    let books = Books::of(data);
    books.assert_balanced();
    books.rows()
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
fn a_folder_whose_first_starts_were_killed_anywhere_starts_with_all_of_the_sample_data() {
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

/// Ways back that are killed.
const WAYS_BACK: usize = 9;

#[test]
fn a_folder_in_which_a_way_back_was_killed_anywhere_starts_and_its_books_add_up() {
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
