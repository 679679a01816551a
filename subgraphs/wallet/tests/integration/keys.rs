//! Idempotency keys: one effect and one response for each key.

use futures_util::future::join_all;
use testing::received_events;

use crate::support::{ADA, BEN, Bank, code, member};

fn keyed(field: &str, amount: &str, key: &str) -> String {
    format!(
        r#"{field}(amount: {{ amount: "{amount}", currency: "USD" }}, idempotencyKey: "{key}") {{ id amount balanceAfter at }}"#
    )
}

#[tokio::test]
async fn the_same_key_has_one_effect_and_repeats_its_response() {
    let bank = Bank::with_money().await;
    for (field, left) in [("deposit", "107.00"), ("withdraw", "100.00")] {
        let change = keyed(field, "7.00", field);
        let mut events = bank.services.bus.subscribe();
        assert!(received_events(&mut events).is_empty());
        let first = bank.change(&member(ADA), &change).await;
        assert_eq!(code(&first), "OK");
        bank.clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(bank.change(&member(ADA), &change).await, first);
        assert_eq!(
            received_events(&mut events).len(),
            1,
            "{field}: what did not happen is not told"
        );
        assert_eq!(bank.parts(ADA).await[0], left, "{field}");
    }
}

#[tokio::test]
async fn concurrent_requests_with_one_key_have_one_effect() {
    let bank = Bank::with_money().await;
    let ada = member(ADA);
    let change = keyed("withdraw", "60.00", "one");
    let answers = join_all((0..10).map(|_| bank.change(&ada, &change))).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(bank.parts(ADA).await[0], "40.00");
}

#[tokio::test]
async fn a_key_with_another_amount_or_currency_is_a_mismatch() {
    let bank = Bank::with_money().await;
    bank.change(&member(ADA), &keyed("withdraw", "7.00", "one")).await;
    let other = bank.change(&member(ADA), &keyed("withdraw", "7.01", "one")).await;
    assert_eq!(code(&other), "IDEMPOTENCY_MISMATCH");
    let euros = keyed("withdraw", "7.00", "one").replace("USD", "EUR");
    assert_eq!(code(&bank.change(&member(ADA), &euros).await), "IDEMPOTENCY_MISMATCH");
    assert_eq!(bank.parts(ADA).await[0], "93.00");
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_unused() {
    let bank = Bank::with_money().await;
    let change = keyed("withdraw", "150.00", "one");
    assert_eq!(code(&bank.change(&member(ADA), &change).await), "INSUFFICIENT_FUNDS");
    bank.deposit(ADA, "50.00").await;
    assert_eq!(code(&bank.change(&member(ADA), &change).await), "OK");
    assert_eq!(bank.parts(ADA).await[0], "0.00");
}

#[tokio::test]
async fn keys_belong_to_a_user_across_deposits_and_withdrawals() {
    let bank = Bank::with_money().await;
    for (person, field, expected) in [
        (ADA, "deposit", "OK"),
        (ADA, "withdraw", "IDEMPOTENCY_MISMATCH"),
        (BEN, "deposit", "OK"),
    ] {
        let answer = bank.change(&member(person), &keyed(field, "3.00", "one")).await;
        assert_eq!(code(&answer), expected, "{person} {field}");
    }
    assert_eq!(bank.parts(ADA).await[0], "103.00");
    assert_eq!(bank.parts(BEN).await[0], "3.00");
}
