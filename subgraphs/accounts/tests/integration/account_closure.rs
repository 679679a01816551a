//! Closing an account ends the person's authorizations and pending orders, because no other person could end them.

use contract::{EntityType, Tx};
use entities::authorization::AuthorizationEnd;
use entities::brokerage_order::{self, CancelReason, NewAutomatedOrder, OrderStatus};
use entities::side::Side;
use entities::{holding, order_reserve, wallet};
use sea_orm::EntityTrait;
use serde_json::json;

use crate::lending_support::{LendingFixture, invalidated};
use crate::support::{CallerSession, ERASE, SignedInUser};

impl LendingFixture {
    /// Places ada's automated order of that many shares at 10.00.
    async fn automated(&self, side: Side, quantity: i64) -> i64 {
        let now_us = self.services.clock.now_us();
        let order = NewAutomatedOrder {
            side,
            stock_id: self.stock,
            quantity,
            limit_minor: 1_000,
            currency: "USD".into(),
            investor_id: self.ada.id,
            expires_at_us: None,
        };
        let placed = self.services.db.write(async move |tx: &Tx| {
            let order = brokerage_order::place(tx, &order, 1_000, now_us).await?;
            order_reserve::reserve(tx, &order, now_us).await?;
            Ok(order.id)
        });
        placed.await.unwrap()
    }

    async fn orders(&self) -> Vec<(i64, OrderStatus, Option<CancelReason>)> {
        let orders = brokerage_order::Entity::find().all(self.services.db.read()).await;
        let shown = |order: brokerage_order::Model| (order.id, order.status, order.reason);
        orders.unwrap().into_iter().map(shown).collect()
    }

    /// Ada's money and shares, in all their buckets.
    async fn all_of_ada(&self) -> ([i64; 4], [i64; 4]) {
        let db = self.services.db.read();
        let wallet = wallet::find(db, self.ada.id, "USD").await.unwrap().unwrap();
        let holding = holding::find(db, self.ada.id, self.stock).await.unwrap().unwrap();
        (
            [
                wallet.balance_minor,
                wallet.committed_minor,
                wallet.lent_minor,
                wallet.held_minor,
            ],
            [holding.free, holding.committed, holding.lent, holding.held],
        )
    }

    async fn close_account(&self, caller: &CallerSession, closure: &str) {
        self.query(caller, closure, json!({"id": self.ada.id})).await.at("");
    }

    /// Whether an authorization is active, and how it ended.
    async fn ended(&self, id: i64) -> (bool, Option<AuthorizationEnd>) {
        let all = self.all().await;
        let one = all.into_iter().find(|row| row.id == id).unwrap();
        (one.is_open(), one.ended_by)
    }
}

const DEACTIVATE_OWN: &str = "mutation { deactivateAccount { id } }";
const ERASE_OWN: &str = "mutation { eraseAccount }";

fn left() -> (bool, Option<AuthorizationEnd>) {
    (false, Some(AuthorizationEnd::AccountClosed))
}

#[tokio::test]
async fn closing_an_investor_revokes_grants_and_cancels_orders() {
    for closure in [DEACTIVATE_OWN, ERASE_OWN] {
        let domain = LendingFixture::new().await;
        let money = domain.grant_id(domain.money("400.00")).await;
        let shares = domain.grant_id(domain.shares(14)).await;
        let mut for_cid = domain.money("1.00");
        for_cid["broker"] = json!(domain.cid.id);
        for_cid["startsAt"] = domain.in_days(5);
        let later = domain.grant_id(for_cid).await;
        let (buy, sell) = (
            domain.automated(Side::Buy, 3).await,
            domain.automated(Side::Sell, 2).await,
        );
        assert_eq!(domain.all_of_ada().await, ([56_900, 0, 40_100, 3_000], [14, 0, 14, 2]));
        let mut events = domain.events();

        domain.close_account(&domain.ada.caller, closure).await;

        assert_eq!(
            domain.all_of_ada().await,
            ([100_000, 0, 0, 0], [30, 0, 0, 0]),
            "{closure}"
        );
        for id in [money, shares, later] {
            assert_eq!(domain.ended(id).await, left(), "{closure}");
        }
        let cancelled = |id| (id, OrderStatus::Cancelled, Some(CancelReason::AccountClosed));
        assert_eq!(domain.orders().await, [cancelled(buy), cancelled(sell)], "{closure}");
        let told = invalidated(&mut events);
        for (entity, id) in [
            (EntityType::User, domain.ada.id),
            (EntityType::Authorization, money),
            (EntityType::Authorization, shares),
            (EntityType::Authorization, later),
            (EntityType::BrokerageOrder, buy),
            (EntityType::BrokerageOrder, sell),
            (EntityType::Holding, domain.holding),
            (EntityType::Wallet, 1),
        ] {
            assert!(
                told.contains(&(entity.name(), entity.text_id(id))),
                "{closure}: {entity:?} {id} in {told:?}"
            );
        }
        // Expiry finds nothing more to end: each authorization and order ended once.
        domain.advance_days(20);
        domain.services.expire_overdue().await.unwrap();
        assert_eq!(
            domain.all_of_ada().await,
            ([100_000, 0, 0, 0], [30, 0, 0, 0]),
            "{closure}"
        );
    }
}

