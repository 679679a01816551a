//! The rules of money and shares, tested directly on the tables.

use std::sync::Arc;

use contract::{Error, ExchangeTrade, OrderLog, Result, Tx};
use entities::authorization::{AuthorizationEnd, Grant, LentAsset};
use entities::brokerage_order::{self, ExecutedOrder, NewAutomatedOrder, TradeRef};
use entities::exchange_order::{self, NewTrade};
use entities::holding::{self, ShareBucket};
use entities::ledger::{self, Account, Bucket, LedgerTransaction, TransactionKind};
use entities::side::Side;
use entities::stock::{self, NewStock, StockRef};
use entities::{expiry, lending, order_reserve, reservation, user, wallet};
use sea_orm::EntityTrait;
use testing::{NEW_YEAR_US, TestServices};

const NOW: i64 = NEW_YEAR_US;

async fn people(tx: &Tx) -> Result<[i64; 2]> {
    let mut ids = [0; 2];
    for (id, name) in ids.iter_mut().zip(["ada", "ben"]) {
        *id = user::insert(tx, user::Model::with_username(name, NOW))
            .await?
            .map_err(|_| Error::Unauthenticated)?
            .id;
    }
    Ok(ids)
}

async fn deposit(tx: &Tx, user: i64, minor: i64) -> Result<()> {
    let legs = [
        (Account::Outside, -minor),
        (Account::Wallet(user, Bucket::Balance), minor),
    ];
    ledger::post(tx, LedgerTransaction::new(TransactionKind::Deposit, "USD"), &legs, NOW).await?;
    Ok(())
}

async fn listed(tx: &Tx) -> Result<stock::Model> {
    let new = NewStock {
        name: "FishCo".into(),
        price_minor: 1_999,
        currency: "USD".into(),
        quantity: 100,
    };
    Ok(stock::add(tx, new, NOW).await?.unwrap())
}

#[tokio::test]
async fn lent_held_and_spent_money_is_conserved() {
    let test = TestServices::new(NOW).await;
    let db = &test.services.db;
    let orders = test.services.order_log.clone();
    let [ada, ben, fish] = db.write(async move |tx| buy_and_lend(tx, &orders).await).await.unwrap();
    let more = db
        .write(async move |tx| Ok(lending::grant(tx, &capital(ada, ben), NOW).await?))
        .await;
    assert!(matches!(more, Err(Error::InsufficientFunds)));
    let orders = test.services.order_log.clone();
    let later = async move |tx: &Tx| {
        let now = NOW + 20;
        assert!(expiry::is_any_overdue(tx, now).await?);
        lend_and_return_shares(tx, [ada, ben, fish], now).await?;
        let automated = buy_when_triggered(tx, &orders, [ada, fish], now).await?;
        let_a_sale_expire(tx, automated, now).await
    };
    db.write(later).await.unwrap();
}

/// Buys 30 shares for ada, who then lends 800.00 to ben in two grants. Returns the ids of both and of the stock.
async fn buy_and_lend(tx: &Tx, orders: &Arc<dyn OrderLog>) -> Result<[i64; 3]> {
    let [ada, ben] = people(tx).await?;
    deposit(tx, ada, 100_000).await?;
    let fish = listed(tx).await?;

    let trade = ExchangeTrade {
        stock: StockRef::Name("FishCo".into()),
        side: Side::Buy,
        quantity: 10,
        price_minor: None,
        trader_id: None,
    };
    for number in 0..3 {
        let traded = orders.trade(tx, &trade, NOW).await?;
        let place = (traded.recorded.trade_ref(), traded.stock.quantity);
        assert_eq!(place, (TradeRef::Number(number), 90 - 10 * number));
    }
    holding::add(tx, ada, fish.id, ShareBucket::Free, 30).await?;

    let (raised, _) = lending::grant(tx, &capital(ada, ben), NOW).await?;
    assert!(raised.created);
    let (raised, _) = lending::grant(tx, &capital(ada, ben), NOW).await?;
    assert!(!raised.created);
    assert_eq!(raised.authorization.remaining, 80_000);
    Ok([ada, ben, fish.id])
}

/// A grant of 400.00.
fn capital(investor_id: i64, broker_id: i64) -> Grant {
    Grant {
        lent: LentAsset::Capital("USD".into()),
        investor_id,
        broker_id,
        amount: 40_000,
        starts_at_us: NOW,
        ends_at_us: NOW + 10,
        fee_basis_points: 100,
        accepts_higher_fee: false,
    }
}

