//! Triggered automated orders that could not be executed: the changes that they wait for, and their expiry.

use std::sync::Arc;

use contract::{Db, Error, ExchangeTrade, ExecutedTrade, OrderLog, ReplicaStatus, Result, Services, Tx, TxExt};
use entities::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind, WALLET_MAX_MINOR};
use entities::stock::{self, QUANTITY_MAX, StockRef};
use entities::{hold, holding};
use futures_util::future::{BoxFuture, FutureExt, LocalBoxFuture};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{
    ADA, BOAR, EVE, FISH, Floor, HOUR_US, LISTED, NEW_YEAR_US, OrderInput, automated, buy, person, sell,
};

/// An automated order for BoarCo, which costs 0.50.
fn of_boar(side: &str, quantity: i64, limit: &str) -> OrderInput {
    automated(side, quantity, limit).of(BOAR)
}

/// Fills the exchange with as many shares of BoarCo as it can have; returns how many were added.
async fn fill_the_exchange(floor: &Floor) -> i64 {
    let missing = QUANTITY_MAX - LISTED;
    let fill = async move |tx: &Tx| {
        let side = entities::side::Side::Sell;
        Ok(stock::adjust(tx, &StockRef::Id(BOAR), side, missing, NEW_YEAR_US).await?)
    };
    floor.services.db.write(fill).await.unwrap();
    missing
}

#[tokio::test]
async fn a_sale_executes_once_the_exchange_has_room() {
    let floor = Floor::new().await;
    let filled = fill_the_exchange(&floor).await;
    floor.give(ADA, BOAR, 10).await;
    floor.deposit(EVE, 1_000).await;
    let _worker = floor.worker();
    floor.placed(&person(ADA), &of_boar("SELL", 5, "0.40")).await;
    floor.placed(&person(EVE), &buy(4).of(BOAR)).await;
    assert_eq!(floor.statuses().await, ["PENDING", "COMPLETED"]);

    floor.placed(&person(EVE), &buy(1).of(BOAR)).await;
    floor.until(["COMPLETED", "COMPLETED", "COMPLETED"]).await;

    assert_eq!(floor.money(ADA).await, [5 * 50, 0, 0, 0]);
    assert_eq!(floor.listed(BOAR).await, QUANTITY_MAX);
    floor.assert_conserved(10 + filled).await;
}

#[tokio::test]
async fn a_sale_executes_once_its_investors_wallet_has_room() {
    let floor = Floor::new().await;
    floor.give(ADA, BOAR, 10).await;
    floor.deposit(ADA, WALLET_MAX_MINOR - 100).await;
    let _worker = floor.worker();
    floor.placed(&person(ADA), &of_boar("SELL", 3, "0.40")).await;
    for (taken_out, status) in [(49, "PENDING"), (1, "COMPLETED")] {
        let take_out = async move |tx: &Tx| {
            let legs = [
                (Account::Wallet(ADA, Bucket::Balance), -taken_out),
                (Account::Outside, taken_out),
            ];
            let moved = ledger::post(
                tx,
                LedgerTransaction::new(TransactionKind::Withdrawal, "USD"),
                &legs,
                NEW_YEAR_US,
            );
            tx.invalidate(&moved.await?.wallets.first().cloned());
            Ok(())
        };
        floor.services.write(take_out).await.unwrap();
        floor.until([status]).await;
    }
    assert_eq!(floor.money(ADA).await, [WALLET_MAX_MINOR, 0, 0, 0]);
    floor.assert_conserved(10).await;
}

#[tokio::test]
async fn a_purchase_executes_once_its_investors_holding_has_room() {
    let floor = Floor::new().await;
    let given = holding::SHARES_MAX - 2;
    floor.give(ADA, BOAR, given).await;
    floor.deposit(ADA, 1_000).await;
    let _worker = floor.worker();
    floor.placed(&person(ADA), &of_boar("BUY", 3, "0.60")).await;
    assert_eq!(floor.statuses().await, ["PENDING"]);

    floor.placed(&person(ADA), &sell(1).of(BOAR)).await;
    floor.until(["COMPLETED", "COMPLETED"]).await;

    assert_eq!(floor.shares(ADA, BOAR).await, [holding::SHARES_MAX, 0, 0, 0]);
    floor.assert_conserved(given).await;
}

