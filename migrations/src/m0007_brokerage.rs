//! Tables of the brokerage (`entities::{holding, brokerage_order}`) and the authorizations of accounts
//! (`entities::authorization`), which lend what is in a holding or a wallet to a broker.

use sea_orm_migration::prelude::*;

use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::columns::{integer, optional_integer, optional_text, text};
use crate::tables;

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(holding()).await?;
        manager.create_table(authorization()).await?;
        manager.create_table(brokerage_order()).await?;
        let db = manager.get_connection();
        for statement in [
            "CREATE UNIQUE INDEX holding_user ON holding (user_id, stock_id)",
            // At most one open authorization of a currency or a holding between two users: another grant increases
            // it.
            "CREATE UNIQUE INDEX authorization_open
                 ON broker_authorization (investor_id, broker_id, kind, coalesce(holding_id, 0), coalesce(currency, ''))
                 WHERE ended_at_us IS NULL",
            "CREATE INDEX authorization_investor ON broker_authorization (investor_id, id)",
            "CREATE INDEX authorization_broker ON broker_authorization (broker_id, id)",
            // Overdue authorizations: looked up before every use of lent money or shares.
            "CREATE INDEX authorization_due ON broker_authorization (ends_at_us) WHERE ended_at_us IS NULL",
        ] {
            db.execute_unprepared(statement).await?;
        }
        for index in ORDER_INDEXES {
            db.execute_unprepared(index).await?;
        }
        for statement in IDS_AFTER_THOSE_OF_THE_LEDGER {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    /// First returns money that is lent, or held for an order, to its owner's balance.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        release_reserved(manager.get_connection()).await?;
        for table in ["brokerage_order", "broker_authorization", "holding"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

/// The ledger stays when this step is undone, while orders and authorizations are dropped. When the step is applied
/// again, new rows must not reuse their ids.
const IDS_AFTER_THOSE_OF_THE_LEDGER: [&str; 2] = [
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'brokerage_order', latest FROM
         (SELECT max(coalesce((SELECT max(order_id) FROM ledger_movement), 0),
                     coalesce((SELECT max(order_id) FROM hold), 0)) AS latest) WHERE latest > 0",
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'broker_authorization', latest FROM
         (SELECT max(authorization_id) AS latest FROM ledger_movement) WHERE latest > 0",
];

/// Ends every open authorization of money and every hold of an order, with the ledger entries that this requires
/// (`entities::{lending, order_reserve}` do the same while the program runs).
async fn release_reserved(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    // Migrations have no clock. The time of the latest ledger transaction keeps the ledger in order.
    let now_us = tables::fetch_number(db, "SELECT coalesce(max(at_us), 0) FROM ledger_movement").await?;
    let lent =
        "SELECT 'RELEASE' AS kind, 'LENT' AS account, NULL AS order_id, a.id AS authorization_id, w.id AS wallet_id,
             a.remaining AS minor
         FROM broker_authorization a JOIN wallet w ON w.user_id = a.investor_id AND w.currency = a.currency
         WHERE a.ended_at_us IS NULL AND a.remaining > 0 ORDER BY a.id";
    let held = "SELECT 'UNHOLD' AS kind, 'HELD' AS account, order_id, NULL AS authorization_id, wallet_id,
             amount_minor AS minor
         FROM hold WHERE state = 'PENDING' AND order_id IS NOT NULL ORDER BY id";
    for query in [lent, held] {
        for row in db.query_all_raw(tables::statement(db, query)).await? {
            let (kind, account): (String, String) = (row.try_get("", "kind")?, row.try_get("", "account")?);
            let (order, authorization): (Option<i64>, Option<i64>) =
                (row.try_get("", "order_id")?, row.try_get("", "authorization_id")?);
            let (wallet, minor): (i64, i64) = (row.try_get("", "wallet_id")?, row.try_get("", "minor")?);
            let bucket = format!("{}_minor", account.to_lowercase());
            let id = |id: Option<i64>| id.map_or("NULL".to_owned(), |id| id.to_string());
            let (order, authorization) = (id(order), id(authorization));
            for statement in [
                format!(
                    "UPDATE wallet SET {bucket} = {bucket} - {minor}, balance_minor = balance_minor + {minor},
                         version = version + 1 WHERE id = {wallet}"
                ),
                format!(
                    "INSERT INTO ledger_movement (kind, currency, order_id, authorization_id, at_us)
                     SELECT '{kind}', currency, {order}, {authorization}, {now_us} FROM wallet WHERE id = {wallet}"
                ),
                format!(
                    "INSERT INTO ledger_entry
                         (movement_id, kind, account, wallet_id, amount_minor, balance_after_minor, at_us)
                     SELECT (SELECT max(id) FROM ledger_movement), '{kind}', account, wallet.id, amount, after, {now_us}
                     FROM wallet JOIN (SELECT '{account}' AS account, -{minor} AS amount UNION ALL SELECT 'BALANCE', {minor})
                     JOIN (SELECT 'BALANCE' AS of_account, balance_minor AS after FROM wallet WHERE id = {wallet}
                         UNION ALL SELECT '{account}', {bucket} FROM wallet WHERE id = {wallet}) ON of_account = account
                     WHERE wallet.id = {wallet}"
                ),
            ] {
                db.execute_unprepared(&statement).await?;
            }
        }
    }
    let ended = format!(
        "UPDATE hold SET state = 'VOIDED', ended_at_us = {now_us} WHERE state = 'PENDING' AND order_id IS NOT NULL"
    );
    db.execute_unprepared(&ended).await?;
    Ok(())
}

/// The indexes of orders.
pub(crate) const ORDER_INDEXES: &[&str] = &[
    "CREATE INDEX brokerage_order_investor ON brokerage_order (investor_id, id)",
    "CREATE INDEX brokerage_order_broker ON brokerage_order (broker_id, id) WHERE broker_id IS NOT NULL",
    // Counted before each new order: the pending orders of an investor.
    "CREATE INDEX brokerage_order_pending ON brokerage_order (investor_id) WHERE status = 'PENDING'",
    "CREATE INDEX brokerage_order_changed ON brokerage_order (changed_at_us, id)",
    // The automated orders that a new price triggers, and the triggered orders that have not been executed yet.
    "CREATE INDEX brokerage_order_limit ON brokerage_order (stock_id, side, limit_minor) WHERE status = 'PENDING'",
    "CREATE INDEX brokerage_order_fired ON brokerage_order (id) WHERE status = 'PENDING' AND fired_minor IS NOT NULL",
    "CREATE INDEX brokerage_order_due ON brokerage_order (expires_at_us)
         WHERE status = 'PENDING' AND expires_at_us IS NOT NULL",
];

// A user's shares of one stock, in four buckets like a wallet's money.
fn holding() -> TableCreateStatement {
    let bucket = |name: &'static str| {
        integer(name)
            .default(0)
            .check(Expr::cust(format!("{name} BETWEEN 0 AND 9000000000000000")))
            .take()
    };
    Table::create()
        .table("holding")
        .col(integer("id").auto_increment().primary_key())
        .col(integer("user_id"))
        .col(integer("stock_id"))
        .col(bucket("free"))
        .col(bucket("committed"))
        .col(bucket("lent"))
        .col(bucket("held"))
        .col(integer("version"))
        .foreign_key(ForeignKey::create().from("holding", "user_id").to("account", "id"))
        .foreign_key(ForeignKey::create().from("holding", "stock_id").to("stock", "id"))
        .take()
}

// `authorization` is a reserved word in PostgreSQL.
fn authorization() -> TableCreateStatement {
    Table::create()
        .table("broker_authorization")
        .col(integer("id").auto_increment().primary_key())
        .col(text("kind").check(Expr::cust("kind IN ('CAPITAL', 'STOCK_HOLDING')")))
        .col(integer("investor_id"))
        .col(integer("broker_id"))
        .col(optional_integer("holding_id"))
        .col(optional_integer("stock_id"))
        .col(optional_text("currency"))
        .col(integer("granted").check(Expr::cust("granted > 0")))
        .col(integer("remaining").check(Expr::cust("remaining BETWEEN 0 AND granted")))
        .col(
            integer("given_back")
                .default(0)
                .check(Expr::cust("given_back BETWEEN 0 AND granted")),
        )
        .col(integer("fee_basis_points").check(Expr::cust("fee_basis_points BETWEEN 0 AND 10000")))
        .col(integer("starts_at_us"))
        .col(integer("ends_at_us"))
        .col(optional_text("ended_by").check(Expr::cust("ended_by IN ('REVOKED', 'EXPIRED', 'LEFT')")))
        .col(optional_integer("ended_at_us"))
        .col(integer("granted_at_us"))
        .col(integer("version"))
        .check(Expr::cust("(kind = 'CAPITAL') = (currency IS NOT NULL)"))
        .check(Expr::cust("(kind = 'STOCK_HOLDING') = (holding_id IS NOT NULL)"))
        .check(Expr::cust("(kind = 'STOCK_HOLDING') = (stock_id IS NOT NULL)"))
        .check(Expr::cust("ends_at_us > starts_at_us"))
        .check(Expr::cust("(ended_at_us IS NULL) = (ended_by IS NULL)"))
        .check(Expr::cust("ended_at_us IS NULL OR remaining = 0"))
        .foreign_key(
            ForeignKey::create()
                .from("broker_authorization", "investor_id")
                .to("account", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .from("broker_authorization", "broker_id")
                .to("account", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .from("broker_authorization", "holding_id")
                .to("holding", "id"),
        )
        .take()
}

pub(crate) fn brokerage_order() -> TableCreateStatement {
    brokerage_order_with("(status = 'COMPLETED') = (exchange_number IS NOT NULL)")
}

/// Orders, with the condition that makes one completed.
pub(crate) fn brokerage_order_with(completed: &'static str) -> TableCreateStatement {
    Table::create()
        .table("brokerage_order")
        .col(integer("id").auto_increment().primary_key())
        .col(text("side").check(Expr::cust("side IN ('BUY', 'SELL')")))
        .col(integer("stock_id"))
        .col(integer("quantity").check(Expr::cust("quantity BETWEEN 1 AND 2147483647")))
        .col(text("status").check(Expr::cust("status IN ('PENDING', 'COMPLETED', 'CANCELLED')")))
        .col(optional_integer("price_minor"))
        .col(integer("fee_minor").default(0).check(Expr::cust("fee_minor >= 0")))
        .col(text("currency"))
        .col(optional_integer("limit_minor"))
        .col(optional_integer("fired_minor"))
        .col(optional_integer("expires_at_us"))
        .col(integer("investor_id"))
        .col(optional_integer("broker_id"))
        .col(optional_integer("authorization_id"))
        .col(optional_integer("exchange_number").unique_key())
        .col(optional_text("reason"))
        .col(integer("placed_at_us"))
        .col(optional_integer("ended_at_us"))
        .col(integer("changed_at_us"))
        .col(integer("version"))
        .check(Expr::cust(completed))
        .check(Expr::cust("(status = 'COMPLETED') = (price_minor IS NOT NULL)"))
        .check(Expr::cust("(status = 'PENDING') = (ended_at_us IS NULL)"))
        .check(Expr::cust("status = 'COMPLETED' OR limit_minor IS NOT NULL"))
        .check(Expr::cust("(broker_id IS NULL) = (authorization_id IS NULL)"))
        .check(Expr::cust("broker_id IS NULL OR limit_minor IS NULL"))
        .foreign_key(
            ForeignKey::create()
                .from("brokerage_order", "investor_id")
                .to("account", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .from("brokerage_order", "stock_id")
                .to("stock", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .from("brokerage_order", "exchange_number")
                .to("exchange_order", "number"),
        )
        .take()
}