/// Lends five of ada's shares to ben, who spends two of them; the others come back and some are set aside.
async fn lend_and_return_shares(tx: &Tx, [ada, ben, fish]: [i64; 3], now: i64) -> Result<()> {
    let grant = Grant {
        lent: LentAsset::Shares {
            holding_id: 1,
            stock_id: fish,
        },
        amount: 5,
        ends_at_us: NOW + 100,
        ..capital(ada, ben)
    };
    let (raised, _) = lending::grant(tx, &grant, now).await?;
    assert_eq!(holding::find(tx, ada, fish).await?.unwrap().lent, 5);
    entities::authorization::spend(tx, &raised.authorization, 2, now).await?;
    holding::take(tx, ada, fish, ShareBucket::Lent, 2).await?;
    lending::end(tx, raised.authorization.id, AuthorizationEnd::Revoked, now)
        .await?
        .unwrap();
    let shares = holding::find(tx, ada, fish).await?.unwrap();
    assert_eq!((shares.free, shares.committed, shares.lent), (28, 0, 0));
    assert_eq!(holding::commit(tx, shares.id, 8).await?.unwrap().free, 20);
    assert!(holding::commit(tx, shares.id, 29).await?.is_none());
    Ok(())
}

/// Places an automated purchase, which is triggered and executed below its limit.
async fn buy_when_triggered(
    tx: &Tx,
    orders: &Arc<dyn OrderLog>,
    [ada, fish]: [i64; 2],
    now: i64,
) -> Result<NewAutomatedOrder> {
    let automated = NewAutomatedOrder {
        side: Side::Buy,
        stock_id: fish,
        quantity: 10,
        limit_minor: 2_000,
        currency: "USD".into(),
        investor_id: ada,
        expires_at_us: Some(now + 5),
    };
    let order = brokerage_order::place(tx, &automated, 1, now).await?;
    order_reserve::reserve(tx, &order, now).await?;
    assert_eq!(wallet::find(tx, ada, "USD").await?.unwrap().held_minor, 20_000);
    assert_eq!(brokerage_order::trigger(tx, fish, 2_001, now).await?, 0);
    assert_eq!(brokerage_order::trigger(tx, fish, 1_500, now).await?, 1);
    let triggered = brokerage_order::triggered(0, 10).all(tx).await?;
    assert_eq!(triggered.len(), 1);
    let trade = ExchangeTrade {
        stock: StockRef::Id(fish),
        side: Side::Buy,
        quantity: 10,
        price_minor: triggered[0].fired_minor,
        trader_id: Some(ada),
    };
    let traded = orders.trade(tx, &trade, now).await?;
    order_reserve::spend(tx, &order, 1_500, now).await?;
    brokerage_order::complete(tx, order.id, 1_500, traded.recorded.trade_ref(), now)
        .await?
        .unwrap();
    assert!(brokerage_order::cancel(tx, order.id, None, now).await?.is_none());
    let money = wallet::find(tx, ada, "USD").await?.unwrap();
    assert_eq!((money.balance_minor, money.held_minor), (5_000, 0));
    Ok(automated)
}

/// Places a sale that expires.
async fn let_a_sale_expire(tx: &Tx, automated: NewAutomatedOrder, now: i64) -> Result<()> {
    let sale = NewAutomatedOrder {
        side: Side::Sell,
        quantity: 7,
        limit_minor: 9_000,
        expires_at_us: Some(now + 5),
        ..automated
    };
    let sale = brokerage_order::place(tx, &sale, 1, now).await?;
    order_reserve::reserve(tx, &sale, now).await?;
    let expired = expiry::expire(tx, now + 5, 10).await?;
    assert_eq!(expired.orders.len(), 1);
    Ok(())
}

#[tokio::test]
async fn recorded_trades_and_orders_equal_their_rows() {
    let test = TestServices::new(NOW).await;
    let compare = async |tx: &Tx| {
        let [ada, ben] = people(tx).await?;
        let fish = listed(tx).await?;
        for (trader_id, number) in [(Some(ada), 0), (None, 1)] {
            let trade = NewTrade {
                side: Side::Sell,
                quantity: 7,
                price_minor: 2_000,
                trader_id,
            };
            let recorded = exchange_order::append(tx, &fish, &trade, NOW + 1).await?;
            assert_eq!(recorded.number, number);
            let stored = exchange_order::Entity::find_by_id(number).one(tx).await?;
            assert_eq!(stored, Some(recorded));
        }
        let waiting = NewTrade {
            side: Side::Buy,
            quantity: 3,
            price_minor: 1_999,
            trader_id: Some(ada),
        };
        let waiting = reservation::insert_binding(tx, "attempt", &fish, &waiting, NOW).await?;
        for (broker, trade) in [
            (None, TradeRef::Number(0)),
            (Some((ben, 5)), TradeRef::Reservation(waiting.id)),
        ] {
            let order = ExecutedOrder {
                side: Side::Buy,
                stock_id: fish.id,
                quantity: 3,
                price_minor: 1_999,
                fee_minor: 60,
                currency: "USD".into(),
                investor_id: ada,
                broker,
                trade,
            };
            let recorded = brokerage_order::record(tx, &order, NOW + 2).await?;
            let stored = brokerage_order::Entity::find_by_id(recorded.id).one(tx).await?;
            assert_eq!(stored, Some(recorded));
        }
        Ok(())
    };
    test.services.db.write(compare).await.unwrap();
}
