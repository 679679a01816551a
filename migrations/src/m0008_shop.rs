//! Tables of the domain `shop` (`entities::product`, `entities::shop_order`).

use sea_orm_migration::prelude::*;

use crate::columns::{integer, text};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(product()).await?;
        manager.create_table(shop_order()).await?;
        for statement in [
            // A subscription that lost events reads the rows that changed since.
            "CREATE INDEX product_changed ON product (changed_at_us, id)",
            "CREATE INDEX shop_order_user ON shop_order (user_id, id)",
            "CREATE INDEX shop_order_product ON shop_order (product_id, id)",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("shop_order").take()).await?;
        manager.drop_table(Table::drop().table("product").take()).await
    }
}

// `total` is the available quantity plus the quantity in open orders: only product management changes it.
fn product() -> TableCreateStatement {
    Table::create()
        .table("product")
        .col(integer("id").auto_increment().primary_key())
        .col(text("name"))
        .col(text("name_key").unique_key())
        .col(integer("price_minor").check(Expr::cust("price_minor BETWEEN 1 AND 100000000000000")))
        .col(text("currency"))
        .col(integer("available").check(Expr::cust("available BETWEEN 0 AND total")))
        .col(integer("total").check(Expr::cust("total BETWEEN 0 AND 2147483647")))
        .col(integer("version"))
        .col(integer("changed_at_us"))
        .take()
}

// Ids are never reused: the id of a deleted order must not refer to another one.
fn shop_order() -> TableCreateStatement {
    Table::create()
        .table("shop_order")
        .col(integer("id").auto_increment().primary_key())
        .col(integer("user_id"))
        .col(integer("product_id"))
        .col(integer("quantity").check(Expr::cust("quantity BETWEEN 1 AND 2147483647")))
        .col(integer("day"))
        .col(integer("price_minor").check(Expr::cust("price_minor > 0")))
        .col(text("currency"))
        .col(integer("placed_at_us"))
        .col(integer("version"))
        .foreign_key(ForeignKey::create().from("shop_order", "user_id").to("account", "id"))
        .foreign_key(
            ForeignKey::create()
                .from("shop_order", "product_id")
                .to("product", "id"),
        )
        .take()
}
