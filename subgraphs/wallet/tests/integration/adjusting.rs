//! Balances that programs set.

use contract::Viewer;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{ADA, BEN, Bank, DEPOSIT, SET_BALANCE, WITHDRAW, amount, member, of, service, usd};

/// The arguments of [`SET_BALANCE`], in US dollars.
fn set(person: i64, balance: &str, committed: Option<&str>) -> Value {
    let mut args = json!({ "user": person, "balance": usd(balance) });
    if let Some(committed) = committed {
        args["committed"] = usd(committed);
    }
    args
}

#[tokio::test]
async fn a_set_balance_is_stored() {
    let bank = Bank::new().await;
    for (balance, committed, wanted) in [
        ("0.00", None, ["0.00", "0.00"]),
        ("50.00", None, ["50.00", "0.00"]),
        ("20.00", Some("30.00"), ["20.00", "30.00"]),
        ("20.00", Some("30.00"), ["20.00", "30.00"]),
        ("35.00", Some("15.00"), ["35.00", "15.00"]),
        ("1000000000000.00", None, ["1000000000000.00", "15.00"]),
        ("0.00", Some("0.00"), ["0.00", "0.00"]),
    ] {
        let answer = bank
            .change(&service(), SET_BALANCE, &set(ADA, balance, committed))
            .await;
        let [balance, committed] = wanted.map(usd);
        let wallet = json!({ "balance": balance, "committed": committed });
        assert_eq!(answer, json!({ "data": { "setBalance": wallet } }));
        assert_eq!(bank.parts(ADA).await[..2], wanted);
    }
    // Setting the same balances creates no transaction. A change within the wallet has no entry of the outside account.
    assert_eq!(
        bank.amounts(ADA, json!({ "type": "ADJUSTMENT" })).await,
        [
            "-15.00",
            "-1000000000000.00",
            "999999999965.00",
            "-15.00",
            "15.00",
            "30.00",
            "-30.00",
            "50.00"
        ]
    );
}

#[tokio::test]
async fn a_set_balance_keeps_lent_and_held_money() {
    let bank = Bank::with_money().await;
    bank.lend(4_000).await;
    bank.order().await;
    let less = bank
        .change(&service(), SET_BALANCE, &set(ADA, "5.00", Some("39.99")))
        .await;
    assert_eq!(
        less["errors"][0]["extensions"],
        json!({ "code": "INVALID_INPUT", "field": "committed" })
    );
    assert_eq!(bank.parts(ADA).await, ["30.00", "40.00", "40.00", "30.00"]);
    for (balance, committed, wanted) in [
        ("5.00", Some("40.00"), ["5.00", "40.00", "40.00", "30.00"]),
        ("6.00", Some("41.00"), ["6.00", "41.00", "40.00", "30.00"]),
        ("7.00", None, ["7.00", "41.00", "40.00", "30.00"]),
    ] {
        assert_eq!(
            bank.change(&service(), SET_BALANCE, &set(ADA, balance, committed))
                .await
                .code(),
            "OK"
        );
        assert_eq!(bank.parts(ADA).await, wanted);
    }
}

#[tokio::test]
async fn an_invalid_balance_is_refused_by_name_and_changes_nothing() {
    let bank = Bank::with_money().await;
    let with = |name: &str, value: Value| {
        let mut args = set(ADA, "1.00", None);
        args[name] = value;
        args
    };
    let mut euros = set(ADA, "1.00", Some("1.00"));
    euros["balance"]["currency"] = json!("EUR");
    for (args, wanted, field) in [
        (set(ADA, "-0.01", None), "INVALID_INPUT", json!("balance")),
        (set(ADA, "1.00", Some("-0.01")), "INVALID_INPUT", json!("committed")),
        (
            with("balance", json!({ "amount": "1.00", "currency": "XXX" })),
            "INVALID_INPUT",
            json!("balance"),
        ),
        (euros, "INVALID_INPUT", json!("committed")),
        (set(99, "1.00", None), "NOT_FOUND", json!(null)),
        (with("user", json!("ada")), "NOT_FOUND", json!(null)),
    ] {
        let refused = bank.change(&service(), SET_BALANCE, &args).await;
        assert_eq!(refused.code(), wanted, "{args}");
        assert_eq!(refused["errors"][0]["extensions"]["field"], field, "{args}");
    }
    assert_eq!(bank.parts(ADA).await, ["100.00", "0.00", "0.00", "0.00"]);
}

#[tokio::test]
async fn a_set_balance_is_absolute_under_concurrent_changes() {
    let bank = Bank::with_money().await;
    let (ada, program) = (member(ADA), service());
    let (three, one, to) = (of(usd("3.00")), of(usd("1.00")), set(ADA, "500.00", None));
    let calls: Vec<(&Viewer, &str, &Value)> = (0..30)
        .map(|number| match number % 3 {
            0 => (&ada, DEPOSIT, &three),
            1 => (&ada, WITHDRAW, &one),
            _ => (&program, SET_BALANCE, &to),
        })
        .collect();
    let calls = calls.into_iter();
    let answers = join_all(calls.map(|(viewer, change, args)| bank.change(viewer, change, args))).await;
    for answer in &answers {
        assert_eq!(answer.code(), "OK");
        let wallet = &answer["data"]["setBalance"];
        assert!(wallet.is_null() || amount(&wallet["balance"]) == "500.00", "{answer}");
    }
    // Ten deposits and ten withdrawals: if one was lost, or overwritten by a set balance, the sum would be wrong.
    let all = bank
        .wallet(
            ADA,
            "balance transactions(account: BALANCE, first: 100) { nodes { amount balanceAfter } }",
        )
        .await;
    let cents = |money: &serde_json::Value| amount(money).replace('.', "").parse::<i64>().unwrap();
    let entries = crate::support::nodes(&all["transactions"]);
    assert_eq!(
        entries.iter().map(|entry| cents(&entry["amount"])).sum::<i64>(),
        cents(&all["balance"])
    );
    assert_eq!(cents(&entries[0]["balanceAfter"]), cents(&all["balance"]));
}

#[tokio::test]
async fn only_changes_are_announced() {
    let bank = Bank::new().await;
    let mut events = bank.services.bus.subscribe();
    for balance in ["5.00", "5.00", "-1.00", "6.00"] {
        bank.change(&service(), SET_BALANCE, &set(BEN, balance, None)).await;
    }
    assert_eq!(received_events(&mut events).len(), 2);
}
