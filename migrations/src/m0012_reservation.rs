//! Trades that the replicated order log has not numbered yet (`entities::reservation`), and orders of the brokerage that
//! are carried out by such a trade.

use sea_orm_migration::prelude::*;

use crate::columns::{number, optional_number, text};
use crate::m0007_brokerage;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(reservation()).await?;
        let db = manager.get_connection();
        for statement in [
            // Shares that are neither the exchange's nor gone: room for them is kept.
            "ALTER TABLE stock ADD COLUMN held bigint NOT NULL DEFAULT 0 CHECK (held >= 0)",
            // What waits is looked for all the time, and is little.
            "CREATE INDEX reservation_open ON reservation (binding, id) WHERE state = 'RESERVED'",
            "CREATE INDEX reservation_of_key ON reservation (log_key) WHERE state = 'RESERVED'",
        ] {
            db.execute_unprepared(statement).await?;
        }
        rebuild(manager, &order_by_reservation(), "reservation_id").await?;
        let sql = "CREATE UNIQUE INDEX brokerage_order_reservation ON brokerage_order (reservation_id)
                       WHERE reservation_id IS NOT NULL";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    /// Only where every trade has its number: without one there is no place for it.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rebuild(manager, &m0007_brokerage::brokerage_order(), "").await?;
        let db = manager.get_connection();
        db.execute_unprepared("ALTER TABLE stock DROP COLUMN held").await?;
        manager.drop_table(Table::drop().table("reservation").take()).await
    }
}

const COLUMNS: &str = "id, side, stock_id, quantity, status, price_minor, fee_minor, currency, limit_minor, fired_minor,
    expires_at_us, investor_id, broker_id, authorization_id, exchange_number, reason, placed_at_us, ended_at_us, changed_at_us,
    version";

/// Makes the table of orders anew, because SQLite cannot change a check. Nothing refers to it.
async fn rebuild(manager: &SchemaManager<'_>, table: &TableCreateStatement, added: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    db.execute_unprepared("ALTER TABLE brokerage_order RENAME TO brokerage_order_before")
        .await?;
    manager.create_table(table.clone()).await?;
    let (into, from) = match added {
        "" => (String::new(), String::new()),
        column => (format!(", {column}"), ", NULL".to_owned()),
    };
    for statement in [
        format!("INSERT INTO brokerage_order ({COLUMNS}{into}) SELECT {COLUMNS}{from} FROM brokerage_order_before"),
        "DROP TABLE brokerage_order_before".to_owned(),
    ] {
        db.execute_unprepared(&statement).await?;
    }
    for index in m0007_brokerage::ORDER_INDEXES {
        db.execute_unprepared(index).await?;
    }
    Ok(())
}

/// As before, and an order may be completed by a trade that has no number yet.
fn order_by_reservation() -> TableCreateStatement {
    let completed = "(status = 'COMPLETED') = (exchange_number IS NOT NULL OR reservation_id IS NOT NULL)";
    m0007_brokerage::brokerage_order_with(completed)
        .col(optional_number("reservation_id"))
        .foreign_key(
            ForeignKey::create()
                .from("brokerage_order", "reservation_id")
                .to("reservation", "id"),
        )
        .take()
}

fn reservation() -> TableCreateStatement {
    Table::create()
        .table("reservation")
        .col(number("id").auto_increment().primary_key())
        .col(text("attempt").unique_key())
        .col(text("log_key"))
        .col(ColumnDef::new("binding").boolean().not_null())
        .col(number("stock_id"))
        .col(text("side").check(Expr::cust("side IN ('BUY', 'SELL')")))
        .col(number("quantity").check(Expr::cust("quantity BETWEEN 1 AND 2147483647")))
        .col(number("price_minor"))
        .col(text("currency"))
        .col(optional_number("trader_id"))
        .col(number("at_us"))
        .col(text("state").check(Expr::cust("state IN ('RESERVED', 'CONFIRMED', 'CANCELLED')")))
        .col(optional_number("number").unique_key())
        .check(Expr::cust("(state = 'CONFIRMED') = (number IS NOT NULL)"))
        .check(Expr::cust("state <> 'CANCELLED' OR NOT binding"))
        .foreign_key(ForeignKey::create().from("reservation", "stock_id").to("stock", "id"))
        .take()
}
