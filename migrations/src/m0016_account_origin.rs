//! The open REST mounts that accounts were made and passwords set through (`entities::authority`).

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// Accounts that are there already were made in another way, as far as anything tells.
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
