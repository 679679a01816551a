//! Limits the counters that the API shows to GraphQL's `Int`. Values outside are clamped, so that one such row does
//! not break a list, and the database rejects karma out of range.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

const INT_MIN: i64 = i32::MIN as i64;
const INT_MAX: i64 = i32::MAX as i64;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for statement in [
            format!("UPDATE account SET karma = {INT_MAX}, version = version + 1 WHERE karma > {INT_MAX}"),
            format!("UPDATE account SET karma = {INT_MIN}, version = version + 1 WHERE karma < {INT_MIN}"),
            clamped_votes(),
        ] {
            db.execute_unprepared(&statement).await?;
        }
        // The statements that change karma have this guard (`entities::user_change::add_karma`); this trigger covers all
        // others.
        if manager.get_database_backend() == DatabaseBackend::Sqlite {
            for (name, event) in [("insert", "INSERT"), ("update", "UPDATE OF karma")] {
                let trigger = format!(
                    "CREATE TRIGGER account_karma_{name} BEFORE {event} ON account
                     WHEN NEW.karma NOT BETWEEN {INT_MIN} AND {INT_MAX}
                     BEGIN SELECT RAISE(ABORT, 'karma leaves the range of Int'); END"
                );
                db.execute_unprepared(&trigger).await?;
            }
        }
        Ok(())
    }

    /// Clamped values stay as they are.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DatabaseBackend::Sqlite {
            return Ok(());
        }
        let db = manager.get_connection();
        for name in ["insert", "update"] {
            db.execute_unprepared(&format!("DROP TRIGGER account_karma_{name}"))
                .await?;
        }
        Ok(())
    }
}

fn clamped_votes() -> String {
    let clamped = |column: &str| format!("CASE WHEN {column} > {INT_MAX} THEN {INT_MAX} ELSE {column} END");
    let (up, down) = (clamped("upvotes"), clamped("downvotes"));
    format!(
        "UPDATE post_votes SET upvotes = {up}, downvotes = {down}, score = ({up}) - ({down}), version = version + 1
         WHERE upvotes > {INT_MAX} OR downvotes > {INT_MAX}"
    )
}
