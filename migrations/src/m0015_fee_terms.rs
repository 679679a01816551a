//! Authorizations whose money or shares are lent under more than one fee (`entities::fee_terms`).

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE broker_authorization ADD COLUMN lower_fees text";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    /// The old schema has room for one fee only, so this keeps the lowest agreed one: no investor pays more than
    /// they agreed to.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lowest = match manager.get_database_backend() {
            DatabaseBackend::Sqlite => "json_extract(lower_fees, '$[0][0]')",
            _ => "(lower_fees::json -> 0 ->> 0)::bigint",
        };
        let db = manager.get_connection();
        for statement in [
            format!(
                "UPDATE broker_authorization SET fee_basis_points = {lowest}, version = version + 1
                 WHERE lower_fees IS NOT NULL"
            ),
            "ALTER TABLE broker_authorization DROP COLUMN lower_fees".to_owned(),
        ] {
            db.execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
