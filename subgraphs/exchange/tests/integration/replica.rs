//! The replicas of the log.

use serde_json::json;

use crate::support::{Market, trader};

const REPLICAS: &str = "{ orderReplicas { id alive leader term applied } }";
const ACKNOWLEDGE: &str = "mutation($number: Int!, $stock: String!, $side: Side!, $quantity: Int!) {
    acknowledgeOrder(number: $number, stock: $stock, side: $side, quantity: $quantity)
}";
const PROPOSE: &str = "mutation($replica: ID!) { proposeLeader(replicaId: $replica) { id leader } }";

#[tokio::test]
async fn the_single_replica_is_the_leader() {
    let market = Market::with_shares(10).await;
    for applied in [-1, 0, 1] {
        assert_eq!(
            market.anonymous().query(REPLICAS, json!({})).await.at("orderReplicas"),
            &json!([{ "id": "order_replica_1", "alive": true, "leader": true, "term": 0, "applied": applied }])
        );
        market.trade(&trader(), "BUY", 1).await;
    }
}

#[tokio::test]
async fn a_push_is_acknowledged_when_the_log_has_the_same_trade() {
    let market = Market::with_shares(10).await;
    market.list("BoarCo", 10).await;
    market.trade(&trader(), "BUY", 3).await;
    market.trade(&trader(), "SELL", 2).await;
    let before = market.fish().await;
    for (number, stock, side, quantity, wanted) in [
        (0, "FishCo", "BUY", 3, "OK"),
        (0, "FishCo", "BUY", 3, "OK"),
        (1, "FishCo", "SELL", 2, "OK"),
        (0, "FishCo", "SELL", 3, "CONFLICT"),
        (0, "FishCo", "BUY", 2, "CONFLICT"),
        (0, "BoarCo", "BUY", 3, "CONFLICT"),
        (0, "fishco", "BUY", 3, "CONFLICT"),
        (2, "FishCo", "BUY", 1, "CONFLICT"),
        (7, "FishCo", "BUY", 1, "CONFLICT"),
        (-1, "FishCo", "BUY", 1, "CONFLICT"),
        (0, "FishCo", "BUY", 0, "INVALID_INPUT"),
    ] {
        let args = json!({ "number": number, "stock": stock, "side": side, "quantity": quantity });
        let answer = market.service().query(ACKNOWLEDGE, args.clone()).await;
        assert_eq!(answer.code(), wanted, "{args}");
    }
    assert_eq!(market.numbers().await, [0, 1]);
    assert_eq!(market.fish().await, before);
}

#[tokio::test]
async fn a_proposal_of_any_leader_returns_the_current_leader() {
    let market = Market::with_shares(10).await;
    for (replica, wanted) in [
        (json!("order_replica_1"), "OK"),
        (json!("1"), "OK"),
        (json!(1), "OK"),
        (json!(2), "INVALID_INPUT"),
        (json!(0), "INVALID_INPUT"),
        (json!("one"), "INVALID_INPUT"),
    ] {
        let answer = market.service().query(PROPOSE, json!({ "replica": replica })).await;
        assert_eq!(answer.code(), wanted, "{replica}: {answer}");
        if wanted == "OK" {
            assert_eq!(
                answer.at("proposeLeader"),
                &json!({ "id": "order_replica_1", "leader": true })
            );
        }
    }
}
