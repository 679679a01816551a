//! The end of an authorization: it is revoked, used up, or expires.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::lending_support::{LendingFixture, REVOKE, invalidated};
use crate::support::CallerSession;

#[tokio::test]
async fn a_revocation_returns_the_unused_part_to_the_investor() {
    let domain = LendingFixture::new().await;
    let id = domain.grant_id(domain.shares(14)).await;
    assert_eq!(domain.shares_of_ada().await, [16, 0, 14]);
    let mut events = domain.events();
    let answer = domain.revoke(&domain.ada, id).await;
    let revoked = answer.at("revokeAuthorization").clone();
    assert_eq!(revoked["active"], false);
    assert_eq!(revoked["remainingShares"], 0);
    assert_eq!(revoked["endedAt"], "2027-01-15T08:00:00+00:00");
    assert_eq!(domain.shares_of_ada().await, [30, 0, 0], "all of them free");
    let told = [
        ("Holding", format!("holding_{}", domain.holding)),
        ("Authorization", format!("authorization_{id}")),
    ];
    assert_eq!(invalidated(&mut events), told);

    domain.advance_days(1);
    assert_eq!(
        domain.revoke(&domain.ada, id).await.at("revokeAuthorization"),
        &revoked,
        "once"
    );
    assert_eq!(invalidated(&mut events), []);
    assert_eq!(domain.authorization_for(&domain.ben, id).await, revoked);
}

#[tokio::test]
async fn a_revocation_does_not_return_the_used_part() {
    let domain = LendingFixture::new().await;
    let id = domain.grant_id(domain.money("400.00")).await;
    domain.spend(id, 15_000).await;
    assert_eq!(
        domain.authorization_for(&domain.ben, id).await["remaining"]["amount"],
        "250.00"
    );
    domain.revoke(&domain.ada, id).await.at("");
    let wallet = entities::wallet::find(domain.services.db.read(), domain.ada.id, "USD")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((wallet.balance_minor, wallet.lent_minor), (85_000, 0));

    // A used-up authorization ends as well, and releases nothing.
    let id = domain.grant_id(domain.shares(3)).await;
    domain.spend(id, 3).await;
    let mut events = domain.events();
    assert_eq!(
        domain.revoke(&domain.ada, id).await.at("revokeAuthorization.active"),
        false
    );
    assert_eq!(
        invalidated(&mut events),
        [("Authorization", format!("authorization_{id}"))]
    );
}

#[tokio::test]
async fn only_the_investor_revokes_an_authorization() {
    let domain = LendingFixture::new().await;
    let id = domain.grant_id(domain.money("400.00")).await;
    for (caller, code) in [
        (&domain.ben.caller, "FORBIDDEN"),
        (&domain.cid.caller, "NOT_FOUND"),
        (&domain.eve.caller, "NOT_FOUND"),
        (&CallerSession::admin(99), "FORBIDDEN"),
        (&CallerSession::service(), "FORBIDDEN"),
        (&CallerSession::anonymous(), "UNAUTHENTICATED"),
    ] {
        assert_eq!(domain.query(caller, REVOKE, json!({"id": id})).await.code(), code);
    }
    for unknown in ["404", "x", "01"] {
        let answer = domain.query(&domain.ada.caller, REVOKE, json!({"id": unknown})).await;
        assert_eq!(answer.code(), "NOT_FOUND");
    }
    assert_eq!(domain.money_of_ada().await, [60_000, 40_000]);
}

#[tokio::test]
async fn concurrent_revocations_release_once() {
    let domain = Arc::new(LendingFixture::new().await);
    let id = domain.grant_id(domain.money("400.00")).await;
    let revocations = (0..20).map(|_| {
        let domain = domain.clone();
        tokio::spawn(async move { domain.revoke(&domain.ada, id).await.at("revokeAuthorization").clone() })
    });
    let answers: Vec<Value> = join_all(revocations).await.into_iter().map(Result::unwrap).collect();
    assert!(
        answers
            .iter()
            .all(|answer| answer == &answers[0] && answer["active"] == false)
    );
    assert_eq!(domain.money_of_ada().await, [100_000, 0]);
}

#[tokio::test]
async fn an_expired_authorization_is_inactive_in_every_query() {
    let domain = LendingFixture::new().await;
    let money = domain.grant_id(domain.money("400.00")).await;
    let mut longer = domain.shares(5);
    longer["endsAt"] = domain.in_days(20);
    let shares = domain.grant_id(longer).await;
    domain.advance_days(9);
    assert_eq!(
        domain.own_authorization_ids(&domain.ada, json!({"active": true})).await,
        [money, shares]
    );
    assert!(
        domain
            .own_authorization_ids(&domain.ben, json!({"active": false}))
            .await
            .is_empty()
    );

    domain.advance_days(1);
    let mut events = domain.events();
    assert_eq!(
        domain.own_authorization_ids(&domain.ben, json!({"active": true})).await,
        [shares]
    );
    assert_eq!(
        domain
            .own_authorization_ids(&domain.ben, json!({"active": false}))
            .await,
        [money]
    );
    assert_eq!(
        domain.own_authorization_ids(&domain.ada, json!({})).await,
        [money, shares]
    );
    assert_eq!(domain.money_of_ada().await, [100_000, 0]);
    let told = [
        ("Wallet", "wallet_1".to_owned()),
        ("Authorization", format!("authorization_{money}")),
    ];
    assert_eq!(invalidated(&mut events), told);

    // The first read expires it, whichever query that is.
    domain.advance_days(10);
    let over = domain.authorization_for(&domain.ada, shares).await;
    assert_eq!((&over["active"], &over["remainingShares"]), (&json!(false), &json!(0)));
    assert_eq!(over["endedAt"], "2027-02-04T08:00:00+00:00");
    assert_eq!(domain.shares_of_ada().await, [25, 5, 0]);
    let answer = domain.revoke(&domain.ada, shares).await;
    assert_eq!(
        answer.at("revokeAuthorization"),
        &over,
        "to be over is not to be revoked"
    );
}

#[tokio::test]
async fn a_list_is_paged_from_the_oldest_to_the_newest() {
    let domain = LendingFixture::new().await;
    let mut granted = Vec::new();
    for _ in 0..5 {
        let id = domain.grant_id(domain.money("1.00")).await;
        domain.revoke(&domain.ada, id).await.at("");
        granted.push(id);
    }
    assert_eq!(
        domain.own_authorization_ids(&domain.ada, json!({"first": 2})).await,
        granted[..2]
    );
    assert_eq!(
        domain
            .own_authorization_ids(&domain.ben, json!({"last": 2, "active": false}))
            .await,
        granted[3..]
    );
    let document = "{ me { authorizations(first: 2) { pageInfo { endCursor hasNextPage } } } }";
    let answer = domain.query(&domain.ada.caller, document, json!({})).await;
    assert_eq!(answer.at("me.authorizations.pageInfo.hasNextPage"), true);
    let cursor = answer.at("me.authorizations.pageInfo.endCursor").as_str().unwrap();
    assert_eq!(
        domain
            .own_authorization_ids(&domain.ada, json!({"first": 9, "after": cursor}))
            .await,
        granted[2..]
    );
    let document = "{ me { username authorizations(first: 101) { nodes { id } } } }";
    let answer = domain.query(&domain.ada.caller, document, json!({})).await;
    assert_eq!((answer.code(), answer.field()), ("INVALID_INPUT", "first"));
}
