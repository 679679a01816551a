//! Acknowledged means durable: a process that is killed during its writes has lost none that it acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use database::DbOptions;
use rand::Rng;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{Db, no_subscribers, number};

const KILLS: i64 = 200;
/// The number of concurrent writes, which share commits.
const WRITERS: i64 = 16;
/// The most keys of a round.
const ROUND: i64 = 1_000_000;
/// The environment variable that gives the child the path of the database and its keys.
const CHILD: &str = "AGORA_TEST_KILLED_CHILD";

/// Not a test of its own: the test below starts and kills it. It does nothing without the path of the database.
#[test]
#[ignore = "started and killed by no_acknowledged_write_is_lost_when_the_process_is_killed"]
fn child_that_writes_until_it_is_killed() {
    let Some(told) = std::env::var_os(CHILD) else { return };
    let told = told.into_string().unwrap();
    let (first_key, path) = told.split_once(' ').unwrap();
    let first_key: i64 = first_key.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let db = Db::open(DbOptions::new(path), no_subscribers()).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let db = db.clone();
            writers.spawn(async move {
                for n in 0..ROUND / WRITERS {
                    let key = first_key + n * WRITERS + writer;
                    db.write(async move |tx| {
                        for table in ["kept", "pair"] {
                            let statement = format!("INSERT INTO {table} (id) VALUES ({key})");
                            tx.execute_unprepared(&statement).await?;
                        }
                        Ok(())
                    })
                    .await
                    .unwrap();
                    // One call writes the whole line.
                    std::io::stdout()
                        .lock()
                        .write_all(format!("acknowledged {key}\n").as_bytes())
                        .unwrap();
                }
            });
        }
        writers.join_all().await;
    });
}

/// Starts the child, kills it after some answers, and returns every key that it acknowledged.
fn acknowledged_until_killed(path: &Path, first_key: i64, answers: usize) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::child_that_writes_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(CHILD, format!("{first_key} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = Vec::new();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Lines in the pipe after the kill were acknowledged as well; a line that the kill cut off was not sent.
    for line in lines.map_while(Result::ok) {
        if let Some(key) = line.strip_prefix("acknowledged ") {
            keys.push(key.parse().unwrap());
        }
        if keys.len() == answers {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(
        !status.success() && keys.len() >= answers,
        "killed, not ended by itself: {status}"
    );
    keys
}

async fn keys(db: &Db, query: String) -> Vec<i64> {
    let rows = db
        .read()
        .query_all_raw(Statement::from_string(DbBackend::Sqlite, query))
        .await
        .unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agora.db");
    let db = Db::open(DbOptions::new(&path), no_subscribers()).await.unwrap();
    db.migrate(async |connection| {
        let tables = "CREATE TABLE kept (id INTEGER PRIMARY KEY); CREATE TABLE pair (id INTEGER PRIMARY KEY)";
        connection.execute_unprepared(tables).await.map(drop)
    })
    .await
    .unwrap();
    db.close().await.unwrap();

    let mut kept_before = 0;
    for round in 0..KILLS {
        let (path, first_key) = (path.clone(), round * ROUND);
        let answers = rand::rng().random_range(1..100);
        let acknowledged = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || acknowledged_until_killed(&path, first_key, answers))
                .await
                .unwrap()
        };

        let db = Db::open(DbOptions::new(&path), no_subscribers()).await.unwrap();
        let kept = keys(&db, format!("SELECT id FROM kept WHERE id >= {first_key} ORDER BY id")).await;
        for key in acknowledged {
            assert!(kept.binary_search(&key).is_ok(), "round {round} lost {key}");
        }
        let pairs = keys(&db, format!("SELECT id FROM pair WHERE id >= {first_key} ORDER BY id")).await;
        assert_eq!(kept, pairs, "round {round} left half a write");
        let before = format!("SELECT count(*) FROM kept WHERE id < {first_key}");
        assert_eq!(
            number(db.read(), &before).await.unwrap(),
            kept_before,
            "round {round} lost rows of earlier ones"
        );
        kept_before += kept.len() as i64;
        let damage = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        assert_eq!(number(db.read(), damage).await.unwrap(), 0, "round {round}");
        db.close().await.unwrap();
    }
}
