//! A failing disk and changed files are detected: no data is lost silently.

use std::fs::{self, OpenOptions};
use std::path::Path;

use database::{DbOptions, Error, is_storage_failure};

use crate::support::{Db, TestDb, WriteError, no_subscribers, number, run_on};

const VALUES: &str = "SELECT count(*) FROM counter";
/// Inserts rows that need more than one page.
const MANY: &str = "INSERT INTO counter SELECT value, 0 FROM (WITH RECURSIVE n (value) AS
    (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 5000) SELECT value FROM n)";

/// Copies the files to another folder, as a kill at this moment would leave them.
fn killed_copy(db: &TestDb, to: &Path) -> DbOptions {
    for added in ["", "-wal", ".commits"] {
        fs::copy(db.file(added), to.join(format!("agora.db{added}"))).unwrap();
    }
    DbOptions::new(to.join("agora.db"))
}

/// A database with five commits in its log.
async fn with_five() -> TestDb {
    let db = TestDb::new().await;
    for id in 1..=5 {
        db.run(format!("INSERT INTO counter VALUES ({id}, 0)")).await;
    }
    db
}

/// Whether the storage failed, not the statement.
fn is_storages(error: &WriteError) -> bool {
    matches!(error, WriteError::Database(Error::Driver(cause)) if is_storage_failure(cause))
}

async fn refusal(options: &DbOptions) -> String {
    let refused = Db::open(options.clone(), no_subscribers())
        .await
        .err()
        .expect("the database is refused");
    refused.to_string()
}

#[tokio::test]
async fn a_damaged_log_is_refused_until_the_loss_is_accepted() {
    let db = with_five().await;
    let bytes = fs::metadata(db.file("-wal")).unwrap().len();
    let whole = tempfile::tempdir().unwrap();
    let opened = Db::open(killed_copy(&db, whole.path()), no_subscribers())
        .await
        .unwrap();
    assert_eq!(number(opened.read(), VALUES).await.unwrap(), 5);
    for how in ["missing", "empty", "half", "damaged"] {
        let folder = tempfile::tempdir().unwrap();
        let mut options = killed_copy(&db, folder.path());
        let log = folder.path().join("agora.db-wal");
        let open_log = || OpenOptions::new().write(true).open(&log).unwrap();
        match how {
            "missing" => fs::remove_file(&log).unwrap(),
            "empty" => open_log().set_len(0).unwrap(),
            "half" => open_log().set_len(bytes / 2).unwrap(),
            _ => std::os::unix::fs::FileExt::write_all_at(&open_log(), b"?", bytes - 100).unwrap(),
        }
        for _ in 0..2 {
            let said = refusal(&options).await;
            assert!(
                said.contains("commits that were acknowledged") && said.contains("--accept-data-loss"),
                "{how}: {said}"
            );
        }
        options.accept_data_loss = true;
        Db::open(options.clone(), no_subscribers())
            .await
            .unwrap()
            .close()
            .await
            .unwrap();
        options.accept_data_loss = false;
        Db::open(options, no_subscribers())
            .await
            .unwrap_or_else(|error| panic!("{how}: {error}"));
    }
}

