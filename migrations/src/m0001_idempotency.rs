//! Idempotency keys (`entities::idempotency`).

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared(
            "CREATE TABLE idempotency_key (
                scope TEXT NOT NULL,
                key TEXT NOT NULL,
                fingerprint TEXT NOT NULL,
                answer TEXT NOT NULL,
                used_at_us BIGINT NOT NULL,
                PRIMARY KEY (scope, key)
            )",
        )
        .await?;
        db.execute_unprepared("CREATE INDEX idempotency_key_used_at_us ON idempotency_key (used_at_us)")
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared("DROP TABLE idempotency_key")
            .await?;
        Ok(())
    }
}
