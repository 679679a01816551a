//! Deposits and withdrawals.

use contract::{Audience, Event};
use futures_util::future::join_all;
use serde_json::json;
use testing::{Answer, received_events};

use crate::support::{ADA, BEN, Bank, DEPOSIT, WITHDRAW, amount, member, nodes, of, usd};

#[tokio::test]
async fn a_wallet_is_opened_by_the_first_transfer_in_its_currency() {
    let bank = Bank::new().await;
    assert!(bank.wallet(ADA, "id").await.is_null());
    bank.deposit(ADA, "15.99").await;
    let euros = of(json!({ "amount": "2.00", "currency": "EUR" }));
    assert_eq!(bank.change(&member(ADA), DEPOSIT, &euros).await.code(), "OK");
    let fields = r#"wallet { currency balance } euros: wallet(currency: "EUR") { balance } francs: wallet(currency: "CHF") { balance }
        wallets { currency owner { id } }"#;
    let (ada, _) = bank.entity(&member(ADA), "User", "1", fields).await;
    assert_eq!(
        ada,
        json!({
            "wallet": { "currency": "USD", "balance": { "amount": "15.99", "currency": "USD" } },
            "euros": { "balance": { "amount": "2.00", "currency": "EUR" } },
            "francs": null,
            "wallets": [{ "currency": "USD", "owner": { "id": "user_1" } }, { "currency": "EUR", "owner": { "id": "user_1" } }],
        })
    );
    let (ben, _) = bank
        .entity(&member(BEN), "User", "2", "wallet { id } wallets { id }")
        .await;
    assert_eq!(ben, json!({ "wallet": null, "wallets": [] }));
}

#[tokio::test]
async fn a_transfer_returns_its_effect_on_the_balance() {
    let bank = Bank::with_money().await;
    let answer = bank.change(&member(ADA), WITHDRAW, &of(usd("30.01"))).await;
    assert_eq!(
        answer.at("moved"),
        &json!({
            "id": answer.at("moved.id"),
            "type": "WITHDRAWAL",
            "account": "BALANCE",
            "amount": { "amount": "-30.01", "currency": "USD" },
            "balanceAfter": { "amount": "69.99", "currency": "USD" },
            "at": "2026-01-01T00:00:00+00:00",
            "walletId": "wallet_1",
            "userId": "user_1",
            "order": null,
            "authorization": null,
        })
    );
    assert_eq!(bank.parts(ADA).await, ["69.99", "0.00", "0.00", "0.00"]);
}

#[tokio::test]
async fn an_invalid_amount_is_refused_by_name_and_changes_nothing() {
    let bank = Bank::with_money().await;
    for field in [DEPOSIT, WITHDRAW] {
        for amount in [
            usd("0.00"),
            usd("-1.00"),
            json!({ "amount": "1.00", "currency": "XXX" }),
            json!({ "amount": "1.00", "currency": "JPY" }),
        ] {
            let refused = bank.change(&member(ADA), field, &of(amount.clone())).await;
            let extensions = &refused["errors"][0]["extensions"];
            assert_eq!(
                *extensions,
                json!({ "code": "INVALID_INPUT", "field": "amount" }),
                "{field} {amount}"
            );
        }
        for amount in [usd("1000000000000.01"), usd("1.001"), usd("1e3"), json!(5), json!(null)] {
            let refused = bank.change(&member(ADA), field, &of(amount.clone())).await;
            assert_eq!(refused.code(), "INVALID_INPUT", "{field} {amount}");
        }
    }
    let more = bank.change(&member(ADA), WITHDRAW, &of(usd("100.01"))).await;
    assert_eq!(more.code(), "INSUFFICIENT_FUNDS");
    let none = bank.change(&member(BEN), WITHDRAW, &of(usd("0.01"))).await;
    assert_eq!(none.code(), "INSUFFICIENT_FUNDS");
    assert!(bank.wallet(BEN, "id").await.is_null());
    assert_eq!(bank.amounts(ADA, json!({})).await, ["100.00"]);
}

#[tokio::test]
async fn a_wallet_takes_the_largest_amount_up_to_its_limit() {
    let bank = Bank::new().await;
    for _ in 0..10 {
        bank.deposit(ADA, "1000000000000.00").await;
    }
    let full = bank.change(&member(ADA), DEPOSIT, &of(usd("0.01"))).await;
    assert_eq!(full.code(), "CONFLICT");
    assert_eq!(bank.parts(ADA).await[0], "10000000000000.00");
}

#[tokio::test]
async fn concurrent_withdrawals_never_overdraw() {
    let bank = Bank::with_money().await;
    let ada = member(ADA);
    let seven = of(usd("7.00"));
    let answers = join_all((0..50).map(|_| bank.change(&ada, WITHDRAW, &seven))).await;
    let codes: Vec<_> = answers.iter().map(Answer::code).collect();
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
    for field in [DEPOSIT, WITHDRAW] {
        let refused = bank.change(&member(ADA), field, &of(usd("1.00"))).await;
        assert_eq!(refused.code(), "UNAUTHENTICATED", "{field}");
    }
}

#[tokio::test]
async fn a_transfer_is_announced_to_its_owner_only() {
    let bank = Bank::new().await;
    let mut events = bank.services.bus.subscribe();
    bank.deposit(ADA, "5.00").await;
    bank.withdraw(ADA, "2.00").await;
    bank.change(&member(ADA), WITHDRAW, &of(usd("9.00"))).await;
    let told = |version| Event::Invalidated {
        typename: "Wallet",
        key: "wallet_1".to_owned(),
        version,
        audience: Audience::Users(vec![ADA]),
    };
    assert_eq!(received_events(&mut events), [told(1), told(2)]);
}
