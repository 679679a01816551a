//! Several files are read as of one moment, while another connection writes them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use database::{Snapshot, SnapshotError};
use rusqlite::Connection;

const WAIT: Duration = Duration::from_secs(30);
const SNAPSHOTS: usize = 40;

fn file(folder: &Path, name: &str) -> (PathBuf, Connection) {
    let path = folder.join(name);
    let db = Connection::open(&path).unwrap();
    db.busy_timeout(WAIT).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", "OFF").unwrap();
    db.execute_batch("CREATE TABLE count (n INTEGER); INSERT INTO count VALUES (0)")
        .unwrap();
    (path, db)
}

fn count(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("SELECT n FROM count", [], |row| row.get(0))
}

#[test]
fn files_are_copied_as_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let (files, writers): (Vec<_>, Vec<_>) = ["a", "b", "c"]
        .map(|name| file(folder.path(), name))
        .into_iter()
        .unzip();
    let (stop, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    let (stop, rounds) = (&stop, &rounds);
    std::thread::scope(|threads| {
        threads.spawn(move || {
            // Each file is written after the one before it, so none is ever ahead of that one.
            while !stop.load(SeqCst) {
                for writer in &writers {
                    writer.execute("UPDATE count SET n = n + 1", []).unwrap();
                }
                rounds.fetch_add(1, SeqCst);
            }
        });
        for n in 0..SNAPSHOTS {
            let snapshot = Snapshot::take(&files, WAIT).unwrap();
            let began = rounds.load(SeqCst);
            // The copies are made while the writer goes on.
            while rounds.load(SeqCst) < began + 3 {
                std::thread::yield_now();
            }
            let copied: Vec<i64> = (0..files.len())
                .map(|at| {
                    let to = folder.path().join(format!("copy-{n}-{at}"));
                    snapshot.copy(at, &to, WAIT).unwrap();
                    let copied = count(&Connection::open(&to).unwrap()).unwrap();
                    assert_eq!(copied, snapshot.read(at, count).unwrap());
                    copied
                })
                .collect();
            let [a, b, c] = copied[..] else { panic!("three files") };
            assert!(a >= b && b >= c && c >= a - 1, "{copied:?}");
        }
        stop.store(true, SeqCst);
    });
}

#[test]
fn a_lock_that_is_not_free_in_time_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (path, holder) = file(folder.path(), "a");
    let files = [path];
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = Snapshot::take(&files, Duration::from_millis(20)).err();
    assert!(matches!(refused, Some(SnapshotError::Locked(_))), "{refused:?}");
    holder.execute_batch("ROLLBACK").unwrap();
    assert!(Snapshot::take(&files, WAIT).is_ok());
}
