//! What everybody may see and operators list: usernames that are no email addresses, and the messages of all people.

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
            // Who gave no username was called by the email, for everybody to see (`entities::user::given_username`).
            "UPDATE account SET username = lower(role) || '-' || id, username_key = lower(role) || '-' || id,
                 version = version + 1
             WHERE username_key = email_key",
        ] {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    /// The usernames stay: those before are nobody's to know.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("DROP INDEX message_others").await?;
        db.execute_unprepared("DROP INDEX message_favorites").await?;
        Ok(())
    }
}
