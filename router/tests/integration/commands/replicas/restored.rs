//! The replicas of a demo after a copy of their files was put back, and after a first start that was killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::demo::{DEMO, Demo, children_of};
use super::eventually;
use crate::{Server, agora};

/// The replicas' files of a stopped demo.
struct Files(PathBuf);

impl Files {
    fn of(folder: &Path) -> Self {
        Self(folder.join("data/demo/orders"))
    }

    fn copy_to(&self, to: &Path) {
        let copied = Command::new("cp").arg("-a").arg(&self.0).arg(to).status();
        assert!(copied.expect("cp").success());
    }

    /// Replaces the file of a replica, and its write-ahead log, by an older copy.
    fn put_back(&self, from: &Path, id: u64) {
        for added in ["", "-wal", "-shm"] {
            let name = format!("orders-{id}.sqlite{added}");
            let _ = fs::remove_file(self.0.join(&name));
            if from.join(&name).exists() && added != "-shm" {
                fs::copy(from.join(&name), self.0.join(&name)).expect("an older copy");
            }
        }
    }

    fn number(&self, id: u64, sql: &str) -> i64 {
        let db = rusqlite::Connection::open(self.0.join(format!("orders-{id}.sqlite"))).expect("a file");
        db.query_row(sql, [], |row| row.get(0)).expect("a number")
    }

    /// Returns the number of orders in a replica that came from the database's table and not from a trade.
    fn of_table(&self, id: u64) -> i64 {
        self.number(id, "SELECT count(*) FROM exchange_order WHERE key LIKE 'table:%'")
    }

    /// Whether a replica knows the current progress of another one.
    fn knows(&self, id: u64, other: u64) -> bool {
        let told =
            format!("SELECT coalesce(max(value ->> '$.log.index'), -1) FROM fact WHERE name = 'reached by {other}'");
        self.number(id, &told) >= self.number(other, "SELECT max(log_index) FROM log")
    }
}

#[test]
fn only_replicas_restored_together_get_their_orders_again() {
    let folder = tempfile::tempdir().unwrap();
    let (files, old) = (Files::of(folder.path()), folder.path().join("old"));
    let trade = |demo: &Demo, key: &str| demo.trade(key, "POST /bazaar/orders", "/data/order_number");
    let demo = Demo::start(folder.path());
    let first = trade(&demo, "1");
    assert!(demo.0.stop());
    files.copy_to(&old);
    let demo = Demo::start(folder.path());
    assert_eq!((trade(&demo, "2"), trade(&demo, "3")), (first + 1, first + 2));
    assert!(demo.0.stop());

    for id in 1..=3 {
        files.put_back(&old, id);
    }
    let demo = Demo::start(folder.path());
    assert_eq!(trade(&demo, "2"), first + 1, "the database kept it");
    assert_eq!(trade(&demo, "4"), first + 3);
    let trades = usize::try_from(first).unwrap() + 4;
    let ledger = demo.ledger(1, trades);
    assert_eq!(
        [demo.ledger(2, trades), demo.ledger(3, trades)],
        [ledger.clone(), ledger]
    );
    eventually("the others know how far it is", || {
        files.knows(1, 2) && files.knows(3, 2)
    });
    assert!(demo.0.stop());
    for id in 1..=3 {
        assert_eq!(files.of_table(id), 0, "the orders have the keys they had");
    }

    files.put_back(&old, 2);
    let path = folder.path().join("log");
    let log = fs::File::create(&path).expect("a file");
    let quick = [&DEMO[..], &["--order-restart-ms", "50"]].concat();
    let demo = Demo(Server::start_logging(folder.path(), &quick, 0, log.into()));
    assert_eq!(trade(&demo, "5"), first + 4);
    let said = || fs::read_to_string(&path).expect("a log");
    eventually("the replica is started again and again, each time later", || {
        ["again_in_ms=50", "again_in_ms=100", "again_in_ms=200"]
            .iter()
            .all(|rest| said().contains(rest))
    });
    let said = said();
    assert!(
        said.contains("an older copy") && said.contains("Move the folder `orders` away"),
        "{said}"
    );
    assert_eq!(trade(&demo, "6"), first + 5);
    assert!(demo.0.stop());
}
/// The times at which a test kills first starts, in milliseconds: each row is a folder of its own.
const KILLED_AFTER_MS: [[u64; 4]; 2] = [[30, 90, 200, 400], [600, 250, 120, 60]];

#[test]
fn a_folder_killed_at_its_first_starts_starts_all_replicas() {
    for moments in KILLED_AFTER_MS {
        let folder = tempfile::tempdir().unwrap();
        for moment in moments {
            let arguments = [&DEMO[..], &["--listen", "127.0.0.1:0"]].concat();
            let mut command = agora(folder.path(), &arguments);
            let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let mut server = started.expect("the program starts");
            thread::sleep(Duration::from_millis(moment));
            let replicas = children_of(server.id());
            server.kill().expect("it runs");
            for pid in replicas.values() {
                // A replica that has ended with its server needs no kill.
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).output();
            }
            server.wait().expect("its end");
        }
        let demo = Demo::start(folder.path());
        demo.trade("1", "POST /bazaar/orders", "/data/order_number");
        eventually("all are alive", || {
            let replicas = demo.0.graphql("{ orderReplicas { alive } }", None);
            let replicas = replicas["data"]["orderReplicas"].as_array().unwrap().clone();
            replicas.len() == 3 && replicas.iter().all(|replica| replica["alive"] == true)
        });
        assert!(demo.0.stop());
    }
}
