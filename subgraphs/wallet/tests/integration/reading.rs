//! Transactions by their ids, and entities that other subgraphs refer to.

use serde_json::json;

use crate::support::{ADA, BEN, Bank, admin, member, service};

const TRANSACTION: &str = "query($id: ID!) { transaction(id: $id) { id amount userId walletId } }";
const ENTITY: &str = "query($of: [_Any!]!) {
    _entities(representations: $of) { ... on Transaction { id amount userId walletId } }
}";
const WALLETS: &str = "query($of: [_Any!]!) {
    _entities(representations: $of) { ... on User { wallets { balance committed held currency } } }
}";

#[tokio::test]
async fn a_transaction_is_found_by_its_returned_id() {
    let bank = Bank::new().await;
    bank.deposit(BEN, "1.00").await;
    let id = bank.deposit(ADA, "5.00").await;
    let wanted = json!({ "id": id, "amount": { "amount": "5.00", "currency": "USD" }, "userId": "user_1", "walletId": "wallet_2" });
    let root = bank.member(ADA).query(TRANSACTION, json!({ "id": id })).await;
    assert_eq!(root, json!({ "data": { "transaction": wanted } }));
    let of = json!([{ "__typename": "Transaction", "id": id }]);
    let entity = bank.member(ADA).query(ENTITY, json!({ "of": of })).await;
    assert_eq!(entity, json!({ "data": { "_entities": [wanted] } }));
}

#[tokio::test]
async fn entries_of_outside_accounts_are_no_transactions() {
    let bank = Bank::new().await;
    let of_ada = testing::number_of(&bank.deposit(ADA, "5.00").await);
    // The transaction's other entry belongs to the outside account.
    for id in [
        (of_ada + 1).to_string(),
        "99".into(),
        "x".into(),
        "01".into(),
        "9223372036854775808".into(),
    ] {
        for viewer in [member(ADA), admin(), service()] {
            let found = bank.client(&viewer).query(TRANSACTION, json!({ "id": id })).await;
            assert_eq!(found, json!({ "data": { "transaction": null } }), "{id}");
        }
    }
}

#[tokio::test]
async fn the_wallets_of_many_users_are_read_in_one_query() {
    let bank = Bank::new().await;
    bank.deposit(ADA, "5.00").await;
    bank.deposit(BEN, "6.00").await;
    let people = (1..=4).map(|id| json!({ "__typename": "User", "id": id.to_string() }));
    let of: serde_json::Value = people.collect();
    let answer = bank.admin().query(WALLETS, json!({ "of": of })).await;
    let nothing = json!({ "amount": "0.00", "currency": "USD" });
    let wallet = |amount: &str| {
        json!({ "wallets": [{
            "balance": { "amount": amount, "currency": "USD" }, "committed": nothing, "held": nothing, "currency": "USD",
        }] })
    };
    let none = json!({ "wallets": [] });
    assert_eq!(
        answer,
        json!({ "data": { "_entities": [wallet("5.00"), wallet("6.00"), none, none] } })
    );
}

#[tokio::test]
async fn transaction_with_an_unknown_type_is_an_error() {
    let bank = Bank::with_money().await;
    let entry = "INSERT INTO ledger_entry
                     (id, movement_id, kind, account, wallet_id, amount_minor, balance_after_minor, at_us)
                 VALUES (99, 1, 'GIFT', 'BALANCE', 1, 1, 1, 0)";
    bank.corrupt(entry).await;
    let failure = bank
        .failure(&member(ADA), "{ transaction(id: 99) { amount { amount } } }")
        .await;
    let reason = r#"Type Error: table ledger_entry, id 99: column kind has the unknown value "GIFT""#;
    assert_eq!(failure, ("INTERNAL", reason.to_owned()));
}
