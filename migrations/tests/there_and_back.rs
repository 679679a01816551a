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

#[tokio::test]
async fn names_from_before_are_compared_in_the_new_form_and_the_oldest_keeps_its_look() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::connect(format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("forms.db").display()
    ))
    .await
    .unwrap();
    Migrator::up(&db, Some(12)).await.unwrap();
    for (id, name) in [
        (1, "scope"),
        (2, "ѕсоре"),
        (3, "Jose\u{301}"),
        (4, "jos\u{e9}"),
        (5, "\u{ff53}un"),
    ] {
        let key = name.to_lowercase();
        db.execute_unprepared(&format!(
            "INSERT INTO account (id, username, username_key, role, admin, joined_at_us, version)
             VALUES ({id}, '{name}', '{key}', 'MEMBER', false, 0, 1)"
        ))
        .await
        .unwrap();
    }
    Migrator::up(&db, None).await.unwrap();
    let listed = async |sql: &str| -> String {
        let row = db
            .query_one_raw(Statement::from_string(db.get_database_backend(), sql))
            .await;
        row.unwrap().unwrap().try_get("", "line").unwrap()
    };
    let keys = listed("SELECT group_concat(username_key, ' ') AS line FROM (SELECT * FROM account ORDER BY id)").await;
    // The composed form is another account's already: the decomposed one keeps the key it had.
    assert_eq!(keys, "scope ѕсоре jose\u{301} jos\u{e9} sun");
    let looks = "SELECT group_concat(skeleton || account_id, ' ') AS line
                 FROM (SELECT * FROM username_skeleton WHERE skeleton IN ('scope', 'sun') ORDER BY skeleton)";
    assert_eq!(listed(looks).await, "scope1 sun5");
}
