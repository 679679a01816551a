//! The open REST mounts through which accounts were created and passwords set (`entities::authority`).

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// Existing accounts count as created in another way, because no record says otherwise.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("ALTER TABLE account ADD COLUMN made_via text")
            .await?;
        db.execute_unprepared("ALTER TABLE account ADD COLUMN password_via text")
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("ALTER TABLE account DROP COLUMN password_via")
            .await?;
        db.execute_unprepared("ALTER TABLE account DROP COLUMN made_via")
            .await?;
        Ok(())
    }
}
