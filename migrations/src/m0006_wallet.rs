//! Tables of the domain `wallet` (`entities::{wallet, ledger_transaction, ledger_entry, hold}`).

use sea_orm_migration::prelude::*;

use crate::columns::{immutable, integer, optional_integer, text};

/// See the module.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(wallet()).await?;
        manager.create_table(ledger_movement()).await?;
        manager.create_table(ledger_entry()).await?;
        manager.create_table(hold()).await?;
        let db = manager.get_connection();
        for statement in [
            "CREATE UNIQUE INDEX wallet_user ON wallet (user_id, currency)",
            "CREATE INDEX ledger_entry_movement ON ledger_entry (movement_id)",
            // A wallet's transactions, newest first: all of them, of one kind, of one account.
            "CREATE INDEX ledger_entry_wallet ON ledger_entry (wallet_id, id) WHERE wallet_id IS NOT NULL",
            "CREATE INDEX ledger_entry_kind ON ledger_entry (wallet_id, kind, id) WHERE wallet_id IS NOT NULL",
            "CREATE INDEX ledger_entry_account ON ledger_entry (wallet_id, account, id) WHERE wallet_id IS NOT NULL",
            "CREATE INDEX hold_wallet ON hold (wallet_id, id)",
            "CREATE INDEX hold_state ON hold (wallet_id, state, id)",
            "CREATE UNIQUE INDEX hold_order ON hold (order_id) WHERE order_id IS NOT NULL",
        ] {
            db.execute_unprepared(statement).await?;
        }
        immutable(db, "ledger_movement").await?;
        immutable(db, "ledger_entry").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["hold", "ledger_entry", "ledger_movement", "wallet"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

// A wallet's money is in four buckets. They are the sums of its ledger entries, stored so that one guarded
// statement can decide; none is ever below zero.
fn wallet() -> TableCreateStatement {
    let bucket = |name: &'static str| {
        integer(name)
            .default(0)
            .check(Expr::cust(format!("{name} BETWEEN 0 AND 1000000000000000")))
            .take()
    };
    Table::create()
        .table("wallet")
        .col(integer("id").auto_increment().primary_key())
        .col(integer("user_id"))
        .col(text("currency"))
        .col(bucket("balance_minor"))
        .col(bucket("committed_minor"))
        .col(bucket("lent_minor"))
        .col(bucket("held_minor"))
        .col(integer("version"))
        .col(integer("opened_at_us"))
        .foreign_key(ForeignKey::create().from("wallet", "user_id").to("account", "id"))
        .take()
}

fn ledger_movement() -> TableCreateStatement {
    Table::create()
        .table("ledger_movement")
        .col(integer("id").auto_increment().primary_key())
        .col(text("kind"))
        .col(text("currency"))
        .col(optional_integer("order_id"))
        .col(optional_integer("authorization_id"))
        .col(integer("at_us"))
        .take()
}

fn ledger_entry() -> TableCreateStatement {
    Table::create()
        .table("ledger_entry")
        .col(integer("id").auto_increment().primary_key())
        .col(integer("movement_id"))
        .col(text("kind"))
        .col(text("account").check(Expr::cust(
            "account IN ('BALANCE', 'COMMITTED', 'LENT', 'HELD', 'OUTSIDE', 'EXCHANGE')",
        )))
        .col(optional_integer("wallet_id"))
        .col(integer("amount_minor").check(Expr::cust("amount_minor <> 0")))
        .col(optional_integer("balance_after_minor"))
        .col(integer("at_us"))
        .check(Expr::cust("(wallet_id IS NULL) = (account IN ('OUTSIDE', 'EXCHANGE'))"))
        .check(Expr::cust("(wallet_id IS NULL) = (balance_after_minor IS NULL)"))
        .foreign_key(
            ForeignKey::create()
                .from("ledger_entry", "movement_id")
                .to("ledger_movement", "id"),
        )
        .foreign_key(
            ForeignKey::create()
                .from("ledger_entry", "wallet_id")
                .to("wallet", "id"),
        )
        .take()
}

fn hold() -> TableCreateStatement {
    Table::create()
        .table("hold")
        .col(integer("id").auto_increment().primary_key())
        .col(integer("wallet_id"))
        .col(integer("amount_minor").check(Expr::cust("amount_minor > 0")))
        .col(text("state").check(Expr::cust("state IN ('PENDING', 'POSTED', 'VOIDED', 'EXPIRED')")))
        .col(optional_integer("order_id"))
        .col(optional_integer("expires_at_us"))
        .col(integer("placed_at_us"))
        .col(optional_integer("ended_at_us"))
        .check(Expr::cust("(state = 'PENDING') = (ended_at_us IS NULL)"))
        .foreign_key(ForeignKey::create().from("hold", "wallet_id").to("wallet", "id"))
        .take()
}
