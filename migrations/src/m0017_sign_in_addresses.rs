//! The addresses that users signed in from (`entities::sign_in_address`).

use sea_orm_migration::prelude::*;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = "CREATE TABLE sign_in_address (
                 account_id BIGINT NOT NULL REFERENCES account (id),
                 address_hash TEXT NOT NULL,
                 used_at_us BIGINT NOT NULL,
                 PRIMARY KEY (account_id, address_hash)
             ) WITHOUT ROWID";
        manager.get_connection().execute_unprepared(table).await?;
        Ok(())
    }

    /// The owner of an account must wait again after other clients send wrong passwords, until the next sign-in.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("DROP TABLE sign_in_address").await?;
        Ok(())
    }
}
