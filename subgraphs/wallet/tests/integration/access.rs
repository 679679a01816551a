//! Permissions: only its owner and operators see a wallet.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{ADA, BEN, Bank, DEPOSIT, SET_BALANCE, WITHDRAW, admin, member, of, service, usd};

const TRANSACTION: &str = "query($id: ID!) { transaction(id: $id) { amount } }";

/// The callers: the owner, another person, an administrator, a program, an anonymous caller.
const CALLER_NAMES: [&str; 5] = ["owner", "stranger", "admin", "service", "anonymous"];

fn viewers() -> [Viewer; 5] {
    [member(ADA), member(BEN), admin(), service(), Viewer::Anonymous]
}

/// Returns a bank in which ada has money, has lent some of it to ben, and some of it is held.
async fn bank() -> Bank {
    let bank = Bank::with_money().await;
    bank.lend(1_111).await;
    bank.order().await;
    bank
}

#[tokio::test]
async fn wallets_are_visible_to_their_owner_and_operators_only() {
    let bank = bank().await;
    let wanted = ["OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"];
    for field in [
        "wallet { balance }",
        r#"wallet(currency: "EUR") { balance }"#,
        "wallets { balance committed held currency }",
        "wallet { transactions { nodes { amount } } }",
        "wallet { holds { nodes { amount } } }",
    ] {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let (person, found) = bank.entity(viewer, "User", "1", &format!("id {field}")).await;
            assert_eq!(found, wanted, "{caller}: {field}");
            assert_eq!(person["id"], "user_1", "{caller}: {field}: the person is still there");
            let told = person.to_string().contains("amount");
            assert_eq!(told, wanted == "OK" && !field.contains("EUR"), "{caller}: {field}");
        }
    }
}

#[tokio::test]
async fn knowing_an_id_gives_no_access() {
    let bank = bank().await;
    let ids = bank.wallet(ADA, "id transactions { nodes { id } }").await;
    let wallet = ids["id"].as_str().unwrap();
    let transaction = ids["transactions"]["nodes"][0]["id"].as_str().unwrap();
    for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip([true, false, true, true, false]) {
        let (found, code_of_wallet) = bank.entity(viewer, "Wallet", wallet, "balance").await;
        assert_eq!(found != Value::Null, wanted, "{caller}");
        let (found, code_of_transaction) = bank.entity(viewer, "Transaction", transaction, "amount").await;
        assert_eq!(found != Value::Null, wanted, "{caller}");
        let root = bank
            .client(viewer)
            .query(TRANSACTION, json!({ "id": transaction }))
            .await;
        assert_eq!(root["data"]["transaction"] != Value::Null, wanted, "{caller}");
        assert_eq!(
            [&*code_of_wallet, &*code_of_transaction, root.code()],
            ["OK"; 3],
            "{caller}"
        );
    }
}

#[tokio::test]
async fn a_broker_sees_nothing_of_the_investors_wallet() {
    let bank = bank().await;
    let (person, found) = bank.entity(&member(BEN), "User", "1", "wallet { committed }").await;
    assert_eq!((person["wallet"].clone(), &*found), (Value::Null, "FORBIDDEN"));
}

#[tokio::test]
async fn users_move_their_own_money_and_services_set_any_balance() {
    let set = |user: i64| json!({ "user": user, "balance": usd("5.00") });
    // The stranger has no money to withdraw, and the administrator, person 99, no account.
    let table = [
        (
            DEPOSIT,
            of(usd("2.00")),
            ["OK", "OK", "UNAUTHENTICATED", "UNAUTHENTICATED", "UNAUTHENTICATED"],
        ),
        (
            WITHDRAW,
            of(usd("2.00")),
            [
                "OK",
                "INSUFFICIENT_FUNDS",
                "UNAUTHENTICATED",
                "UNAUTHENTICATED",
                "UNAUTHENTICATED",
            ],
        ),
        (
            SET_BALANCE,
            set(1),
            ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "OK", "UNAUTHENTICATED"],
        ),
        (
            SET_BALANCE,
            set(77),
            ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"],
        ),
    ];
    for (change, args, wanted) in table {
        for ((viewer, caller), wanted) in viewers().iter().zip(CALLER_NAMES).zip(wanted) {
            let bank = Bank::with_money().await;
            let answer = bank.change(viewer, change, &args).await;
            assert_eq!(answer.code(), wanted, "{caller}: {change} {args}");
            let touched = bank.parts(ADA).await[0] != "100.00";
            let may = wanted == "OK" && (caller == "owner" || caller == "service");
            assert_eq!(touched, may, "{caller}: {change} {args}");
        }
    }
}
