//! Permissions: only its owner and operators see a wallet.

use contract::Viewer;
use serde_json::Value;

use crate::support::{ADA, BEN, Bank, admin, code, member, movement, service};

/// The callers: the owner, another person, an administrator, a program, an anonymous caller.
const WHO: [&str; 5] = ["owner", "stranger", "admin", "service", "nobody"];

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
async fn a_persons_wallets_are_for_themselves_and_for_operators() {
    let bank = bank().await;
    let wanted = ["OK", "FORBIDDEN", "OK", "OK", "UNAUTHENTICATED"];
    for field in [
        "wallet { balance }",
        r#"wallet(currency: "EUR") { balance }"#,
        "wallets { balance committed held currency }",
        "wallet { transactions { nodes { amount } } }",
        "wallet { holds { nodes { amount } } }",
    ] {
        for ((viewer, who), wanted) in viewers().iter().zip(WHO).zip(wanted) {
            let (person, found) = bank.entity(viewer, "User", "1", &format!("id {field}")).await;
            assert_eq!(found, wanted, "{who}: {field}");
            assert_eq!(person["id"], "1", "{who}: {field}: the person is still there");
            let told = person.to_string().contains("amount");
            assert_eq!(told, wanted == "OK" && !field.contains("EUR"), "{who}: {field}");
        }
    }
}

#[tokio::test]
async fn an_id_is_not_a_permission() {
    let bank = bank().await;
    let ids = bank.wallet(ADA, "id transactions { nodes { id } }").await;
    let wallet = ids["id"].as_str().unwrap();
    let transaction = ids["transactions"]["nodes"][0]["id"].as_str().unwrap();
    for ((viewer, who), wanted) in viewers().iter().zip(WHO).zip([true, false, true, true, false]) {
        let (found, code_of_wallet) = bank.entity(viewer, "Wallet", wallet, "balance").await;
        assert_eq!(found != Value::Null, wanted, "{who}");
        let (found, code_of_transaction) = bank.entity(viewer, "Transaction", transaction, "amount").await;
        assert_eq!(found != Value::Null, wanted, "{who}");
        let root = bank
            .ask(viewer, &format!("{{ transaction(id: {transaction}) {{ amount }} }}"))
            .await;
        assert_eq!(root["data"]["transaction"] != Value::Null, wanted, "{who}");
        assert_eq!(
            [&*code_of_wallet, &*code_of_transaction, code(&root)],
            ["OK"; 3],
            "{who}"
        );
    }
}

#[tokio::test]
async fn who_is_lent_money_sees_nothing_of_the_wallet_it_comes_from() {
    let bank = bank().await;
    let (person, found) = bank.entity(&member(BEN), "User", "1", "wallet { committed }").await;
    assert_eq!((person["wallet"].clone(), &*found), (Value::Null, "FORBIDDEN"));
}

#[tokio::test]
async fn people_move_their_own_money_and_programs_set_anybodys() {
    let set = r#"setBalance(userId: 1, balance: { amount: "5.00", currency: "USD" }) { id }"#;
    let unknown = r#"setBalance(userId: 77, balance: { amount: "5.00", currency: "USD" }) { id }"#;
    let (deposit, withdraw) = (movement("deposit", "2.00"), movement("withdraw", "2.00"));
    // The stranger has no money to withdraw, and the administrator, person 99, no account.
    let table: [(&str, [&str; 5]); 4] = [
        (
            &deposit,
            ["OK", "OK", "UNAUTHENTICATED", "UNAUTHENTICATED", "UNAUTHENTICATED"],
        ),
        (
            &withdraw,
            [
                "OK",
                "INSUFFICIENT_FUNDS",
                "UNAUTHENTICATED",
                "UNAUTHENTICATED",
                "UNAUTHENTICATED",
            ],
        ),
        (set, ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "OK", "UNAUTHENTICATED"]),
        (
            unknown,
            ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"],
        ),
    ];
    for (change, wanted) in table {
        for ((viewer, who), wanted) in viewers().iter().zip(WHO).zip(wanted) {
            let bank = Bank::with_money().await;
            let answer = bank.change(viewer, change).await;
            assert_eq!(code(&answer), wanted, "{who}: {change}");
            let touched = bank.parts(ADA).await[0] != "100.00";
            let may = wanted == "OK" && (who == "owner" || who == "service");
            assert_eq!(touched, may, "{who}: {change}");
        }
    }
}
