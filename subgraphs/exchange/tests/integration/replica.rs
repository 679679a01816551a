//! The replicas of the log.

use contract::Viewer;
use serde_json::json;

use crate::support::{Market, code, service, trader};

#[tokio::test]
async fn the_single_replica_is_the_leader() {
    let market = Market::with_shares(10).await;
    let ask = "{ orderReplicas { id alive leader term applied } }";
    for applied in [-1, 0, 1] {
        assert_eq!(
            market.ask(&Viewer::Anonymous, ask).await["data"]["orderReplicas"],
            json!([{ "id": "1", "alive": true, "leader": true, "term": 0, "applied": applied }])
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
    let before = market.fish("quantity updatedAt").await;
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
        let document = format!(
            r#"mutation {{ acknowledgeOrder(number: {number}, stock: "{stock}", side: {side}, quantity: {quantity}) }}"#
        );
        assert_eq!(
            code(&market.ask(&service(), document.as_str()).await),
            wanted,
            "{document}"
        );
    }
    assert_eq!(market.numbers().await, [0, 1]);
    assert_eq!(market.fish("quantity updatedAt").await, before);
}

#[tokio::test]
async fn a_proposal_of_any_leader_returns_the_current_leader() {
    let market = Market::with_shares(10).await;
    for (replica, wanted) in [
        ("\"1\"", "OK"),
        ("1", "OK"),
        ("2", "INVALID_INPUT"),
        ("0", "INVALID_INPUT"),
        ("\"one\"", "INVALID_INPUT"),
    ] {
        let document = format!("mutation {{ proposeLeader(replicaId: {replica}) {{ id leader }} }}");
        let answer = market.ask(&service(), document).await;
        assert_eq!(code(&answer), wanted, "{replica}: {answer}");
        if wanted == "OK" {
            assert_eq!(answer["data"]["proposeLeader"], json!({ "id": "1", "leader": true }));
        }
    }
}
