//! Trades that the replicated order log has not numbered yet (`entities::reservation`), and orders of the brokerage
//! that such a trade executes.

use sea_orm_migration::prelude::*;

use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::columns::{integer, optional_integer, text};
use crate::m0007_brokerage;
use crate::tables::{self, Schema};

/// The name of this step.
pub(crate) const NAME: &str = "m0012_reservation";

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(reservation()).await?;
        let db = manager.get_connection();
        for statement in [
            // Shares in open reservations: the exchange does not have them, but keeps room for them because they may
            // return.
            "ALTER TABLE stock ADD COLUMN held bigint NOT NULL DEFAULT 0 CHECK (held >= 0)",
            // Open reservations are few, and they are looked up all the time.
            "CREATE INDEX reservation_open ON reservation (binding, id) WHERE state = 'RESERVED'",
            "CREATE INDEX reservation_of_key ON reservation (log_key) WHERE state = 'RESERVED'",
        ] {
            db.execute_unprepared(statement).await?;
        }
        rebuild(manager.get_connection(), &order_by_reservation(), "reservation_id").await?;
        let sql = "CREATE UNIQUE INDEX brokerage_order_reservation ON brokerage_order (reservation_id)
                       WHERE reservation_id IS NOT NULL";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    /// Requires that every trade has its number: the old schema has no place for a trade without one, and its
    /// shares would be lost.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let open = "SELECT count(*) FROM reservation WHERE state = 'RESERVED'";
        let open = tables::fetch_number(manager.get_connection(), open).await?;
        if open > 0 {
            let why = format!(
                "trades that wait for their number from the order replicas ({open}): \
                 start the server with its replicas until all trades have one"
            );
            return Err(DbErr::Custom(why));
        }
        rebuild(manager.get_connection(), &m0007_brokerage::brokerage_order(), "").await?;
        let db = manager.get_connection();
        db.execute_unprepared("ALTER TABLE stock DROP COLUMN held").await?;
        manager.drop_table(Table::drop().table("reservation").take()).await
    }
}

const COLUMNS: &str = "id, side, stock_id, quantity, status, price_minor, fee_minor, currency, limit_minor, fired_minor,
    expires_at_us, investor_id, broker_id, authorization_id, exchange_number, reason, placed_at_us, ended_at_us, changed_at_us,
    version";

/// Removes the part of this step that a killed program had applied, statement by statement and without a
/// transaction.
pub(crate) async fn revert_partial(db: &impl ConnectionTrait, found: &Schema) -> Result<(), DbErr> {
    if found.has_table("brokerage_order_before") {
        // The new table may exist or not; the original is complete until it is dropped.
        for statement in [
            "UPDATE sqlite_sequence SET name = 'brokerage_order_before' WHERE name = 'brokerage_order'
                 AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'brokerage_order_before')",
            "DROP TABLE IF EXISTS brokerage_order",
            "ALTER TABLE brokerage_order_before RENAME TO brokerage_order",
        ] {
            db.execute_unprepared(statement).await?;
        }
    } else if found.has_column("brokerage_order", "reservation_id") {
        rebuild(db, &m0007_brokerage::brokerage_order(), "").await?;
    }
    if found.has_column("stock", "held") {
        db.execute_unprepared("ALTER TABLE stock DROP COLUMN held").await?;
    }
    Ok(())
}

/// Rebuilds the table of orders, because SQLite cannot change a check. No other table refers to it.
async fn rebuild(db: &impl ConnectionTrait, table: &TableCreateStatement, added: &str) -> Result<(), DbErr> {
    db.execute_unprepared("ALTER TABLE brokerage_order RENAME TO brokerage_order_before")
        .await?;
    db.execute(table).await?;
    let (into, from) = match added {
        "" => (String::new(), String::new()),
        column => (format!(", {column}"), ", NULL".to_owned()),
    };
    for statement in [
        format!("INSERT INTO brokerage_order ({COLUMNS}{into}) SELECT {COLUMNS}{from} FROM brokerage_order_before"),
        // The id of a deleted order must not refer to another one, because the ledger still contains it.
        "DELETE FROM sqlite_sequence WHERE name = 'brokerage_order'".to_owned(),
        "UPDATE sqlite_sequence SET name = 'brokerage_order' WHERE name = 'brokerage_order_before'".to_owned(),
        "DROP TABLE brokerage_order_before".to_owned(),
    ] {
        db.execute_unprepared(&statement).await?;
    }
    for index in m0007_brokerage::ORDER_INDEXES {
        db.execute_unprepared(index).await?;
    }
    Ok(())
}

/// The earlier definition, except that a trade without a number may also complete an order.
fn order_by_reservation() -> TableCreateStatement {
    let completed = "(status = 'COMPLETED') = (exchange_number IS NOT NULL OR reservation_id IS NOT NULL)";
    m0007_brokerage::brokerage_order_with(completed)
        .col(optional_integer("reservation_id"))
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
        .col(integer("id").auto_increment().primary_key())
        .col(text("attempt").unique_key())
        .col(text("log_key"))
        .col(ColumnDef::new("binding").boolean().not_null())
        .col(integer("stock_id"))
        .col(text("side").check(Expr::cust("side IN ('BUY', 'SELL')")))
        .col(integer("quantity").check(Expr::cust("quantity BETWEEN 1 AND 2147483647")))
        .col(integer("price_minor"))
        .col(text("currency"))
        .col(optional_integer("trader_id"))
        .col(integer("at_us"))
        .col(text("state").check(Expr::cust("state IN ('RESERVED', 'CONFIRMED', 'CANCELLED')")))
        .col(optional_integer("number").unique_key())
        .check(Expr::cust("(state = 'CONFIRMED') = (number IS NOT NULL)"))
        .check(Expr::cust("state <> 'CANCELLED' OR NOT binding"))
        .foreign_key(ForeignKey::create().from("reservation", "stock_id").to("stock", "id"))
        .take()
}
