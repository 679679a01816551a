//! The wallet service.

use super::app::{BrokerageApp, NOW, reason, refused};
use super::authorization::changed;

#[tokio::test]
async fn a_user_without_deposits_has_an_empty_balance() {
    let brokerage = BrokerageApp::new().await;
    let cleo = brokerage.get(&brokerage.cleo(), "/balance").await;
    let shown = r#"200 {"userId":3,"balance":0,"committedBalance":0,"heldBalance":0,"user":{"id":3,"name":null,"surname":null,"email":"cleo@example.com","phoneNo":null,"type":"member","address":null,"brokerageFee":null}}"#;
    assert_eq!(cleo.line(), shown);
    assert_eq!(brokerage.get(&brokerage.cleo(), "/transactions").await.line(), "200 []");
    assert_eq!(
        brokerage
            .get(&brokerage.cleo(), "/transactions?type=deposit")
            .await
            .line(),
        "200 []"
    );
}

#[tokio::test]
async fn money_is_deposited_and_withdrawn() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    let moved = |id: i64, kind: &str, amount: &str| {
        format!(r#"{{"id":{id},"userId":1,"type":"{kind}","amount":{amount},"date":"{NOW}"}}"#)
    };
    let body = r#"{"type":"deposit","amount":100.25,"userId":2}"#;
    let deposit = brokerage.call(&ada, "POST /transactions", body).await;
    let id = deposit.json()["id"].as_i64().unwrap();
    assert_eq!(deposit.line(), format!("201 {}", moved(id, "deposit", "100.25")));
    assert_eq!(deposit.header("location"), format!("/brokerage/transactions/{id}"));
    let withdrawal = brokerage
        .call(&ada, "POST /transactions", r#"{"type":"withdraw","amount":0.25}"#)
        .await;
    let out = withdrawal.json()["id"].as_i64().unwrap();
    assert_eq!(withdrawal.line(), format!("201 {}", moved(out, "withdraw", "0.25")));

    // The mount shows no other ledger entries as transactions.
    brokerage.lend_money("40").await;
    brokerage.buy(&ada, 1).await;
    assert_eq!(brokerage.money(&ada).await, "50.01 40 0");
    for (path, expected) in [
        (
            "/transactions",
            vec![moved(out, "withdraw", "0.25"), moved(id, "deposit", "100.25")],
        ),
        ("/transactions?type=deposit", vec![moved(id, "deposit", "100.25")]),
        ("/transactions?type=withdraw", vec![moved(out, "withdraw", "0.25")]),
    ] {
        let answered = brokerage.get(&ada, path).await;
        assert_eq!(answered.line(), format!("200 [{}]", expected.join(",")), "{path}");
    }
    assert_eq!(
        brokerage.get(&ada, &format!("/transactions/{out}")).await.line(),
        format!("200 {}", moved(out, "withdraw", "0.25"))
    );
    let not_found = refused(404, "NOT_FOUND", "transaction not found");
    let (mut own, mut others) = (0, 0);
    for id in 1..=12 {
        match brokerage.get(&ada, &format!("/transactions/{id}")).await {
            shown if shown.status == 200 => own += 1,
            hidden => {
                assert_eq!(hidden.line(), not_found);
                others += 1;
            }
        }
        assert_eq!(
            brokerage
                .get(&brokerage.ben(), &format!("/transactions/{id}"))
                .await
                .line(),
            not_found,
            "{id}"
        );
    }
    assert!(own == 2 && others > 2, "the grant and the purchase have entries too");
    for id in ["abc", "0", "9223372036854775808"] {
        assert_eq!(
            brokerage.get(&ada, &format!("/transactions/{id}")).await.line(),
            not_found,
            "{id}"
        );
    }
}

#[tokio::test]
async fn an_invalid_transaction_moves_nothing() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    brokerage.lend_money("40").await;
    let whole = r#"{"type":"deposit","amount":5}"#;
    for (member, values) in [
        (
            "type",
            vec![
                "",
                "null",
                "7",
                "\"purchase\"",
                "\"\"",
                "\"DEPOSIT\"",
                "\" deposit\"",
                "\"withdrawal\"",
            ],
        ),
        (
            "amount",
            vec![
                "",
                "null",
                "0",
                "-1",
                "0.001",
                "\"5\"",
                "true",
                "1000000000000.01",
                "1e-3",
            ],
        ),
    ] {
        for value in values {
            let answered = brokerage
                .call(&ada, "POST /transactions", &changed(whole, member, value))
                .await;
            assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{member} {value}");
            let message = answered.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with(member), "{member} {value}: {message}");
        }
    }
    let too_much = brokerage
        .call(&ada, "POST /transactions", r#"{"type":"withdraw","amount":60.01}"#)
        .await;
    assert_eq!(reason(&too_much), (409, "INSUFFICIENT_FUNDS".to_owned()));
    for path in [
        "/transactions?type=purchase",
        "/transactions?type=",
        "/transactions?type=WITHDRAW",
        "/transactions?type=deposit&type=deposit",
    ] {
        assert_eq!(
            reason(&brokerage.get(&ada, path).await),
            (400, "INVALID_INPUT".to_owned()),
            "{path}"
        );
    }
    assert_eq!(brokerage.money(&ada).await, "60 40 0");
    let transactions = brokerage.done(&ada, "GET /transactions", "").await;
    assert_eq!(transactions.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_service_sets_the_balance_of_a_user() {
    let brokerage = BrokerageApp::new().await;
    let service = brokerage.service();
    let set = async |body: &str| brokerage.call(&service, "PUT /balance", body).await;
    assert_eq!(
        set(r#"{"userId":1,"balance":120.5}"#).await.line(),
        r#"200 {"userId":1,"balance":120.5,"committedBalance":0}"#
    );
    assert_eq!(
        set(r#"{"userId":1,"balance":70,"committedBalance":30}"#).await.line(),
        r#"200 {"userId":1,"balance":70,"committedBalance":30}"#
    );
    // An authorization takes free money; money that is committed without an authorization stays.
    brokerage.lend_money("20").await;
    assert_eq!(brokerage.money(&brokerage.ada()).await, "50 50 0");
    let below = set(r#"{"userId":1,"balance":70,"committedBalance":19.99}"#).await;
    assert_eq!(reason(&below), (400, "INVALID_INPUT".to_owned()));
    assert!(below.text.contains("committedBalance"), "{}", below.text);
    assert_eq!(
        set(r#"{"userId":1,"balance":0,"committedBalance":null}"#).await.line(),
        r#"200 {"userId":1,"balance":0,"committedBalance":50}"#
    );
    for (member, values) in [
        ("userId", vec!["", "null", "\"1\"", "1.5"]),
        ("balance", vec!["", "null", "-0.01", "0.001", "\"5\"", "true"]),
        ("committedBalance", vec!["-0.01", "\"5\"", "true"]),
    ] {
        for value in values {
            let answered = set(&changed(r#"{"userId":1,"balance":5}"#, member, value)).await;
            assert_eq!(reason(&answered), (400, "INVALID_INPUT".to_owned()), "{member} {value}");
        }
    }
    for id in ["77", "0", "-1"] {
        let unknown = set(&changed(r#"{"userId":1,"balance":5}"#, "userId", id)).await;
        assert_eq!(unknown.line(), refused(404, "NOT_FOUND", "user not found"), "{id}");
    }
    for caller in [
        brokerage.ada(),
        brokerage.person(super::app::ADMIN, contract::Role::Member),
    ] {
        let answered = brokerage
            .call(&caller, "PUT /balance", r#"{"userId":1,"balance":5}"#)
            .await;
        assert_eq!(reason(&answered), (403, "FORBIDDEN".to_owned()));
        let answered = brokerage.call(&caller, "PUT /balance", "{}").await;
        assert_eq!(answered.status, 400, "the body comes first");
    }
    assert_eq!(brokerage.money(&brokerage.ada()).await, "0 50 0");
}

#[tokio::test]
async fn money_in_another_currency_is_not_shown() {
    let brokerage = BrokerageApp::new().await;
    let ada = brokerage.ada();
    brokerage.deposit(&ada, "100").await;
    let id = brokerage.deposit_euros().await;
    let by_id = brokerage.get(&ada, &format!("/transactions/{id}")).await;
    assert_eq!(by_id.line(), refused(404, "NOT_FOUND", "transaction not found"));
    let listed = brokerage.done(&ada, "GET /transactions", "").await;
    let amounts: Vec<i64> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["amount"].as_i64().unwrap())
        .collect();
    assert_eq!(amounts, [100]);
    assert_eq!(brokerage.money(&ada).await, "100 0 0");
}
