//! What somebody has altogether.

use serde_json::{Value, json};

use crate::support::{ADA, BOAR, FISH, Floor, automated, code, person, usd};

async fn worth(floor: &Floor, wallets: Value) -> Value {
    let document = "query($ada: [_Any!]!) { _entities(representations: $ada) { ... on User { portfolioValue } } }";
    let representation = json!([{ "__typename": "User", "id": "1", "wallets": wallets }]);
    let variables = async_graphql::Variables::from_json(json!({ "ada": representation }));
    floor
        .ask(&person(ADA), async_graphql::Request::new(document).variables(variables))
        .await
}

#[tokio::test]
async fn a_portfolio_is_the_dollars_of_the_wallet_and_all_shares_at_their_price() {
    let floor = Floor::new().await;
    floor.give(ADA, FISH, 10).await;
    floor.give(ADA, BOAR, 3).await;
    floor.placed(&person(ADA), &automated("SELL", 4, "30.00")).await;
    let money = |balance: &str, committed: &str, held: &str, currency: &str| {
        let sum = |amount: &str| json!({ "amount": amount, "currency": currency });
        json!({ "__typename": "Wallet", "balance": sum(balance), "committed": sum(committed), "held": sum(held) })
    };

    let wallets = json!([
        money("1.10", "0.20", "0.03", "USD"),
        money("9.00", "0.00", "0.00", "EUR")
    ]);
    let answer = worth(&floor, wallets).await;
    // 199.90 and 1.50 in shares.
    assert_eq!(
        answer["data"]["_entities"][0]["portfolioValue"],
        usd("202.73"),
        "{answer}"
    );
    floor.set_price(FISH, 2_000).await;
    assert_eq!(
        worth(&floor, json!([])).await["data"]["_entities"][0]["portfolioValue"],
        usd("201.50")
    );

    // As much as a wallet holds at most is more than anybody can type.
    let rich = worth(&floor, json!([money("10000000000000.00", "0.00", "0.00", "USD")])).await;
    assert_eq!(
        rich["data"]["_entities"][0]["portfolioValue"],
        usd("10000000000201.50"),
        "{rich}"
    );
}

#[tokio::test]
async fn a_portfolio_without_the_wallets_is_unknown() {
    let floor = Floor::new().await;
    let answer = worth(&floor, json!(null)).await;
    assert_eq!(answer["data"]["_entities"][0], json!({ "portfolioValue": null }));
    assert_eq!(code(&answer), "UNAVAILABLE");
}
