//! Lists of transactions.

use serde_json::Value;

use crate::support::{ADA, BEN, Bank, amount, member, nodes};

async fn page(bank: &Bank, args: &str) -> (Vec<String>, Value) {
    let wallet = bank
        .wallet(
            ADA,
            &format!("list: transactions({args}) {{ nodes {{ amount }} pageInfo {{ hasNextPage endCursor }} }}"),
        )
        .await;
    let amounts = nodes(&wallet["list"])
        .iter()
        .map(|node| amount(&node["amount"]))
        .collect();
    (amounts, wallet["list"]["pageInfo"].clone())
}

#[tokio::test]
async fn pages_are_stable_while_money_moves() {
    let bank = Bank::new().await;
    for number in 1..=5 {
        bank.deposit(ADA, &format!("{number}.00")).await;
        bank.deposit(BEN, "9.00").await;
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let (amounts, info) = page(&bank, &format!("first: 2{after}")).await;
        seen.extend(amounts);
        bank.deposit(ADA, "77.00").await;
        if info["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", info["endCursor"]);
    }
    assert_eq!(seen, ["5.00", "4.00", "3.00", "2.00", "1.00"]);
    assert_eq!(bank.amounts(ADA, "transactions(last: 2)").await, ["2.00", "1.00"]);
}

#[tokio::test]
async fn transactions_are_filtered_by_type_and_account() {
    let bank = Bank::new().await;
    bank.deposit(ADA, "50.00").await;
    bank.withdraw(ADA, "5.00").await;
    bank.deposit(ADA, "3.00").await;
    bank.lend(1_000).await;
    for (filter, wanted) in [
        ("type: DEPOSIT", vec!["3.00", "50.00"]),
        ("type: WITHDRAWAL", vec!["-5.00"]),
        ("type: DEPOSIT, first: 1", vec!["3.00"]),
        ("types: [DEPOSIT, WITHDRAWAL]", vec!["3.00", "-5.00", "50.00"]),
        (
            "types: [WITHDRAWAL, DEPOSIT, WITHDRAWAL], first: 2",
            vec!["3.00", "-5.00"],
        ),
        ("types: GRANT", vec!["10.00", "-10.00"]),
        ("types: []", vec![]),
        ("type: DEPOSIT, types: [DEPOSIT, WITHDRAWAL]", vec!["3.00", "50.00"]),
        ("type: DEPOSIT, types: [WITHDRAWAL]", vec![]),
        ("account: BALANCE", vec!["-10.00", "3.00", "-5.00", "50.00"]),
        ("account: LENT", vec!["10.00"]),
        ("account: HELD", vec![]),
        ("account: BALANCE, type: GRANT", vec!["-10.00"]),
        ("type: null, types: null, account: null, first: 1", vec!["10.00"]),
    ] {
        assert_eq!(
            bank.amounts(ADA, &format!("transactions({filter})")).await,
            wanted,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn invalid_page_arguments_are_refused_by_name() {
    let bank = Bank::with_money().await;
    for (args, field) in [
        ("first: -1", "first"),
        ("first: 101", "first"),
        ("last: 101", "last"),
        ("first: 1, last: 1", "last"),
        (r#"after: "zebra""#, "after"),
        (r#"before: "1-2""#, "before"),
    ] {
        for list in ["transactions", "holds"] {
            let document = format!(
                r#"{{ _entities(representations: [{{ __typename: "User", id: "1" }}]) {{ ... on User {{ id wallet {{ {list}({args}) {{ nodes {{ id }} }} }} }} }} }}"#
            );
            let answer = bank.ask(&member(ADA), &document).await;
            assert_eq!(answer["errors"][0]["extensions"]["field"], field, "{list} {args}");
            assert_eq!(
                answer["data"]["_entities"][0]["id"], "1",
                "{list} {args}: the person is still there"
            );
        }
    }
}