#[tokio::test]
async fn closing_a_broker_returns_the_broker_authorizations() {
    for closure in [DEACTIVATE_OWN, ERASE_OWN] {
        let domain = LendingFixture::new().await;
        let money = domain.grant_id(domain.money("400.00")).await;
        let shares = domain.grant_id(domain.shares(14)).await;
        domain.spend(money, 15_000).await;
        let mut for_cid = domain.money("1.00");
        for_cid["broker"] = json!(domain.cid.id);
        let cids = domain.grant_id(for_cid).await;
        let waits = domain.automated(Side::Buy, 1).await;
        let mut events = domain.events();

        domain.close_account(&domain.ben.caller, closure).await;

        assert_eq!(
            [domain.ended(money).await, domain.ended(shares).await],
            [left(), left()],
            "{closure}"
        );
        let told = invalidated(&mut events);
        for id in [money, shares] {
            assert!(
                told.contains(&("Authorization", format!("authorization_{id}"))),
                "{closure}: {told:?}"
            );
        }
        // The authorization of another broker and the investor's own order stay open.
        assert_eq!(domain.ended(cids).await, (true, None), "{closure}");
        assert_eq!(
            domain.orders().await,
            [(waits, OrderStatus::Pending, None)],
            "{closure}"
        );
        assert_eq!(
            domain.all_of_ada().await,
            ([83_900, 0, 100, 1_000], [30, 0, 0, 0]),
            "{closure}"
        );
        // The investor sees how the authorization ended, and may lend to another broker.
        let seen = domain.authorization_for(&domain.ada, money).await;
        assert_eq!(
            (&seen["active"], &seen["remaining"]["amount"]),
            (&json!(false), &json!("0.00"))
        );
        assert_eq!(
            domain.own_authorization_ids(&domain.ada, json!({"active": true})).await,
            [cids]
        );
        let answer = domain.grant(&domain.ada, domain.money("100.00")).await;
        assert_eq!((answer.code(), answer.message()), ("NOT_FOUND", "broker not found"));
    }
}

#[tokio::test]
async fn closing_by_an_operator_also_ends_everything_open() {
    let domain = LendingFixture::new().await;
    let money = domain.grant_id(domain.money("400.00")).await;
    let waits = domain.automated(Side::Buy, 1).await;
    let closure = r#"mutation { deactivateAccount(username: "ada") { id } }"#;
    domain.close_account(&CallerSession::service(), closure).await;
    assert_eq!(domain.ended(money).await, left());
    assert_eq!(
        domain.orders().await,
        [(waits, OrderStatus::Cancelled, Some(CancelReason::AccountClosed))]
    );
    domain.close_account(&CallerSession::service(), ERASE).await;
    assert_eq!(domain.all_of_ada().await, ([100_000, 0, 0, 0], [20, 10, 0, 0]));
}

#[tokio::test]
async fn a_refused_closure_ends_nothing() {
    let domain = LendingFixture::new().await;
    let money = domain.grant_id(domain.money("400.00")).await;
    let waits = domain.automated(Side::Buy, 1).await;
    let mut events = domain.events();
    let stranger: &SignedInUser = &domain.eve;
    let refused = domain
        .query(&stranger.caller, ERASE, json!({"id": domain.ada.id}))
        .await;
    assert_eq!(refused.code(), "FORBIDDEN");
    assert_eq!(domain.ended(money).await, (true, None));
    assert_eq!(domain.orders().await, [(waits, OrderStatus::Pending, None)]);
    assert_eq!(invalidated(&mut events), []);
}
