//! Lists of transactions.

use serde_json::{Value, json};

use crate::support::{ADA, BEN, Bank, TRANSACTIONS, amount};

const HOLDS: &str = "query($of: [_Any!]!, $first: Int, $last: Int, $after: String, $before: String) {
    _entities(representations: $of) { ... on User { id wallet {
        holds(first: $first, last: $last, after: $after, before: $before) { nodes { id } }
    } } }
}";

#[tokio::test]
async fn pages_are_stable_while_money_moves() {
    let bank = Bank::new().await;
    for number in 1..=5 {
        bank.deposit(ADA, &format!("{number}.00")).await;
        bank.deposit(BEN, "9.00").await;
    }
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = bank.transactions(ADA, json!({ "first": 2, "after": after })).await;
        let page = page.at("_entities.0.wallet.transactions");
        let nodes = page["nodes"].as_array().unwrap().iter();
        seen.extend(nodes.map(|node| amount(&node["amount"])));
        let info = &page["pageInfo"];
        bank.deposit(ADA, "77.00").await;
        if info["hasNextPage"] == false {
            break;
        }
        after = info["endCursor"].clone();
    }
    assert_eq!(seen, ["5.00", "4.00", "3.00", "2.00", "1.00"]);
    assert_eq!(bank.amounts(ADA, json!({ "last": 2 })).await, ["2.00", "1.00"]);
}

#[tokio::test]
async fn transactions_are_filtered_by_type_and_account() {
    let bank = Bank::new().await;
    bank.deposit(ADA, "50.00").await;
    bank.withdraw(ADA, "5.00").await;
    bank.deposit(ADA, "3.00").await;
    bank.lend(1_000).await;
    for (filter, wanted) in [
        (json!({ "type": "DEPOSIT" }), vec!["3.00", "50.00"]),
        (json!({ "type": "WITHDRAWAL" }), vec!["-5.00"]),
        (json!({ "type": "DEPOSIT", "first": 1 }), vec!["3.00"]),
        (
            json!({ "types": ["DEPOSIT", "WITHDRAWAL"] }),
            vec!["3.00", "-5.00", "50.00"],
        ),
        (
            json!({ "types": ["WITHDRAWAL", "DEPOSIT", "WITHDRAWAL"], "first": 2 }),
            vec!["3.00", "-5.00"],
        ),
        (json!({ "types": "GRANT" }), vec!["10.00", "-10.00"]),
        (json!({ "types": [] }), vec![]),
        (
            json!({ "type": "DEPOSIT", "types": ["DEPOSIT", "WITHDRAWAL"] }),
            vec!["3.00", "50.00"],
        ),
        (json!({ "type": "DEPOSIT", "types": ["WITHDRAWAL"] }), vec![]),
        (
            json!({ "account": "BALANCE" }),
            vec!["-10.00", "3.00", "-5.00", "50.00"],
        ),
        (json!({ "account": "LENT" }), vec!["10.00"]),
        (json!({ "account": "HELD" }), vec![]),
        (json!({ "account": "BALANCE", "type": "GRANT" }), vec!["-10.00"]),
        (
            json!({ "type": null, "types": null, "account": null, "first": 1 }),
            vec!["10.00"],
        ),
    ] {
        assert_eq!(bank.amounts(ADA, filter.clone()).await, wanted, "{filter}");
    }
}

#[tokio::test]
async fn invalid_page_arguments_are_refused_by_name() {
    let bank = Bank::with_money().await;
    for (args, field) in [
        (json!({ "first": -1 }), "first"),
        (json!({ "first": 101 }), "first"),
        (json!({ "last": 101 }), "last"),
        (json!({ "first": 1, "last": 1 }), "last"),
        (json!({ "after": "zebra" }), "after"),
        (json!({ "before": "1-2" }), "before"),
    ] {
        for list in [TRANSACTIONS, HOLDS] {
            let mut args = args.clone();
            args["of"] = json!([{ "__typename": "User", "id": "user_1" }]);
            let answer = bank.member(ADA).query(list, args.clone()).await;
            assert_eq!(answer["errors"][0]["extensions"]["field"], field, "{list} {args}");
            assert_eq!(
                answer["data"]["_entities"][0]["id"], "user_1",
                "{list} {args}: the person is still there"
            );
        }
    }
}
