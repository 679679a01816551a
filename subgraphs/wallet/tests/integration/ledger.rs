//! The contents of the ledger after every kind of transaction.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use crate::support::{ADA, BEN, Bank, DEPOSIT, HOUR_US, NEW_YEAR_US, SET_BALANCE, WITHDRAW, member, of, service, usd};

/// Returns the numbers in a query's rows.
async fn numbers(bank: &Bank, sql: &str) -> Vec<i64> {
    let rows = bank
        .services
        .db
        .read()
        .query_all_raw(Statement::from_string(DbBackend::Sqlite, sql))
        .await;
    rows.unwrap()
        .iter()
        .map(|row| row.try_get_by_index::<i64>(0).unwrap())
        .collect()
}

/// Returns a bank with every kind of transaction.
async fn busy() -> Bank {
    let bank = Bank::with_money().await;
    bank.withdraw(ADA, "1.00").await;
    bank.deposit(BEN, "5.00").await;
    bank.change(
        &member(ADA),
        DEPOSIT,
        &of(json!({ "amount": "9.00", "currency": "EUR" })),
    )
    .await;
    bank.lend(2_000).await;
    bank.order().await;
    bank.change(
        &service(),
        SET_BALANCE,
        &json!({ "user": 1, "balance": usd("7.00"), "committed": usd("50.00") }),
    )
    .await;
    bank.change(&member(ADA), WITHDRAW, &of(usd("900.00"))).await;
    bank
}

#[tokio::test]
async fn the_entries_of_every_transaction_sum_to_zero() {
    let bank = busy().await;
    let sums = "SELECT SUM(amount_minor) FROM ledger_entry GROUP BY movement_id";
    let sums = numbers(&bank, sums).await;
    // Four deposits and withdrawals, a grant, a hold, an adjustment. A rejected mutation creates no transaction.
    assert_eq!(sums, [0; 7]);
    let alone = "SELECT COUNT(*) FROM ledger_entry GROUP BY movement_id HAVING COUNT(*) < 2";
    assert_eq!(numbers(&bank, alone).await, [] as [i64; 0]);
    let empty = "SELECT COUNT(*) FROM ledger_movement WHERE id NOT IN (SELECT movement_id FROM ledger_entry)";
    assert_eq!(numbers(&bank, empty).await, [0]);
}

#[tokio::test]
async fn every_part_of_a_wallet_is_the_sum_of_its_entries() {
    let bank = busy().await;
    for (column, account) in [
        ("balance_minor", "BALANCE"),
        ("committed_minor", "COMMITTED"),
        ("lent_minor", "LENT"),
        ("held_minor", "HELD"),
    ] {
        let wrong = format!(
            "SELECT id FROM wallet WHERE {column} <> COALESCE((SELECT SUM(amount_minor) FROM ledger_entry
                 WHERE wallet_id = wallet.id AND account = '{account}'), 0)"
        );
        assert_eq!(numbers(&bank, &wrong).await, [] as [i64; 0], "{account}");
    }
}

#[tokio::test]
async fn every_running_balance_is_the_sum_of_the_entries_before() {
    let bank = busy().await;
    let wrong = "SELECT id FROM ledger_entry AS entry WHERE wallet_id IS NOT NULL AND balance_after_minor <> (
             SELECT SUM(amount_minor) FROM ledger_entry AS before
             WHERE before.wallet_id = entry.wallet_id AND before.account = entry.account AND before.id <= entry.id)";
    assert_eq!(numbers(&bank, wrong).await, [] as [i64; 0]);
}

#[tokio::test]
async fn the_database_refuses_to_change_the_ledger() {
    let bank = busy().await;
    for statement in [
        "UPDATE ledger_entry SET amount_minor = 1 WHERE id = 1",
        "DELETE FROM ledger_entry WHERE id = 1",
        "UPDATE ledger_movement SET at_us = 1 WHERE id = 1",
        "DELETE FROM ledger_movement WHERE id = 1",
        "UPDATE wallet SET balance_minor = -1",
    ] {
        let refused = bank
            .services
            .db
            .write(async move |tx| Ok(tx.execute_unprepared(statement).await?))
            .await;
        assert!(refused.is_err(), "{statement}");
    }
    let before = NEW_YEAR_US + HOUR_US;
    let rows = format!("SELECT COUNT(*) FROM ledger_entry WHERE at_us < {before}");
    assert_eq!(numbers(&bank, &rows).await, [15]);
}
