//! An investor's own market orders.

use serde_json::json;

use crate::support::{ADA, BEN, BOAR, CLEO, EVE, FISH, Floor, PLACE, admin, buy, person, sell, service, usd};

#[tokio::test]
async fn a_purchase_exchanges_the_investors_money_for_shares() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;

    let order = floor.placed(&person(ADA), &buy(3)).await;

    assert_eq!(order["status"], "COMPLETED");
    assert_eq!(
        (&order["price"], &order["total"], &order["fee"]),
        (&usd("19.99"), &usd("59.97"), &usd("0.00"))
    );
    assert_eq!(order["exchangeOrder"], json!({ "number": 0 }));
    assert_eq!(order["investor"], json!({ "id": "user_1" }));
    assert_eq!((&order["broker"], &order["automated"]), (&json!(null), &json!(false)));
    assert_eq!(
        (&order["placedAt"], &order["completedAt"]),
        (&json!("2026-01-01T00:00:00+00:00"), &json!("2026-01-01T00:00:00+00:00"))
    );
    assert_eq!(floor.money(ADA).await, [10_000 - 5_997, 0, 0, 0]);
    assert_eq!(floor.shares(ADA, FISH).await, [3, 0, 0, 0]);
    assert_eq!(floor.listed(FISH).await, 97);
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn a_sale_exchanges_the_investors_shares_for_money() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 5).await;

    let order = floor.placed(&person(ADA), &sell(2)).await;

    assert_eq!((&order["side"], &order["total"]), (&json!("SELL"), &usd("39.98")));
    assert_eq!(floor.money(ADA).await, [3_998, 0, 0, 0]);
    assert_eq!(floor.shares(ADA, FISH).await, [3, 0, 0, 0]);
    assert_eq!(floor.listed(FISH).await, 102);
    floor.assert_conserved(5).await;
}

#[tokio::test]
async fn an_order_that_cannot_execute_changes_nothing() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, 5).await;
    let ada = person(ADA);
    for (order, why) in [
        (buy(6), "INSUFFICIENT_FUNDS"),
        (sell(6), "INSUFFICIENT_SHARES"),
        (buy(101).of(BOAR), "INSUFFICIENT_STOCK"),
        (buy(0), "INVALID_INPUT"),
        (buy(-1), "INVALID_INPUT"),
        (buy(2_147_483_648), "INVALID_INPUT"),
        (buy(1).of(3), "NOT_FOUND"),
        (buy(1).with("stock", "FishCo"), "NOT_FOUND"),
        (buy(1).under(1), "INVALID_INPUT"),
        (buy(1).with("limitPrice", json!({ "amount": "1" })), "INVALID_INPUT"),
        (buy(1).until("2027-01-01T00:00:00Z"), "INVALID_INPUT"),
    ] {
        assert_eq!(floor.refused(&ada, &order).await, why, "{order}");
    }
}

#[tokio::test]
async fn orders_above_the_wallet_limit_are_refused_on_both_sides() {
    let floor = Floor::new().await;
    floor.set_price(FISH, 100_000_000_000_000).await;
    floor.give(ADA, FISH, 2_147_483_647).await;
    let ada = person(ADA);

    assert_eq!(floor.refused(&ada, &buy(2_147_483_647)).await, "INSUFFICIENT_FUNDS");
    let answer = floor.place(&ada, &sell(2_147_483_647)).await;
    assert_eq!(answer.code(), "INVALID_INPUT");
    assert!(
        answer["errors"][0]["message"]
            .as_str()
            .unwrap()
            .starts_with("input.quantity: ")
    );
    // The proceeds of ten shares fill the wallet exactly.
    floor.placed(&ada, &sell(10)).await;
    assert_eq!(floor.refused(&ada, &sell(1)).await, "CONFLICT");
}

#[tokio::test]
async fn only_investors_and_brokers_place_orders() {
    let floor = Floor::new().await;
    for viewer in [person(CLEO), service(), admin()] {
        let expected = if viewer == admin() {
            "UNAUTHENTICATED"
        } else {
            "FORBIDDEN"
        };
        assert_eq!(floor.refused(&viewer, &buy(1)).await, expected, "{viewer:?}");
    }
    let anonymous = contract::Viewer::Anonymous;
    assert_eq!(floor.refused(&anonymous, &buy(1)).await, "UNAUTHENTICATED");
}

#[tokio::test]
async fn the_same_key_places_one_order() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let place = async |quantity: i64| {
        let args = json!({ "input": buy(quantity).input(), "key": "k" });
        floor.client(&person(ADA)).query(PLACE, args).await
    };
    let (first, again, other) = (place(2).await, place(2).await, place(3).await);

    assert_eq!(first.code(), "OK", "{first}");
    assert_eq!(first, again);
    assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH");
    assert_eq!(floor.money(ADA).await, [10_000 - 3_998, 0, 0, 0]);
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn holdings_and_orders_are_visible_to_their_owners_only() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.placed(&person(ADA), &buy(3)).await;
    floor.set_price(FISH, 2_100).await;

    let mine = r#"{ _entities(representations: [{ __typename: "User", id: "1" }]) { ... on User {
        holdings { nodes { id free committed held marketValue owner { id } stock { id myHolding { free } } } }
        brokerageOrders { nodes { id status } } } } }"#;
    let answer = floor.client(&person(ADA)).query(mine, json!({})).await;
    let ada = &answer["data"]["_entities"][0];
    let holding = json!([{
        "id": "holding_1", "free": 3, "committed": 0, "held": 0, "marketValue": usd("63.00"),
        "owner": { "id": "user_1" }, "stock": { "id": "stock_1", "myHolding": { "free": 3 } },
    }]);
    assert_eq!(ada["holdings"]["nodes"], holding, "{answer}");
    assert_eq!(
        ada["brokerageOrders"]["nodes"],
        json!([{ "id": "brokerage_order_1", "status": "COMPLETED" }])
    );
    assert_eq!(
        floor.admin().query(mine, json!({})).await["data"]["_entities"][0]["brokerageOrders"],
        ada["brokerageOrders"]
    );

    let one = r#"{ holding(id: "1") { free } brokerageOrder(id: "1") { quantity } }"#;
    let seen = json!({ "holding": { "free": 3 }, "brokerageOrder": { "quantity": 3 } });
    let unseen = json!({ "holding": null, "brokerageOrder": null });
    for (viewer, expected) in [
        (person(ADA), &seen),
        (admin(), &seen),
        (service(), &seen),
        (person(EVE), &unseen),
        (person(BEN), &unseen),
        (contract::Viewer::Anonymous, &unseen),
    ] {
        assert_eq!(
            &floor.client(&viewer).query(one, json!({})).await["data"],
            expected,
            "{viewer:?}"
        );
    }
    let answer = floor.client(&person(EVE)).query(mine, json!({})).await;
    assert_eq!(
        answer["data"]["_entities"][0],
        json!({ "holdings": null, "brokerageOrders": null })
    );
    assert_eq!(answer.code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_holding_never_exceeds_the_share_limit() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, entities::holding::SHARES_MAX - 1).await;

    floor.placed(&person(ADA), &buy(1)).await;
    assert_eq!(floor.refused(&person(ADA), &buy(1)).await, "CONFLICT");
}
