//! `agora verify`: each check finds the row that breaks its rule, and no other check does.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use audit::{AuditError, AuditLimits, InstallationFiles, Report};
use rusqlite::Connection;
use serde_json::{Value, json};
use tests::{HttpClient, TestApp};

use crate::killed::command::{ServerProcess, agora, demo};

/// A check, and the damage of one row that it must find.
const DAMAGES: [(&str, &str); 27] = [
    (
        "constraints",
        "UPDATE book SET quantity = -1 WHERE id = (SELECT min(id) FROM book)",
    ),
    ("references", "UPDATE session SET user_id = 1000000 WHERE id = (SELECT min(id) FROM session)"),
    ("schema", "DROP INDEX book_topic"),
    (
        "ledger-transactions",
        "UPDATE ledger_entry SET amount_minor = amount_minor + 1
         WHERE id = (SELECT min(id) FROM ledger_entry WHERE account = 'OUTSIDE')",
    ),
    ("wallet-buckets", "UPDATE wallet SET balance_minor = balance_minor + 1 WHERE id = (SELECT min(id) FROM wallet)"),
    (
        "entry-balances",
        "UPDATE ledger_entry SET balance_after_minor = balance_after_minor + 1
         WHERE id = (SELECT max(id) FROM ledger_entry WHERE wallet_id IS NOT NULL)",
    ),
    (
        "lent-money",
        "UPDATE broker_authorization SET granted = granted - 1, remaining = remaining - 1
         WHERE id = (SELECT min(id) FROM broker_authorization WHERE kind = 'CAPITAL' AND remaining > 0)",
    ),
    (
        "lent-shares",
        "UPDATE broker_authorization SET granted = granted - 1, remaining = remaining - 1
         WHERE id = (SELECT min(id) FROM broker_authorization WHERE kind = 'STOCK_HOLDING' AND remaining > 0)",
    ),
    (
        "held-money",
        "INSERT INTO hold (wallet_id, amount_minor, state, placed_at_us) SELECT min(id), 1, 'PENDING', 0 FROM wallet",
    ),
    (
        "pending-purchases",
        "UPDATE brokerage_order SET limit_minor = limit_minor + 1
         WHERE id = (SELECT min(id) FROM brokerage_order WHERE status = 'PENDING' AND side = 'BUY')",
    ),
    (
        "held-shares",
        "UPDATE brokerage_order SET quantity = quantity + 1
         WHERE id = (SELECT min(id) FROM brokerage_order WHERE status = 'PENDING' AND side = 'SELL')",
    ),
    ("holdings", "UPDATE holding SET free = free + 1 WHERE id = (SELECT min(id) FROM holding)"),
    (
        "authorizations",
        "UPDATE broker_authorization SET given_back = given_back + 1
         WHERE id = (SELECT min(id) FROM broker_authorization WHERE given_back < granted)",
    ),
    (
        "order-money",
        "UPDATE ledger_movement SET order_id = NULL WHERE id = (SELECT min(movement_id) FROM ledger_entry
         JOIN ledger_movement m ON m.id = movement_id WHERE account = 'EXCHANGE' AND order_id IS NOT NULL)",
    ),
    (
        "trade-numbers",
        "INSERT INTO exchange_order SELECT number + 2, stock_id, side, quantity, price_minor, currency, trader_id, at_us
         FROM exchange_order ORDER BY number DESC LIMIT 1",
    ),
    (
        "completed-orders",
        "UPDATE exchange_order SET quantity = quantity + 1 WHERE number = (SELECT min(exchange_number) FROM brokerage_order)",
    ),
    (
        "reservations",
        "INSERT INTO reservation (attempt, log_key, binding, stock_id, side, quantity, price_minor, currency, at_us, state, number)
         SELECT 'a', 'a', 1, stock_id, side, quantity + 1, price_minor, currency, at_us, 'CONFIRMED', number
         FROM exchange_order WHERE number = 0",
    ),
    ("reserved-shares", "UPDATE stock SET held = held + 1 WHERE id = (SELECT min(id) FROM stock)"),
    ("products", "UPDATE product SET total = total + 1 WHERE id = (SELECT min(id) FROM product)"),
    ("book-sales", "UPDATE book_purchase SET book_id = 1000000 WHERE id = (SELECT min(id) FROM book_purchase)"),
    (
        "post-votes",
        "UPDATE post_votes SET upvotes = 0, score = -downvotes
         WHERE post_id = (SELECT min(post_id) FROM vote WHERE direction = 'UP')",
    ),
    (
        "ranked-posts",
        "UPDATE post_votes SET community_key = 'elsewhere' WHERE post_id = (SELECT min(id) FROM post)",
    ),
    (
        "vote-credits",
        "UPDATE vote SET credited_id = user_id WHERE (post_id, user_id) = (SELECT post_id, user_id FROM vote LIMIT 1)",
    ),
    ("karma", "UPDATE account SET karma = 3000000000 WHERE id = (SELECT min(id) FROM account)"),
    ("people", "UPDATE message SET to_id = 1000000 WHERE id = (SELECT min(id) FROM message)"),
    (
        "idempotency-keys",
        "UPDATE idempotency_key SET answer = '{' WHERE (scope, key) = (SELECT scope, key FROM idempotency_key LIMIT 1)",
    ),
    ("commits", "PRAGMA user_version = 1"),
];

