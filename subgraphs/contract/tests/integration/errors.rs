//! An error of the database has a code and a message for callers, and keeps its details for the log.

use contract::{Error, ErrorCode};
use database::Unavailability;
use sea_orm::DbErr;

use crate::support::{TestDb, number};

#[test]
fn every_error_of_the_database_has_its_code_and_message() {
    const OURS: &str = "something went wrong on our side";
    let statement = DbErr::Custom("near \"nonsense\": syntax error".into());
    for (failed, code, message, details) in [
        (
            database::Error::Driver(statement.clone()),
            ErrorCode::Internal,
            OURS,
            statement.to_string(),
        ),
        (
            database::Error::Misuse("a write inside of a write"),
            ErrorCode::Internal,
            OURS,
            "a write inside of a write".to_owned(),
        ),
        (
            database::Error::Unusable("agora.db is damaged".into()),
            ErrorCode::Internal,
            OURS,
            "agora.db is damaged".to_owned(),
        ),
    ] {
        let error = Error::from(failed);
        assert_eq!((error.code(), error.to_string().as_str()), (code, message));
        assert_eq!(error.details(), details);
    }
    for (reason, message) in [
        (Unavailability::Closed, "the database is closed"),
        (Unavailability::Locked, "the database is locked by another process"),
        (Unavailability::QueueFull, "too many writes are waiting"),
        (Unavailability::TimedOut, "the write took too long and was undone"),
    ] {
        let error = Error::from(database::Error::from(reason));
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (ErrorCode::Unavailable, message)
        );
    }
}

#[tokio::test]
async fn a_failing_disk_is_unavailable_without_details() {
    let db = TestDb::new().await;
    let pages = number(db.read(), "PRAGMA page_count").await.unwrap();
    db.run(format!("PRAGMA max_page_count = {pages}")).await;
    let many = "INSERT INTO counter SELECT value, 0 FROM (WITH RECURSIVE n (value) AS
        (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 5000) SELECT value FROM n)";

    let refused = db.try_run(many).await.unwrap_err();

    assert_eq!(refused.code(), ErrorCode::Unavailable, "{}", refused.details());
    assert!(refused.details().contains("full"), "{}", refused.details());
    assert_eq!(refused.to_string(), "the database's storage does not work now");
    assert!(db.storage().failure_reason().is_some());
}
