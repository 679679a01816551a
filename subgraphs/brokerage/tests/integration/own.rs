//! An investor's own market orders.

use serde_json::json;

use crate::support::{ADA, BEN, CLEO, EVE, FISH, Floor, admin, code, person, service, usd};

#[tokio::test]
async fn a_purchase_exchanges_the_investors_money_for_shares() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;

    let order = floor.placed(&person(ADA), "side: BUY, quantity: 3").await;

    assert_eq!(order["status"], "COMPLETED");
    assert_eq!(
        (&order["price"], &order["total"], &order["fee"]),
        (&usd("19.99"), &usd("59.97"), &usd("0.00"))
    );
    assert_eq!(order["exchangeOrder"], json!({ "number": 0 }));
    assert_eq!(order["investor"], json!({ "id": "1" }));
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

    let order = floor.placed(&person(ADA), "side: SELL, quantity: 2").await;

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
        ("side: BUY, quantity: 6", "INSUFFICIENT_FUNDS"),
        ("side: SELL, quantity: 6", "INSUFFICIENT_SHARES"),
        (r#"side: BUY, quantity: 101, stock: "2""#, "INSUFFICIENT_STOCK"),
        ("side: BUY, quantity: 0", "INVALID_INPUT"),
        ("side: BUY, quantity: -1", "INVALID_INPUT"),
        ("side: BUY, quantity: 2147483648", "INVALID_INPUT"),
        (r#"side: BUY, quantity: 1, stock: "3""#, "NOT_FOUND"),
        (r#"side: BUY, quantity: 1, stock: "FishCo""#, "NOT_FOUND"),
        (r#"side: BUY, quantity: 1, authorization: "1""#, "INVALID_INPUT"),
        (
            r#"side: BUY, quantity: 1, limitPrice: { amount: "1" }"#,
            "INVALID_INPUT",
        ),
        (
            r#"side: BUY, quantity: 1, expiresAt: "2027-01-01T00:00:00Z""#,
            "INVALID_INPUT",
        ),
    ] {
        assert_eq!(floor.refused(&ada, order).await, why, "{order}");
    }
}

#[tokio::test]
async fn orders_above_the_wallet_limit_are_refused_on_both_sides() {
    let floor = Floor::new().await;
    floor.set_price(FISH, 100_000_000_000_000).await;
    floor.give(ADA, FISH, 2_147_483_647).await;
    let ada = person(ADA);

    assert_eq!(
        floor.refused(&ada, "side: BUY, quantity: 2147483647").await,
        "INSUFFICIENT_FUNDS"
    );
    let answer = floor.place(&ada, "side: SELL, quantity: 2147483647").await;
    assert_eq!(code(&answer), "INVALID_INPUT");
    assert!(
        answer["errors"][0]["message"]
            .as_str()
            .unwrap()
            .starts_with("input.quantity: ")
    );
    // The proceeds of ten shares fill the wallet exactly.
    floor.placed(&ada, "side: SELL, quantity: 10").await;
    assert_eq!(floor.refused(&ada, "side: SELL, quantity: 1").await, "CONFLICT");
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
        assert_eq!(
            floor.refused(&viewer, "side: BUY, quantity: 1").await,
            expected,
            "{viewer:?}"
        );
    }
    let anonymous = contract::Viewer::Anonymous;
    assert_eq!(
        floor.refused(&anonymous, "side: BUY, quantity: 1").await,
        "UNAUTHENTICATED"
    );
}

#[tokio::test]
async fn the_same_key_places_one_order() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    let place = |quantity: i64| {
        format!(
            r#"mutation {{ placeOrder(input: {{ side: BUY, stock: "1", quantity: {quantity} }}, idempotencyKey: "k") {{ id total }} }}"#
        )
    };
    let first = floor.ask(&person(ADA), place(2)).await;
    let again = floor.ask(&person(ADA), place(2)).await;
    let other = floor.ask(&person(ADA), place(3)).await;

    assert_eq!(code(&first), "OK", "{first}");
    assert_eq!(first, again);
    assert_eq!(code(&other), "IDEMPOTENCY_MISMATCH");
    assert_eq!(floor.money(ADA).await, [10_000 - 3_998, 0, 0, 0]);
    floor.assert_conserved(0).await;
}

#[tokio::test]
async fn holdings_and_orders_are_visible_to_their_owners_only() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.placed(&person(ADA), "side: BUY, quantity: 3").await;
    floor.set_price(FISH, 2_100).await;

    let mine = r#"{ _entities(representations: [{ __typename: "User", id: "1" }]) { ... on User {
        holdings { nodes { id free committed held marketValue owner { id } stock { id myHolding { free } } } }
        brokerageOrders { nodes { id status } } } } }"#;
    let answer = floor.ask(&person(ADA), mine).await;
    let ada = &answer["data"]["_entities"][0];
    let holding = json!([{
        "id": "1", "free": 3, "committed": 0, "held": 0, "marketValue": usd("63.00"),
        "owner": { "id": "1" }, "stock": { "id": "1", "myHolding": { "free": 3 } },
    }]);
    assert_eq!(ada["holdings"]["nodes"], holding, "{answer}");
    assert_eq!(
        ada["brokerageOrders"]["nodes"],
        json!([{ "id": "1", "status": "COMPLETED" }])
    );
    assert_eq!(
        floor.ask(&admin(), mine).await["data"]["_entities"][0]["brokerageOrders"],
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
        assert_eq!(&floor.ask(&viewer, one).await["data"], expected, "{viewer:?}");
    }
    let answer = floor.ask(&person(EVE), mine).await;
    assert_eq!(
        answer["data"]["_entities"][0],
        json!({ "holdings": null, "brokerageOrders": null })
    );
    assert_eq!(code(&answer), "FORBIDDEN");
}

#[tokio::test]
async fn a_holding_never_exceeds_the_share_limit() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.give(ADA, FISH, entities::holding::SHARES_MAX - 1).await;

    floor.placed(&person(ADA), "side: BUY, quantity: 1").await;
    assert_eq!(floor.refused(&person(ADA), "side: BUY, quantity: 1").await, "CONFLICT");
}
