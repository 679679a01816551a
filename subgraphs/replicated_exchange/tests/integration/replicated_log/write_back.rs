//! Trades are answered before their numbers are written into the table.

use std::time::Duration;

use contract::{OrderLog, Services};
use entities::{exchange_order, reservation};
use futures_util::FutureExt;
use order_log::OrderLogSettings;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::json;
use testing::within;

use super::{PATIENCE, Replicas, exchange_over, left_unnumbered, services, settings, trade, trader, unnumbered, work};

/// Numbers stay in memory until another write or a reader needs them.
fn lazy_settings() -> OrderLogSettings {
    OrderLogSettings {
        write_back_delay: Duration::from_secs(3_600),
        ..settings()
    }
}

/// The numbers that the table has.
async fn written(on: &Services) -> Vec<i64> {
    let orders = exchange_order::Entity::find().order_by_asc(exchange_order::Column::Number);
    let orders = orders.all(on.db.read()).await.unwrap();
    orders.iter().map(|order| order.number).collect()
}

const BY_NUMBER: &str = "query($number: Int!) { exchangeOrder(number: $number) { number quantity } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answered_trade_is_found_before_its_number_is_written() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log_with(lazy_settings()), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    let traded = trade(&market, &trader(), "BUY", 3, "one").await;
    assert_eq!(traded["data"]["trade"]["number"], 0, "{traded}");
    assert_eq!(written(&market.services).await, [] as [i64; 0]);

    let client = market.client(&trader());
    let found = client.query(BY_NUMBER, json!({ "number": 0 })).await;
    assert_eq!(found["data"]["exchangeOrder"], json!({ "number": 0, "quantity": 3 }));
    let confirms = "mutation { acknowledgeOrder(number: 0, stock: \"GameStart\", side: BUY, quantity: 3) }";
    let confirmed = client.query(confirms, json!({})).await;
    assert_eq!(confirmed["data"]["acknowledgeOrder"], true, "{confirmed}");
    assert_eq!(written(&market.services).await, [] as [i64; 0]);

    // A list is read from the table, so it waits for the write-back. A repetition has the number from the log.
    let listed = within(
        PATIENCE,
        "a list",
        client.query("{ exchangeOrders { nodes { number } } }", json!({})),
    )
    .await;
    assert_eq!(listed["data"]["exchangeOrders"]["nodes"], json!([{ "number": 0 }]));
    let again = trade(&market, &trader(), "BUY", 3, "one").await;
    assert_eq!(again["data"]["trade"]["number"], 0, "{again}");
    assert_eq!(written(&market.services).await, [0]);
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_joins_the_commit_of_the_next_write() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log_with(lazy_settings()), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    let mut trades = 0;
    let joined = async {
        loop {
            trade(&market, &trader(), "BUY", 1, &format!("trade {trades}")).await;
            let written = written(&market.services).await;
            assert!(
                written.len() <= trades,
                "a number is known after the commit of its trade"
            );
            trades += 1;
            // Nothing else writes a number: it is not due for an hour, and no reader waits.
            if !written.is_empty() {
                return written;
            }
        }
    };
    assert_eq!(within(PATIENCE, "a number", joined).await[0], 0);
    market.services.order_log.flush(&market.services).await.unwrap();
    assert_eq!(written(&market.services).await.len(), trades);
    assert!(!reservation::is_any_open(market.services.db.read()).await.unwrap());
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_wait_while_too_many_numbers_are_unwritten() {
    let mut replicas = Replicas::new().await;
    let narrow = OrderLogSettings {
        unwritten_max: 1,
        ..lazy_settings()
    };
    let market = exchange_over(replicas.log_with(narrow), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    // None of these commits takes a number along: the rows exist before.
    let mut last = 0;
    for quantity in 1..=3 {
        last = left_unnumbered(&market.services, quantity).await;
    }
    let (orders, db) = (&market.services.order_log, &market.services.db);
    let number = within(PATIENCE, "the last number", orders.number(db, unnumbered(last)));
    assert_eq!(number.await.unwrap(), 2);
    assert_eq!(written(&market.services).await[..2], [0, 1]);
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answered_trade_is_found_after_the_memory_is_lost() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log_with(lazy_settings()), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    for (quantity, key) in [(3, "one"), (4, "two")] {
        trade(&market, &trader(), "BUY", quantity, key).await;
    }
    assert!(!written(&market.services).await.contains(&1));
    working.abort();
    let _ = working.await;

    // A process that starts over the same files knows of no answer.
    let again = replicas.log_with(lazy_settings());
    let last = reservation::last_unnumbered(market.services.db.read()).await.unwrap();
    let mut on = market.services.clone();
    on.order_log = again.clone();
    let market = market.restart(|_| exchange::schema(on.clone()));
    let client = market.client(&trader());
    let mut list = Box::pin(client.query("{ exchangeOrders { nodes { number } } }", json!({})));
    let mut number = again.assigned_number(&market.services.db, last);
    for _ in 0..100 {
        assert!(
            list.as_mut().now_or_never().is_none(),
            "the list lacks an answered trade"
        );
        assert!(number.as_mut().now_or_never().is_none(), "the number is lost");
        tokio::task::yield_now().await;
    }
    let working = work(&on);
    let listed = within(PATIENCE, "a list", list).await;
    assert_eq!(
        listed["data"]["exchangeOrders"]["nodes"],
        json!([{ "number": 0 }, { "number": 1 }])
    );
    assert_eq!(within(PATIENCE, "a number", number).await.unwrap(), Some(1));
    let retried = trade(&market, &trader(), "BUY", 4, "two").await;
    assert_eq!(retried["data"]["trade"]["number"], 1, "{retried}");
    let next = trade(&market, &trader(), "BUY", 5, "three").await;
    assert_eq!(next["data"]["trade"]["number"], 2, "{next}");
    working.abort();
    let quantities: Vec<_> = replicas.ledger(2).await.into_iter().map(|order| order.3).collect();
    assert_eq!(quantities, [3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_fail_while_answered_numbers_are_unknown() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log_with(lazy_settings()), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    trade(&market, &trader(), "BUY", 3, "one").await;
    working.abort();
    let _ = working.await;
    for id in 1..=2 {
        replicas.stop(id).await;
    }
    let hasty = OrderLogSettings {
        answer_timeout: Duration::from_secs(1),
        ..lazy_settings()
    };
    let mut on = market.services.clone();
    on.order_log = replicas.log_with(hasty);
    let market = market.restart(|_| exchange::schema(on));
    let client = market.client(&trader());
    let listed = within(
        PATIENCE,
        "an answer",
        client.query("{ exchangeOrders { nodes { number } } }", json!({})),
    )
    .await;
    assert_eq!(listed.code(), "UNAVAILABLE", "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_may_be_written_back_twice() {
    let mut replicas = Replicas::new().await;
    let market = exchange_over(replicas.log_with(lazy_settings()), services().await).await;
    replicas.start(&market.services).await;
    let working = work(&market.services);
    for key in ["one", "two"] {
        left_unnumbered(&market.services, 1).await;
        trade(&market, &trader(), "BUY", 1, key).await;
    }
    // A reader of another process does not know that this one will write the number back.
    let last = *written(&market.services).await.last().unwrap();
    let reader = replicas.log();
    assert!(
        within(PATIENCE, "a look-up", reader.has(&market.services, last + 1))
            .await
            .unwrap()
    );
    assert!(written(&market.services).await.contains(&(last + 1)));
    market.services.order_log.flush(&market.services).await.unwrap();
    assert_eq!(written(&market.services).await, [0, 1, 2, 3]);
    working.abort();
}