/// Runs a demo in `data` until it has rows of all kinds, and stops it.
pub fn with_rows_of_all_kinds(data: &Path) {
    let server = ServerProcess::start(demo(data));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let ada = HttpClient::new(&server.url).sign_in("ada").await;
        let deposit = "mutation($amount: Money!) { deposit(amount: $amount, idempotencyKey: \"once\") { id } }";
        let amount = json!({ "amount": "5.00", "currency": "USD" });
        ada.query(deposit, json!({ "amount": amount })).await.at("deposit");
    });
    server.stop();
}

fn files(data: &Path) -> InstallationFiles {
    InstallationFiles {
        database: data.join("agora.db"),
        lock: data.join("lock"),
        replicas: Vec::new(),
    }
}

fn audited(data: &Path) -> Report {
    audit::audit(&files(data), &AuditLimits::default()).expect("a report")
}

fn failed(report: &Report) -> Vec<&'static str> {
    let failed = report.checks.iter().filter(|check| !check.passed());
    failed.map(|check| check.name).collect()
}

/// Changes rows as no guard, check or trigger allows.
fn damage(database: &Path, sql: &str) {
    let db = Connection::open(database).expect("a database");
    db.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
        .expect("pragmas");
    let mut triggers = db
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        .expect("a query");
    let triggers: Vec<(String, String)> = triggers
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .expect("triggers");
    for (name, _) in &triggers {
        db.execute_batch(&format!("DROP TRIGGER {name}")).expect("dropped");
    }
    if sql.starts_with("UPDATE") || sql.starts_with("INSERT") {
        assert_eq!(db.execute(sql, []).expect(sql), 1, "one row: {sql}");
    } else {
        db.execute_batch(sql).expect(sql);
    }
    for (_, trigger) in &triggers {
        db.execute_batch(trigger).expect("made again");
    }
}

/// Overwrites entries of an index with zeros.
fn overwrite_index(database: &Path) {
    let db = Connection::open(database).expect("a database");
    let place = "SELECT (rootpage * page_size) - 40 FROM sqlite_schema, pragma_page_size WHERE name = 'book_topic'";
    let place: i64 = db.query_row(place, [], |row| row.get(0)).expect("an index");
    drop(db);
    let file = OpenOptions::new().write(true).open(database).expect("a database");
    file.write_all_at(&[0; 40], place.unsigned_abs()).expect("written");
}

/// The content of each file of a folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder).expect("a folder").map(|file| {
        let path = file.expect("a file").path();
        let content = fs::read(&path).expect("a file");
        (path, content)
    });
    files.collect()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp").success());
}

#[test]
fn each_check_finds_its_damaged_row_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    with_rows_of_all_kinds(&whole);
    let report = audited(&whole);
    assert!(report.adds_up, "{report}");
    let checks: Vec<_> = report.checks.iter().map(|check| check.name).collect();
    for check in &checks {
        let has_case = *check == "pages" || DAMAGES.iter().any(|(damaged, _)| damaged == check);
        assert!(has_case, "{check} has no case here");
    }
    let lacking = report
        .checks
        .iter()
        .filter(|check| check.rows == 0)
        .map(|check| check.name);
    // Only replicas need reservations, and no vote of the sample data credits its author.
    let without = ["reservations", "vote-credits"];
    assert_eq!(lacking.collect::<Vec<_>>(), without, "checks without rows");
    let data = folder.path().join("pages");
    copy(&whole, &data);
    overwrite_index(&data.join("agora.db"));
    let report = audited(&data);
    assert_eq!(failed(&report), ["pages"], "{report}");
    for (check, sql) in DAMAGES {
        let data = folder.path().join(check);
        copy(&whole, &data);
        damage(&data.join("agora.db"), sql);
        let report = audited(&data);
        assert_eq!(failed(&report), [check], "{report}");
    }
}

