//! The value of a person's portfolio.

use contract::Viewer;
use serde_json::json;
use testing::Answer;

use crate::support::{ADA, BEN, BOAR, EVE, FISH, Floor, admin, automated, person, usd};

const PORTFOLIOS: &str = "query($people: [_Any!]!) {
    _entities(representations: $people) { ... on User { portfolioValue } }
}";

/// Queries the portfolio values of these people and returns the response.
async fn portfolios(floor: &Floor, viewer: &Viewer, people: &[i64]) -> Answer {
    let people: Vec<_> = people
        .iter()
        .map(|id| json!({ "__typename": "User", "id": id.to_string() }))
        .collect();
    floor
        .client(viewer)
        .query(PORTFOLIOS, json!({ "people": people }))
        .await
}

#[tokio::test]
async fn a_portfolio_is_all_dollars_and_all_shares_at_their_price() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 10).await;
    floor.give(ADA, BOAR, 3).await;
    // Some shares and some money are held for automated orders, some money is lent.
    floor.deposit(ADA, 20_000).await;
    floor.lend_money(ADA, BEN, 5_000).await;
    floor.deposit_in("EUR", ADA, 900).await;
    floor.placed(&person(ADA), &automated("SELL", 4, "30.00")).await;
    floor.placed(&person(ADA), &automated("BUY", 1, "10.00")).await;
    assert!(floor.money(ADA).await.iter().filter(|bucket| **bucket > 0).count() >= 3);

    // 200.00 in money, 199.90 and 1.50 in shares.
    let answer = portfolios(&floor, &person(ADA), &[ADA]).await;
    let worth = &answer["data"]["_entities"][0]["portfolioValue"];
    assert_eq!(*worth, usd("401.40"), "{answer}");

    floor.set_price(FISH, 2_000).await;
    let answer = portfolios(&floor, &admin(), &[EVE, ADA]).await;
    let worth = json!([{ "portfolioValue": usd("0.00") }, { "portfolioValue": usd("401.50") }]);
    assert_eq!(answer["data"]["_entities"], worth, "{answer}");
}

#[tokio::test]
async fn a_portfolio_above_64_bits_of_cents_is_exact_to_the_cent() {
    let floor = Floor::new().await;
    for stock in [FISH, BOAR] {
        floor.give(ADA, stock, 2_147_483_647).await;
        floor.set_price(stock, 100_000_000_000_000).await;
    }
    let answer = portfolios(&floor, &person(ADA), &[ADA]).await;
    assert_eq!(
        answer["data"]["_entities"][0]["portfolioValue"],
        usd("4294967294000000000000.00"),
        "{answer}"
    );
    let holdings = "{ _entities(representations: [{ __typename: \"User\", id: 1 }]) {
        ... on User { holdings { nodes { free marketValue } } } } }";
    let holdings = floor.client(&person(ADA)).query(holdings, json!({})).await;
    let one = json!({ "free": 2_147_483_647, "marketValue": usd("2147483647000000000000.00") });
    assert_eq!(
        holdings["data"]["_entities"][0]["holdings"]["nodes"],
        json!([one, one]),
        "{holdings}"
    );
}

#[tokio::test]
async fn a_portfolio_is_visible_to_its_owner_and_operators_only() {
    let floor = Floor::new().await;
    floor.deposit(ADA, 100).await;
    let answer = portfolios(&floor, &person(EVE), &[ADA]).await;
    assert_eq!(answer["data"]["_entities"][0], json!({ "portfolioValue": null }));
    assert_eq!(answer.code(), "FORBIDDEN");
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{answer}");
}
