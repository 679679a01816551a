//! Tables of the domain `exchange` (`entities::stock`, `entities::exchange_order`).

use sea_orm_migration::prelude::*;

use crate::columns::{immutable, integer, optional_integer, text};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(stock()).await?;
        manager.create_table(exchange_order()).await?;
        let db = manager.get_connection();
        for statement in [
            // A subscription that lost events reads the rows that changed since.
            "CREATE INDEX stock_changed ON stock (changed_at_us, id)",
            "CREATE INDEX exchange_order_trader ON exchange_order (trader_id, number) WHERE trader_id IS NOT NULL",
        ] {
            db.execute_unprepared(statement).await?;
        }
        immutable(db, "exchange_order").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("exchange_order").take()).await?;
        manager.drop_table(Table::drop().table("stock").take()).await
    }
}

fn stock() -> TableCreateStatement {
    let price = |name: &'static str| {
        integer(name)
            .check(Expr::cust(format!("{name} BETWEEN 1 AND 100000000000000")))
            .take()
    };
    Table::create()
        .table("stock")
        .col(integer("id").auto_increment().primary_key())
        .col(text("name").unique_key())
        .col(price("price_minor"))
        .col(text("currency"))
        .col(integer("quantity").check(Expr::cust("quantity BETWEEN 0 AND 2147483647")))
        .col(integer("day"))
        .col(price("open_minor"))
        .col(price("high_minor"))
        .col(price("low_minor"))
        .col(integer("volume").check(Expr::cust("volume >= 0")))
        .col(integer("version"))
        .col(integer("changed_at_us"))
        .check(Expr::cust("price_minor BETWEEN low_minor AND high_minor"))
        .take()
}

// No foreign key to `account`: the exchange does not know users, it only stores the id that the caller gave it.
fn exchange_order() -> TableCreateStatement {
    Table::create()
        .table("exchange_order")
        .col(integer("number").primary_key())
        .col(integer("stock_id"))
        .col(text("side").check(Expr::cust("side IN ('BUY', 'SELL')")))
        .col(integer("quantity").check(Expr::cust("quantity BETWEEN 1 AND 2147483647")))
        .col(integer("price_minor"))
        .col(text("currency"))
        .col(optional_integer("trader_id"))
        .col(integer("at_us"))
        .check(Expr::cust("number >= 0"))
        .foreign_key(
            ForeignKey::create()
                .from("exchange_order", "stock_id")
                .to("stock", "id"),
        )
        .take()
}
