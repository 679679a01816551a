//! A trade is answered when a majority of the replicas has it, before the database has its number. A kill in between loses
//! nothing.

use serde_json::json;
use testing::within;
use tests::{Audit, HttpClient};

use super::calls::{Call, Cast, ORDER, TRADE, call, cast, repeat, send};
use super::replicas::{PATIENCE, leader, settled};
use super::server::{Server, kill_replica};

/// The number of calls: the last one is the order of a broker.
const CALLS: usize = 23;

/// The number of every trade of the exchange, from the list.
async fn listed(url: &str) -> Vec<i64> {
    let (client, document) = (
        HttpClient::new(url),
        "{ exchangeOrders(first: 100) { nodes { number } } }",
    );
    let asked = within(PATIENCE, "a list", client.query(document, json!({}))).await;
    let nodes = asked.at("exchangeOrders.nodes").as_array().expect("a list").clone();
    nodes
        .iter()
        .map(|node| node["number"].as_i64().expect("a number"))
        .collect()
}

/// The number of the trade of an answered call; `None` for a call that was executed without one.
async fn number(url: &str, cast: &Cast, call: &Call) -> Option<i64> {
    let answer = &call.answer.as_ref().expect("an answer")["it"];
    match call.query {
        TRADE => answer["number"].as_i64(),
        ORDER => {
            let document = "query($id: ID!) { brokerageOrder(id: $id) { exchangeOrder { number quantity } } }";
            let person = cast.people[call.person].1.with_url(url);
            let order = within(
                PATIENCE,
                "an order",
                person.query(document, json!({ "id": answer["id"] })),
            )
            .await;
            order.at("brokerageOrder")["exchangeOrder"]["number"].as_i64()
        }
        _ => None,
    }
}

async fn numbers(url: &str, cast: &Cast, calls: &[Call]) -> Vec<Option<i64>> {
    let mut numbers = Vec::new();
    for call in calls {
        numbers.push(number(url, cast, call).await);
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn answered_trades_survive_a_kill_before_the_write_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::with_lazy_replicas(&data, 3);
    let cast = cast(&server.url).await;
    let audit = Audit::open(&data);
    let shares = audit.shares();
    let mut calls: Vec<_> = (0..CALLS).map(|n| call(&cast, 0, n, format!("call {n}"))).collect();
    for call in &mut calls {
        call.answer = within(PATIENCE, "an answer", send(&server.url, &cast, call)).await;
    }
    let open = "SELECT count(*) FROM reservation WHERE state = 'RESERVED'";
    assert!(audit.number(open) > 0, "every number is written");
    // The memory of the server answers while the replicas elect a leader.
    kill_replica(&data, &leader(&server.url).await);
    let before = numbers(&server.url, &cast, &calls).await;
    assert!(before.last().is_some_and(Option::is_some), "{:?}", calls.last());
    assert!(audit.number(open) > 0, "every number is written");

    server.kill();
    let mut server = Server::with_lazy_replicas(&data, 3);

    // The first request reads what the table lacks.
    let all = listed(&server.url).await;
    let known: Vec<i64> = (0..).take(all.len()).collect();
    assert_eq!(all, known, "the list has a gap");
    let lost = |number: &&i64| !all.contains(number);
    assert_eq!(before.iter().flatten().find(lost), None, "an answered trade is lost");
    assert_eq!(numbers(&server.url, &cast, &calls).await, before);
    within(PATIENCE, "the same answers", repeat(&server.url, &cast, &mut calls)).await;

    server.kill();
    let server = Server::with_quiet_replicas(&data, 3);
    settled(&server, &audit).await;
    audit.assert_balanced();
    assert_eq!(audit.shares(), shares, "shares came or went");
    assert_eq!(listed(&server.url).await, all);
    assert_eq!(numbers(&server.url, &cast, &calls).await, before);
}
