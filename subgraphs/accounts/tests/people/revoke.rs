//! The end of an authorization: it is revoked, used up, or expires.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::lending::{Brokerage, invalidated};
use crate::support::Who;

#[tokio::test]
async fn what_was_not_used_flows_back_to_who_lent_it() {
    let app = Brokerage::new().await;
    let id = app.granted(app.shares(14)).await;
    assert_eq!(app.shares_of_ada().await, [16, 0, 14]);
    let mut events = app.events();
    let answer = app.revoke(&app.ada, id).await;
    let revoked = answer.at("/revokeAuthorization").clone();
    assert_eq!(revoked["active"], false);
    assert_eq!(revoked["remainingShares"], 0);
    assert_eq!(revoked["endedAt"], "2027-01-15T08:00:00+00:00");
    assert_eq!(app.shares_of_ada().await, [30, 0, 0], "all of them free");
    let told = [("Holding", app.holding.to_string()), ("Authorization", id.to_string())];
    assert_eq!(invalidated(&mut events), told);

    app.days_pass(1);
    assert_eq!(
        app.revoke(&app.ada, id).await.at("/revokeAuthorization"),
        &revoked,
        "once"
    );
    assert_eq!(invalidated(&mut events), []);
    assert_eq!(app.seen(&app.ben, id).await, revoked);
}

#[tokio::test]
async fn what_the_broker_used_does_not_come_back() {
    let app = Brokerage::new().await;
    let id = app.granted(app.money("400.00")).await;
    app.used(id, 15_000).await;
    assert_eq!(app.seen(&app.ben, id).await["remaining"]["amount"], "250.00");
    app.revoke(&app.ada, id).await.at("");
    let wallet = entities::wallet::of(app.services.db.read(), app.ada.id, "USD")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((wallet.balance_minor, wallet.lent_minor), (85_000, 0));

    // A used-up authorization ends as well, and releases nothing.
    let id = app.granted(app.shares(3)).await;
    app.used(id, 3).await;
    let mut events = app.events();
    assert_eq!(app.revoke(&app.ada, id).await.at("/revokeAuthorization/active"), false);
    assert_eq!(invalidated(&mut events), [("Authorization", id.to_string())]);
}

#[tokio::test]
async fn only_who_lent_takes_back() {
    let app = Brokerage::new().await;
    let id = app.granted(app.money("400.00")).await;
    let document = format!("mutation {{ revokeAuthorization(id: {id}) {{ id }} }}");
    for (who, code) in [
        (&app.ben.who, "FORBIDDEN"),
        (&app.cid.who, "NOT_FOUND"),
        (&app.eve.who, "NOT_FOUND"),
        (&Who::admin(99), "FORBIDDEN"),
        (&Who::service(), "FORBIDDEN"),
        (&Who::nobody(), "UNAUTHENTICATED"),
    ] {
        assert_eq!(app.ask(who, &document, json!({})).await.code(), code);
    }
    for unknown in ["404", "\"x\"", "\"01\""] {
        let document = format!("mutation {{ revokeAuthorization(id: {unknown}) {{ id }} }}");
        assert_eq!(app.ask(&app.ada.who, &document, json!({})).await.code(), "NOT_FOUND");
    }
    assert_eq!(app.money_of_ada().await, [60_000, 40_000]);
}

#[tokio::test]
async fn revoking_at_the_same_time_gives_back_once() {
    let app = Arc::new(Brokerage::new().await);
    let id = app.granted(app.money("400.00")).await;
    let revocations = (0..20).map(|_| {
        let app = app.clone();
        tokio::spawn(async move { app.revoke(&app.ada, id).await.at("/revokeAuthorization").clone() })
    });
    let answers: Vec<Value> = join_all(revocations).await.into_iter().map(Result::unwrap).collect();
    assert!(
        answers
            .iter()
            .all(|answer| answer == &answers[0] && answer["active"] == false)
    );
    assert_eq!(app.money_of_ada().await, [100_000, 0]);
}

#[tokio::test]
async fn what_is_over_is_seen_to_be_over_at_once_and_everywhere() {
    let app = Brokerage::new().await;
    let money = app.granted(app.money("400.00")).await;
    let mut longer = app.shares(5);
    longer["endsAt"] = app.in_days(20);
    let shares = app.granted(longer).await;
    app.days_pass(9);
    assert_eq!(app.listed(&app.ada, "(active: true)").await, [money, shares]);
    assert!(app.listed(&app.ben, "(active: false)").await.is_empty());

    app.days_pass(1);
    let mut events = app.events();
    assert_eq!(app.listed(&app.ben, "(active: true)").await, [shares]);
    assert_eq!(app.listed(&app.ben, "(active: false)").await, [money]);
    assert_eq!(app.listed(&app.ada, "").await, [money, shares]);
    assert_eq!(app.money_of_ada().await, [100_000, 0]);
    let told = [("Wallet", "1".to_owned()), ("Authorization", money.to_string())];
    assert_eq!(invalidated(&mut events), told);

    // The first read expires it, whichever query that is.
    app.days_pass(10);
    let over = app.seen(&app.ada, shares).await;
    assert_eq!((&over["active"], &over["remainingShares"]), (&json!(false), &json!(0)));
    assert_eq!(over["endedAt"], "2027-02-04T08:00:00+00:00");
    assert_eq!(app.shares_of_ada().await, [25, 5, 0]);
    let answer = app.revoke(&app.ada, shares).await;
    assert_eq!(
        answer.at("/revokeAuthorization"),
        &over,
        "to be over is not to be revoked"
    );
}

#[tokio::test]
async fn a_list_is_paged_from_the_oldest_to_the_newest() {
    let app = Brokerage::new().await;
    let mut granted = Vec::new();
    for _ in 0..5 {
        let id = app.granted(app.money("1.00")).await;
        app.revoke(&app.ada, id).await.at("");
        granted.push(id);
    }
    assert_eq!(app.listed(&app.ada, "(first: 2)").await, granted[..2]);
    assert_eq!(app.listed(&app.ben, "(last: 2, active: false)").await, granted[3..]);
    let document = "{ me { authorizations(first: 2) { pageInfo { endCursor hasNextPage } } } }";
    let answer = app.ask(&app.ada.who, document, json!({})).await;
    assert_eq!(answer.at("/me/authorizations/pageInfo/hasNextPage"), true);
    let cursor = answer.at("/me/authorizations/pageInfo/endCursor").as_str().unwrap();
    assert_eq!(
        app.listed(&app.ada, &format!("(first: 9, after: \"{cursor}\")")).await,
        granted[2..]
    );
    let document = "{ me { username authorizations(first: 101) { nodes { id } } } }";
    let answer = app.ask(&app.ada.who, document, json!({})).await;
    assert_eq!((answer.code(), answer.field()), ("INVALID_INPUT", "first"));
}
