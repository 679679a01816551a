//! Every schema migration has a reversal that restores the earlier state.

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
async fn every_step_up_and_down_restores_the_tables() {
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
        assert_eq!(
            tables(&db).await,
            before,
            "the reversal of step {step} does not restore the schema"
        );
        Migrator::up(&db, Some(1)).await.unwrap();
        assert_eq!(tables(&db).await, after, "step {step} is not the same the second time");
    }
    Migrator::down(&db, None).await.unwrap();
    assert_eq!(tables(&db).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_newest_schema_list_matches_the_migrations() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("newest.db").display());
    let db = Database::connect(url).await.unwrap();
    Migrator::up(&db, None).await.unwrap();
    let made = migrations::object_names(&db).await.unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/newest.txt");
    testing::assert_checked_in(
        file,
        &made,
        "UPDATE_SCHEMAS=1 cargo test --workspace --test migrations newest_schema",
    );
    assert_eq!(migrations::missing_objects(&db).await.unwrap(), Vec::<String>::new());
    for drop in [
        "DROP TABLE idempotency_key",
        "DROP TRIGGER account_karma_update",
        "DROP INDEX message_unread",
        "ALTER TABLE account DROP COLUMN made_via",
    ] {
        db.execute_unprepared(drop).await.unwrap();
    }
    let index = "index idempotency_key_used_at_us";
    let gone = [
        "column account.made_via",
        index,
        "index message_unread",
        "table idempotency_key",
    ];
    let trigger = "trigger account_karma_update";
    assert_eq!(
        migrations::missing_objects(&db).await.unwrap(),
        [&gone[..], &[trigger]].concat()
    );
}

#[tokio::test]
async fn an_account_named_by_its_email_gets_a_generated_name() {
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
async fn old_names_are_compared_in_the_new_form_and_the_oldest_wins() {
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
    // Another account already has the composed form, so the decomposed one keeps its old key.
    assert_eq!(keys, "scope ѕсоре jose\u{301} jos\u{e9} sun");
    let looks = "SELECT group_concat(skeleton || account_id, ' ') AS line
                 FROM (SELECT * FROM username_skeleton WHERE skeleton IN ('scope', 'sun') ORDER BY skeleton)";
    assert_eq!(listed(looks).await, "scope1 sun5");
}

#[tokio::test]
async fn counters_outside_the_int_range_are_clamped_and_stay_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("counters.db").display());
    let db = Database::connect(url).await.unwrap();
    Migrator::up(&db, Some(12)).await.unwrap();
    for (id, karma) in [(1, 2_147_483_648_i64), (2, i64::MIN), (3, -40)] {
        db.execute_unprepared(&format!(
            "INSERT INTO account (id, username, username_key, role, admin, karma, joined_at_us, version)
             VALUES ({id}, 'p{id}', 'p{id}', 'MEMBER', false, {karma}, 0, 1)"
        ))
        .await
        .unwrap();
    }
    let votes = "INSERT INTO post_votes (post_id, upvotes, downvotes, score, version, changed_at_us)
                 VALUES (1, 9000000000, 1, 8999999999, 1, 0), (2, 5, 7000000000, -6999999995, 1, 0), (3, 2, 1, 1, 1, 0)";
    db.execute_unprepared(votes).await.unwrap();
    Migrator::up(&db, None).await.unwrap();
    let line = async |sql: &str| -> String {
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let row = db.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "line").unwrap()
    };
    let karma = line("SELECT group_concat(karma || ' v' || version, ', ') AS line FROM account").await;
    assert_eq!(karma, "2147483647 v2, -2147483648 v2, -40 v1");
    let votes = "SELECT group_concat(upvotes || ' ' || downvotes || ' ' || score, ', ') AS line FROM post_votes";
    assert_eq!(
        line(votes).await,
        "2147483647 1 2147483646, 5 2147483647 -2147483642, 2 1 1"
    );
    for sql in [
        "UPDATE account SET karma = karma + 1 WHERE id = 1",
        "UPDATE account SET karma = karma - 1 WHERE id = 2",
        "INSERT INTO account (username, username_key, role, admin, karma, joined_at_us)
             VALUES ('p4', 'p4', 'MEMBER', false, 2147483648, 0)",
    ] {
        assert!(db.execute_unprepared(sql).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn a_step_down_keeps_the_lowest_of_an_authorizations_fees() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("fees.db").display());
    let db = Database::connect(url).await.unwrap();
    Migrator::up(&db, Some(15)).await.unwrap();
    for sql in [
        "INSERT INTO account (id, username, username_key, role, admin, joined_at_us)
             VALUES (1, 'ada', 'ada', 'INVESTOR', false, 0), (2, 'eve', 'eve', 'INVESTOR', false, 0)",
        "INSERT INTO broker_authorization (kind, investor_id, broker_id, currency, granted, remaining, fee_basis_points,
             lower_fees, starts_at_us, ends_at_us, granted_at_us, version)
         VALUES ('CAPITAL', 1, 2, 'USD', 9, 9, 10000, '[[200,5],[300,1]]', 0, 1, 0, 1),
             ('CAPITAL', 2, 1, 'USD', 9, 9, 500, NULL, 0, 1, 0, 1)",
    ] {
        db.execute_unprepared(sql).await.unwrap();
    }
    Migrator::down(&db, Some(1)).await.unwrap();
    let sql = "SELECT group_concat(fee_basis_points || ' of ' || remaining, ', ') AS line FROM broker_authorization";
    let fees = Statement::from_string(db.get_database_backend(), sql);
    let fees: String = db
        .query_one_raw(fees)
        .await
        .unwrap()
        .unwrap()
        .try_get("", "line")
        .unwrap();
    assert_eq!(fees, "200 of 9, 500 of 9");
}
