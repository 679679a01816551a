//! Names are compared as Unicode's NFKC_Casefold, and no username looks like another one.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, Statement};

use entities::{case_fold, lookalike};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// The columns that hold the comparison key of a name: table, column of the name, column of the key.
const KEYS: [(&str, &str, &str); 7] = [
    ("account", "username", "username_key"),
    ("account", "email", "email_key"),
    ("community", "name", "name_key"),
    ("product", "name", "name_key"),
    ("book", "title", "title_key"),
    ("book", "topic", "topic_key"),
    ("post", "community", "community_key"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for statement in [
            "CREATE TABLE username_skeleton (
                 skeleton TEXT NOT NULL PRIMARY KEY,
                 account_id BIGINT NOT NULL REFERENCES account (id)
             ) WITHOUT ROWID",
            "CREATE INDEX username_skeleton_account ON username_skeleton (account_id)",
        ] {
            db.execute_unprepared(statement).await?;
        }
        for (table, name, key) in KEYS {
            refold_keys(db, table, name, key).await?;
        }
        // The votes of a post have the community of the post.
        db.execute_unprepared(
            "UPDATE post_votes SET community_key = (SELECT post.community_key FROM post WHERE post.id = post_votes.post_id)
             WHERE community_key IS NOT NULL",
        )
        .await?;
        record_skeletons(db).await
    }

    /// The keys stay. The earlier form compares fewer names as equal, and every change of a name computes the key
    /// again.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("DROP TABLE username_skeleton").await?;
        Ok(())
    }
}

/// Recomputes `key` from `name` where it can differ. If another row already has the new key, the row keeps its old
/// one.
async fn refold_keys(db: &impl ConnectionTrait, table: &str, name: &str, key: &str) -> Result<(), DbErr> {
    let not_ascii = format!(
        "SELECT DISTINCT {name}, {key} FROM {table} WHERE {name} GLOB '*[^ -~]*' AND {key} NOT LIKE 'sha256:%'"
    );
    let backend = db.get_database_backend();
    for row in db.query_all_raw(Statement::from_string(backend, not_ascii)).await? {
        let spelled: String = row.try_get_by_index(0)?;
        let before: String = row.try_get_by_index(1)?;
        let folded = case_fold::case_fold(&spelled);
        if folded == before || folded.is_empty() {
            continue;
        }
        let update = format!("UPDATE OR IGNORE {table} SET {key} = ? WHERE {name} = ? AND {key} = ?");
        let values = [folded.into(), spelled.into(), before.into()];
        db.execute_raw(Statement::from_sql_and_values(backend, update, values))
            .await?;
    }
    Ok(())
}

/// If several accounts share an appearance, the oldest keeps it.
async fn record_skeletons(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    const ROWS: u64 = 1_000;
    let backend = db.get_database_backend();
    let mut last = 0_i64;
    loop {
        let page = "SELECT id, username FROM account WHERE id > ? ORDER BY id LIMIT ?";
        let page = Statement::from_sql_and_values(backend, page, [last.into(), ROWS.into()]);
        let rows = db.query_all_raw(page).await?;
        for row in &rows {
            last = row.try_get_by_index(0)?;
            let username: String = row.try_get_by_index(1)?;
            lookalike::record(db, last, &username).await?;
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}
