//! Every change of the tables has a way back that leaves what was there before.

use migrations::{Migrator, MigratorTrait};
use sea_orm_migration::sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};

/// Every table and index with its definition, but for the list of migrations itself.
async fn tables(db: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS line FROM sqlite_master
               WHERE name NOT LIKE 'sqlite_%' AND tbl_name <> 'seaql_migrations' ORDER BY type, name";
    let rows = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), sql))
        .await
        .expect("SQLite lists its tables");
    rows.iter()
        .map(|row| row.try_get("", "line").expect("SQLite lists its tables"))
        .collect()
}

#[tokio::test]
async fn every_step_up_and_down_again_leaves_the_tables_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::connect(format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("there.db").display()
    ))
    .await
    .unwrap();
    for step in 0..Migrator::migrations().len() {
        let before = tables(&db).await;
        Migrator::up(&db, Some(1)).await.unwrap();
        let after = tables(&db).await;
        assert_ne!(before, after, "step {step} changes nothing");
        Migrator::down(&db, Some(1)).await.unwrap();
        assert_eq!(tables(&db).await, before, "the way back of step {step} is not one");
        Migrator::up(&db, Some(1)).await.unwrap();
        assert_eq!(tables(&db).await, after, "step {step} is not the same the second time");
    }
    Migrator::down(&db, None).await.unwrap();
    assert_eq!(tables(&db).await, Vec::<String>::new());
}

#[tokio::test]
async fn who_was_called_by_their_email_is_given_a_name_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::connect(format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("names.db").display()
    ))
    .await
    .unwrap();
    Migrator::up(&db, Some(10)).await.unwrap();
    for (id, name, email) in [(1, "Ada@Example.com", "ada@example.com"), (2, "ben", "ben@example.com")] {
        db.execute_unprepared(&format!(
            "INSERT INTO account (id, username, username_key, email, email_key, role, admin, joined_at_us, version)
             VALUES ({id}, '{name}', lower('{name}'), '{email}', '{email}', 'INVESTOR', false, 0, 1)"
        ))
        .await
        .unwrap();
    }
    Migrator::up(&db, None).await.unwrap();
    let sql = "SELECT group_concat(username || ' ' || username_key || ' ' || email, ', ') AS line FROM account";
    let names = Statement::from_string(db.get_database_backend(), sql);
    let names: String = db
        .query_one_raw(names)
        .await
        .unwrap()
        .unwrap()
        .try_get("", "line")
        .unwrap();
    assert_eq!(names, "investor-1 investor-1 ada@example.com, ben ben ben@example.com");
}