#[test]
fn the_command_tells_the_deviations_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    with_rows_of_all_kinds(&data);
    let before = contents(&data);
    let clean = agora(&data, &["verify"]).output().expect("the program starts");
    let told = String::from_utf8_lossy(&clean.stdout);
    assert!(clean.status.success() && told.contains("everything adds up"), "{told}");
    assert!(contents(&data) == before, "verifying a stopped folder changed a file");

    damage(
        &data.join("agora.db"),
        "UPDATE product SET total = total + 7 WHERE id = 1",
    );
    let damaged = agora(&data, &["verify", "--json"])
        .output()
        .expect("the program starts");
    assert!(!damaged.status.success());
    let told = String::from_utf8_lossy(&damaged.stdout);
    // The test program prints lines of its own around the report.
    let report = &told[told.find('{').expect("JSON")..=told.rfind('}').expect("JSON")];
    let report: Value = serde_json::from_str(report).expect("JSON");
    assert_eq!(
        (&report["addsUp"], &report["state"]),
        (&json!(false), &json!("offline"))
    );
    let checks = report["checks"].as_array().expect("checks");
    let products = checks
        .iter()
        .find(|check| check["name"] == "products")
        .expect("the check");
    let total = products["first"][0]["expected"]
        .as_str()
        .and_then(|total| total.parse::<i64>().ok());
    let found = (total.expect("a number") + 7).to_string();
    assert_eq!(products["deviations"], 1);
    assert_eq!(
        products["first"][0],
        json!({ "table": "product", "key": "1", "expected": total.unwrap().to_string(), "found": found })
    );
}

#[test]
fn a_snapshot_is_not_held_beyond_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    with_rows_of_all_kinds(&data);
    let limits = AuditLimits {
        time_max: std::time::Duration::ZERO,
        ..AuditLimits::default()
    };
    let ended = audit::audit(&files(&data), &limits);
    assert!(matches!(ended, Err(AuditError::BoundReached { .. })), "{ended:?}");
}

#[test]
fn a_database_of_another_version_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    with_rows_of_all_kinds(&whole);
    for (sql, told) in [
        (
            "INSERT INTO seaql_migrations VALUES ('m9999_later', 0)",
            "a newer Agora",
        ),
        (
            "DELETE FROM seaql_migrations WHERE version LIKE 'm0018%'",
            "an older Agora",
        ),
    ] {
        let data = folder.path().join("data");
        copy(&whole, &data);
        let db = Connection::open(data.join("agora.db")).unwrap();
        db.execute_batch(sql).unwrap();
        drop(db);
        let refused = crate::killed::command::refusal_of(agora(&data, &["verify"]));
        assert!(refused.contains(told), "{refused}");
        fs::remove_dir_all(&data).unwrap();
    }
}

/// A part that reads a table for each row of another one takes minutes where both have 100,000 rows.
#[tokio::test]
async fn no_check_reads_a_table_for_each_row_of_another() {
    let app = TestApp::new().await;
    let db = Connection::open(app.data_folder().join("agora.db")).expect("the database");
    for (check, statement) in audit::table_statements() {
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).expect("a plan");
        let steps = plan.query_map([], |step| Ok((step.get(0)?, step.get(1)?, step.get(3)?)));
        let steps: Vec<(i64, i64, String)> = steps.expect("steps").map(|step| step.expect("a step")).collect();
        let repeated = |mut id: i64| loop {
            let Some((_, parent, text)) = steps.iter().find(|(step, ..)| *step == id) else {
                return false;
            };
            if text.starts_with("CORRELATED") {
                return true;
            }
            id = *parent;
        };
        // A subquery in the list of tables has one row.
        let scans: Vec<_> = steps
            .iter()
            .filter(|(_, _, text)| {
                text.starts_with("SCAN ") && !text.starts_with("SCAN (") && !text.contains("CONSTANT")
            })
            .collect();
        for (index, (id, parent, text)) in scans.iter().enumerate() {
            let is_inner = scans[..index].iter().any(|(_, other, _)| other == parent);
            assert!(!is_inner && !repeated(*id), "{check}: {text} in {steps:#?}");
        }
    }
}
