//! Idempotency keys: one effect and one response for each key.

use futures_util::future::join_all;
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{ADA, BEN, Bank, DEPOSIT, WITHDRAW, member, usd};

fn keyed(amount: &str, key: &str) -> Value {
    json!({ "amount": usd(amount), "key": key })
}

#[tokio::test]
async fn the_same_key_has_one_effect_and_repeats_its_response() {
    let bank = Bank::with_money().await;
    for (transfer, key, left) in [(DEPOSIT, "in", "107.00"), (WITHDRAW, "out", "100.00")] {
        let args = keyed("7.00", key);
        let mut events = bank.services.bus.subscribe();
        assert!(received_events(&mut events).is_empty());
        let first = bank.change(&member(ADA), transfer, &args).await;
        assert_eq!(first.code(), "OK");
        bank.clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(bank.change(&member(ADA), transfer, &args).await, first);
        assert_eq!(
            received_events(&mut events).len(),
            1,
            "{key}: what did not happen is not told"
        );
        assert_eq!(bank.parts(ADA).await[0], left, "{key}");
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_key_have_one_effect() {
    let bank = Bank::with_money().await;
    let ada = member(ADA);
    let args = keyed("60.00", "one");
    let answers = join_all((0..10).map(|_| bank.change(&ada, WITHDRAW, &args))).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(bank.parts(ADA).await[0], "40.00");
}

#[tokio::test]
async fn a_key_with_another_amount_or_currency_is_a_mismatch() {
    let bank = Bank::with_money().await;
    bank.change(&member(ADA), WITHDRAW, &keyed("7.00", "one")).await;
    let other = bank.change(&member(ADA), WITHDRAW, &keyed("7.01", "one")).await;
    assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH");
    let mut euros = keyed("7.00", "one");
    euros["amount"]["currency"] = json!("EUR");
    let other = bank.change(&member(ADA), WITHDRAW, &euros).await;
    assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH");
    assert_eq!(bank.parts(ADA).await[0], "93.00");
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_unused() {
    let bank = Bank::with_money().await;
    let args = keyed("150.00", "one");
    let refused = bank.change(&member(ADA), WITHDRAW, &args).await;
    assert_eq!(refused.code(), "INSUFFICIENT_FUNDS");
    bank.deposit(ADA, "50.00").await;
    assert_eq!(bank.change(&member(ADA), WITHDRAW, &args).await.code(), "OK");
    assert_eq!(bank.parts(ADA).await[0], "0.00");
}

#[tokio::test]
async fn keys_belong_to_a_user_across_deposits_and_withdrawals() {
    let bank = Bank::with_money().await;
    for (person, transfer, expected) in [
        (ADA, DEPOSIT, "OK"),
        (ADA, WITHDRAW, "IDEMPOTENCY_MISMATCH"),
        (BEN, DEPOSIT, "OK"),
    ] {
        let answer = bank.change(&member(person), transfer, &keyed("3.00", "one")).await;
        assert_eq!(answer.code(), expected, "{person} {transfer}");
    }
    assert_eq!(bank.parts(ADA).await[0], "103.00");
    assert_eq!(bank.parts(BEN).await[0], "3.00");
}