#[tokio::test]
async fn a_record_that_is_gone_or_damaged_is_not_taken_for_none() {
    let db = with_five().await;
    for (how, text) in [
        ("missing", None),
        ("empty", Some("")),
        ("garbage", Some("garbage")),
        ("too large", Some("99999999999")),
    ] {
        for without_log in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let mut options = killed_copy(&db, folder.path());
            let record = folder.path().join("agora.db.commits");
            match text {
                None => fs::remove_file(&record).unwrap(),
                Some(text) => fs::write(&record, text).unwrap(),
            }
            if without_log {
                fs::remove_file(folder.path().join("agora.db-wal")).unwrap();
            }
            for _ in 0..2 {
                let said = refusal(&options).await;
                let names_both = said.contains("agora.db.commits") && said.contains("--accept-data-loss");
                assert!(names_both, "{how}, log removed: {without_log}: {said}");
            }
            options.accept_data_loss = true;
            let opened = Db::open(options.clone(), no_subscribers()).await.unwrap();
            opened.close().await.unwrap();
            options.accept_data_loss = false;
            Db::open(options, no_subscribers()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_database_of_a_build_without_the_record_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agora.db");
    let older = rusqlite::Connection::open(&path).unwrap();
    older.execute_batch("CREATE TABLE t (id INTEGER)").unwrap();
    drop(older);
    let options = DbOptions::new(&path);
    let opened = Db::open(options.clone(), no_subscribers()).await.unwrap();
    opened.close().await.unwrap();
    fs::write(folder.path().join("agora.db.commits"), "").unwrap();
    assert!(refusal(&options).await.contains("agora.db.commits"));
}

#[tokio::test]
async fn an_older_file_in_place_of_the_database_is_refused() {
    let db = TestDb::new().await;
    db.run("INSERT INTO counter VALUES (1, 0)").await;
    db.close().await.unwrap();
    fs::copy(db.file(""), db.file(".old")).unwrap();
    let again = db.reopen().await;
    run_on(&again, "INSERT INTO counter VALUES (2, 0)").await.unwrap();
    again.close().await.unwrap();
    fs::rename(db.file(".old"), db.file("")).unwrap();
    let said = refusal(&db.1).await;
    assert!(said.contains("the last 1 commits"), "{said}");
}

#[tokio::test]
async fn the_check_at_the_start_finds_a_damaged_page() {
    let db = with_five().await;
    db.close().await.unwrap();
    let file = OpenOptions::new().write(true).open(db.file("")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 4096], 4096).unwrap();
    let mut options = db.1.clone();
    options.check_time = std::time::Duration::from_secs(60);
    let said = refusal(&options).await;
    assert!(said.contains("damaged") || said.contains("malformed"), "{said}");
}

#[tokio::test]
async fn a_file_tampered_with_while_open_takes_no_more_writes() {
    for (how, added) in [
        ("removed", ""),
        ("replaced", ""),
        ("removed", "-wal"),
        ("replaced", "-wal"),
        ("cut", "-wal"),
    ] {
        let db = TestDb::new().await;
        db.run("INSERT INTO counter VALUES (1, 0)").await;
        assert_eq!(db.storage().failure_reason(), None);
        let file = db.file(added);
        match how {
            "removed" => fs::remove_file(&file).unwrap(),
            "replaced" => {
                fs::copy(&file, db.file(".copy")).unwrap();
                fs::rename(db.file(".copy"), &file).unwrap();
            }
            _ => OpenOptions::new().write(true).open(&file).unwrap().set_len(0).unwrap(),
        }
        let refused = db.try_run("INSERT INTO counter VALUES (2, 0)").await.unwrap_err();
        assert!(is_storages(&refused), "{how} {added}: {refused}");
        let trouble = db.storage().failure_reason().expect("the trouble is known");
        assert!(trouble.contains("removed"), "{trouble}");
        assert_eq!(file.exists(), how != "removed", "a new file was made");
    }
}

#[tokio::test]
async fn a_log_of_many_short_commits_starts_again() {
    let db = TestDb::new().await;
    for id in 1..=600 {
        db.run(format!("INSERT INTO counter VALUES ({id}, 0)")).await;
    }
    // A commit adds the page of its row, and the one with its number.
    let pages = fs::metadata(db.file("-wal")).unwrap().len() / 4096;
    assert!((1_000..1_100).contains(&pages), "{pages} pages");
    assert_eq!(number(db.read(), VALUES).await.unwrap(), 600);
}

#[tokio::test]
async fn a_full_disk_fails_a_write_and_later_ones_work_with_room() {
    let db = TestDb::new().await;
    let pages = number(db.read(), "PRAGMA page_count").await.unwrap();
    let room = async |pages: i64| db.run(format!("PRAGMA max_page_count = {pages}")).await;
    room(pages).await;
    let refused = db.try_run(MANY).await.unwrap_err();
    assert!(is_storages(&refused), "{refused}");
    assert!(refused.to_string().contains("full"), "{refused}");
    assert!(db.storage().failure_reason().is_some());
    assert_eq!(number(db.read(), VALUES).await.unwrap(), 0);
    room(pages + 1_000).await;
    db.run(MANY).await;
    assert_eq!(db.storage().failure_reason(), None);
    assert_eq!(number(db.read(), VALUES).await.unwrap(), 5_000);
}

#[tokio::test]
async fn a_probe_notices_room_on_the_disk_without_other_writes() {
    let db = TestDb::new().await;
    let full = sea_orm::DbErr::Custom("other failures are none of the disk's".to_owned());
    db.storage().record_failure(&full);
    assert_eq!(db.storage().failure_reason(), None);
    db.run("PRAGMA max_page_count = 1").await;
    assert!(db.try_run(MANY).await.is_err());
    assert!(db.storage().failure_reason().is_some());
    db.check_storage().await.unwrap();
    // The probe was queued before this write, which changes nothing.
    db.run("SELECT 1").await;
    assert_eq!(db.storage().failure_reason(), None);
}
