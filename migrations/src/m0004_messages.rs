//! Tables of the domain `messages` (`entities::message`).

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(message()).await?;
        for statement in [
            // The inbox, and its unread and favourite messages; newest first.
            "CREATE INDEX message_inbox ON message (to_id, at_us, id)",
            // The index contains "read", so that it alone is enough to count unread messages.
            r#"CREATE INDEX message_unread ON message (to_id, at_us, id, "read") WHERE NOT "read""#,
            "CREATE INDEX message_favorite ON message (to_id, at_us, id) WHERE favorite",
            "CREATE INDEX message_sent ON message (from_id, at_us, id)",
            // A subscription reads the messages after the last one that it delivered.
            "CREATE INDEX message_received ON message (to_id, id)",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("message").take()).await
    }
}

// No foreign keys to accounts: that table belongs to another domain, and no row is ever deleted from it.
fn message() -> TableCreateStatement {
    let integer = |name: &'static str| ColumnDef::new(name).big_integer().not_null().take();
    let flag = |name: &'static str| ColumnDef::new(name).boolean().not_null().take();
    Table::create()
        .table("message")
        .col(integer("id").auto_increment().primary_key())
        .col(integer("from_id"))
        .col(integer("to_id"))
        .col(integer("at_us"))
        .col(ColumnDef::new("contents").text().not_null())
        .col(ColumnDef::new("flag").text())
        .col(flag("favorite"))
        .col(flag("read"))
        .col(integer("version"))
        .take()
}
