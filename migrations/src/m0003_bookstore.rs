//! Tables of the domain `bookstore` (`entities::book`, `entities::book_purchase`).

use sea_orm_migration::prelude::*;

use crate::columns::{integer, text};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(book()).await?;
        manager.create_table(book_purchase()).await?;
        for statement in [
            "CREATE INDEX book_topic ON book (topic_key, id)",
            // A subscription that lost events reads the rows that changed since.
            "CREATE INDEX book_changed ON book (changed_at_us, id)",
            "CREATE INDEX book_purchase_buyer ON book_purchase (buyer_id, id)",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("book_purchase").take()).await?;
        manager.drop_table(Table::drop().table("book").take()).await
    }
}

// Ids are never reused: the id of a deleted book must not refer to another one.
fn book() -> TableCreateStatement {
    Table::create()
        .table("book")
        .col(integer("id").auto_increment().primary_key())
        .col(text("title"))
        .col(text("title_key"))
        .col(text("topic"))
        .col(text("topic_key"))
        .col(integer("price_minor").check(Expr::cust("price_minor BETWEEN 0 AND 100000000000000")))
        .col(text("currency"))
        .col(integer("quantity").check(Expr::cust("quantity BETWEEN 0 AND 2147483647")))
        .col(integer("version"))
        .col(integer("changed_at_us"))
        .take()
}

// No foreign key to `book`: purchases of a deleted book stay.
fn book_purchase() -> TableCreateStatement {
    Table::create()
        .table("book_purchase")
        .col(integer("id").auto_increment().primary_key())
        .col(integer("book_id"))
        .col(text("title"))
        .col(integer("price_minor"))
        .col(text("currency"))
        .col(integer("quantity_after").check(Expr::cust("quantity_after >= 0")))
        .col(ColumnDef::new("buyer_id").big_integer())
        .col(integer("at_us"))
        .take()
}
