//! The table `__table__`.

use sea_orm_migration::prelude::*;

use crate::columns::{integer, text};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(__table__()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("__table__").take()).await
    }
}

// Ids are never reused: the id of a deleted row must not refer to another one.
fn __table__() -> TableCreateStatement {
    Table::create()
        .table("__table__")
        .col(integer("id").auto_increment().primary_key())
        .col(text("title"))
        .take()
}
