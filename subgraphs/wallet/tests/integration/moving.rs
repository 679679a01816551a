//! Deposits and withdrawals.

use contract::{Audience, Event};
use futures_util::future::join_all;
use serde_json::json;
use testing::received_events;

use crate::support::{ADA, BEN, Bank, amount, code, member, movement, nodes};

#[tokio::test]
async fn a_wallet_is_opened_by_the_first_movement_in_its_currency() {
    let bank = Bank::new().await;
    assert!(bank.wallet(ADA, "id").await.is_null());
    bank.deposit(ADA, "15.99").await;
    let euros = r#"deposit(amount: { amount: "2.00", currency: "EUR" }) { id }"#;
    assert_eq!(code(&bank.change(&member(ADA), euros).await), "OK");
    let fields = r#"wallet { currency balance } euros: wallet(currency: "EUR") { balance } francs: wallet(currency: "CHF") { balance }
        wallets { currency owner { id } }"#;
    let (ada, _) = bank.entity(&member(ADA), "User", "1", fields).await;
    assert_eq!(
        ada,
        json!({
            "wallet": { "currency": "USD", "balance": { "amount": "15.99", "currency": "USD" } },
            "euros": { "balance": { "amount": "2.00", "currency": "EUR" } },
            "francs": null,
            "wallets": [{ "currency": "USD", "owner": { "id": "1" } }, { "currency": "EUR", "owner": { "id": "1" } }],
        })
    );
    let (ben, _) = bank
        .entity(&member(BEN), "User", "2", "wallet { id } wallets { id }")
        .await;
    assert_eq!(ben, json!({ "wallet": null, "wallets": [] }));
}

#[tokio::test]
async fn a_movement_returns_its_effect_on_the_balance() {
    let bank = Bank::with_money().await;
    let answer = bank
        .change(
            &member(ADA),
            r#"withdraw(amount: { amount: "30.01", currency: "USD" }) { id type account amount balanceAfter at walletId userId
                order { id } authorization { id } }"#,
        )
        .await;
    assert_eq!(
        answer["data"]["withdraw"],
        json!({
            "id": answer["data"]["withdraw"]["id"],
            "type": "WITHDRAWAL",
            "account": "BALANCE",
            "amount": { "amount": "-30.01", "currency": "USD" },
            "balanceAfter": { "amount": "69.99", "currency": "USD" },
            "at": "2026-01-01T00:00:00+00:00",
            "walletId": "1",
            "userId": "1",
            "order": null,
            "authorization": null,
        })
    );
    assert_eq!(bank.parts(ADA).await, ["69.99", "0.00", "0.00", "0.00"]);
}

#[tokio::test]
async fn an_invalid_amount_is_refused_by_name_and_changes_nothing() {
    let bank = Bank::with_money().await;
    for field in ["deposit", "withdraw"] {
        for amount in [
            r#"{ amount: "0.00", currency: "USD" }"#,
            r#"{ amount: "-1.00", currency: "USD" }"#,
            r#"{ amount: "1.00", currency: "XXX" }"#,
            r#"{ amount: "1.00", currency: "JPY" }"#,
        ] {
            let refused = bank
                .change(&member(ADA), &format!("{field}(amount: {amount}) {{ id }}"))
                .await;
            let extensions = &refused["errors"][0]["extensions"];
            assert_eq!(
                *extensions,
                json!({ "code": "INVALID_INPUT", "field": "amount" }),
                "{field} {amount}"
            );
        }
        for amount in [
            r#"{ amount: "1000000000000.01", currency: "USD" }"#,
            r#"{ amount: "1.001", currency: "USD" }"#,
            r#"{ amount: "1e3", currency: "USD" }"#,
            "5",
            "null",
        ] {
            let refused = bank
                .change(&member(ADA), &format!("{field}(amount: {amount}) {{ id }}"))
                .await;
            assert_eq!(code(&refused), "INVALID_INPUT", "{field} {amount}");
        }
    }
    let more = bank.change(&member(ADA), &movement("withdraw", "100.01")).await;
    assert_eq!(code(&more), "INSUFFICIENT_FUNDS");
    let none = bank.change(&member(BEN), &movement("withdraw", "0.01")).await;
    assert_eq!(code(&none), "INSUFFICIENT_FUNDS");
    assert!(bank.wallet(BEN, "id").await.is_null());
    assert_eq!(bank.amounts(ADA, "transactions").await, ["100.00"]);
}

#[tokio::test]
async fn a_wallet_takes_the_largest_amount_up_to_its_limit() {
    let bank = Bank::new().await;
    for _ in 0..10 {
        bank.deposit(ADA, "1000000000000.00").await;
    }
    let full = bank.change(&member(ADA), &movement("deposit", "0.01")).await;
    assert_eq!(code(&full), "CONFLICT");
    assert_eq!(bank.parts(ADA).await[0], "10000000000000.00");
}

#[tokio::test]
async fn concurrent_withdrawals_never_overdraw() {
    let bank = Bank::with_money().await;
    let ada = member(ADA);
    let withdraw = movement("withdraw", "7.00");
    let answers = join_all((0..50).map(|_| bank.change(&ada, &withdraw))).await;
    let codes: Vec<_> = answers.iter().map(code).collect();
    assert_eq!(codes.iter().filter(|code| **code == "OK").count(), 14);
    assert_eq!(codes.iter().filter(|code| **code == "INSUFFICIENT_FUNDS").count(), 36);
    assert_eq!(bank.parts(ADA).await[0], "2.00");
    let list = bank.wallet(ADA, "transactions { nodes { amount balanceAfter } }").await;
    let after: Vec<_> = nodes(&list["transactions"])
        .iter()
        .map(|node| amount(&node["balanceAfter"]))
        .collect();
    assert_eq!(after[..3], ["2.00", "9.00", "16.00"]);
}

#[tokio::test]
async fn a_deactivated_user_moves_no_money() {
    let bank = Bank::with_money().await;
    bank.write(async |tx| {
        Ok(entities::user_change::deactivate(tx, &entities::authority::Authority::Full, ADA, 0).await?)
    })
    .await;
    for field in ["deposit", "withdraw"] {
        let refused = bank.change(&member(ADA), &movement(field, "1.00")).await;
        assert_eq!(code(&refused), "UNAUTHENTICATED", "{field}");
    }
}

#[tokio::test]
async fn a_movement_is_announced_to_its_owner_only() {
    let bank = Bank::new().await;
    let mut events = bank.services.bus.subscribe();
    bank.deposit(ADA, "5.00").await;
    bank.withdraw(ADA, "2.00").await;
    bank.change(&member(ADA), &movement("withdraw", "9.00")).await;
    let told = |version| Event::Invalidated {
        typename: "Wallet",
        key: "1".to_owned(),
        version,
        audience: Audience::Users(vec![ADA]),
    };
    assert_eq!(received_events(&mut events), [told(1), told(2)]);
}
