//! Public usernames that are not email addresses, and indexes for the messages of all users, which operators list.

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for statement in [
            "CREATE INDEX message_favorites ON message (at_us, id) WHERE favorite",
            "CREATE INDEX message_others ON message (at_us, id) WHERE NOT favorite",
            // A user without a username was shown to all under their email address
            // (`entities::user::generated_username`).
            "UPDATE account SET username = lower(role) || '-' || id, username_key = lower(role) || '-' || id,
                 version = version + 1
             WHERE username_key = email_key",
        ] {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    /// The usernames stay: the earlier ones were email addresses, which are private.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("DROP INDEX message_others").await?;
        db.execute_unprepared("DROP INDEX message_favorites").await?;
        Ok(())
    }
}