#[tokio::test]
async fn an_order_waiting_for_room_still_has_its_limit() {
    let floor = Floor::new().await;
    let filled = fill_the_exchange(&floor).await;
    floor.give(ADA, BOAR, 10).await;
    floor.deposit(EVE, 1_000).await;
    floor.placed(&person(ADA), &of_boar("SELL", 5, "0.40")).await;
    floor.set_price(BOAR, 39).await;
    floor.placed(&person(EVE), &buy(9).of(BOAR)).await;
    brokerage::execute_ready(&floor.services).await.unwrap();
    assert_eq!(floor.statuses().await, ["PENDING", "COMPLETED"]);

    floor.set_price(BOAR, 41).await;
    brokerage::execute_ready(&floor.services).await.unwrap();
    assert_eq!(floor.statuses().await, ["COMPLETED", "COMPLETED"]);
    floor.assert_conserved(10 + filled).await;
}

#[tokio::test]
async fn a_triggered_order_that_cannot_execute_expires_in_time() {
    let floor = Floor::new().await;
    let filled = fill_the_exchange(&floor).await;
    floor.give(ADA, BOAR, 10).await;
    floor.deposit(ADA, 10_000).await;
    let until = "2026-01-01T01:00:00Z";
    floor
        .placed(&person(ADA), &of_boar("SELL", 5, "0.60").until(until))
        .await;
    floor
        .placed(&person(ADA), &automated("BUY", 3, "19.00").until(until))
        .await;
    floor.set_price(BOAR, 60).await;
    floor.set_price(FISH, 1_900).await;
    // The exchange is full for the first order, and a broken log fails both of them.
    let broken = Services {
        order_log: Arc::new(Broken),
        ..floor.services.clone()
    };
    brokerage::execute_ready(&broken).await.unwrap();
    assert_eq!(floor.statuses().await, ["PENDING", "PENDING"]);

    floor.pass(HOUR_US);
    floor.services.expire_overdue().await.unwrap();

    assert_eq!(floor.statuses().await, ["CANCELLED", "CANCELLED"]);
    assert_eq!(floor.money(ADA).await, [10_000, 0, 0, 0]);
    assert_eq!(floor.shares(ADA, BOAR).await, [10, 0, 0, 0]);
    floor.assert_conserved(10 + filled).await;
}

#[tokio::test]
async fn an_order_with_lost_funds_blocks_no_other_release() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.deposit(EVE, 10_000).await;
    let order = automated("BUY", 1, "19.00").until("2026-01-01T01:00:00Z");
    floor.placed(&person(ADA), &order).await;
    floor.placed(&person(EVE), &order).await;
    let lose = async |tx: &Tx| {
        let lost = hold::Entity::update_many().col_expr(hold::Column::OrderId, Expr::value(None::<i64>));
        lost.filter(hold::Column::OrderId.eq(1)).exec(tx).await?;
        Ok(())
    };
    floor.services.db.write(lose).await.unwrap();
    floor.pass(HOUR_US);
    floor.services.expire_overdue().await.unwrap();

    assert_eq!(floor.statuses().await, ["CANCELLED", "CANCELLED"]);
    assert_eq!(floor.money(EVE).await, [10_000, 0, 0, 0]);
}

/// An order log whose every operation fails.
struct Broken;

impl OrderLog for Broken {
    fn trade<'a>(&'a self, _: &'a Tx, _: &'a ExchangeTrade, _: i64) -> LocalBoxFuture<'a, Result<ExecutedTrade>> {
        async { Err(Error::Internal("on purpose".into())) }.boxed_local()
    }

    fn replicas<'a>(&'a self, _: &'a Db) -> BoxFuture<'a, Result<Vec<ReplicaStatus>>> {
        async { Ok(Vec::new()) }.boxed()
    }
}
