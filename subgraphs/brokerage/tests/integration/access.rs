//! Access: knowing an id gives no right to read or to change its object.

use contract::Viewer;
use serde_json::json;

use crate::support::{ADA, BEN, BOB, EVE, FISH, Floor, admin, automated, code, person, service};

const THINGS: &str = r#"{ _entities(representations: [
    { __typename: "Holding", id: "1" }, { __typename: "BrokerageOrder", id: "1" }, { __typename: "BrokerageOrder", id: "2" },
    { __typename: "BrokerageOrder", id: "two" }]) {
    ... on Holding { free } ... on BrokerageOrder { quantity } } }"#;

async fn floor() -> Floor {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.placed(&person(ADA), "side: BUY, quantity: 1").await;
    let capital = floor.lend_money(ADA, BEN, 4_100).await;
    floor
        .placed(
            &person(BEN),
            &format!(r#"side: BUY, quantity: 2, authorization: "{capital}""#),
        )
        .await;
    floor
}

#[tokio::test]
async fn entities_are_visible_to_their_parties_only() {
    let floor = floor().await;
    let (holding, own, brokered) = (json!({ "free": 1 }), json!({ "quantity": 1 }), json!({ "quantity": 2 }));
    let none = json!(null);
    for (viewer, expected) in [
        (person(ADA), [&holding, &own, &brokered, &none]),
        (person(BEN), [&none, &none, &brokered, &none]),
        (person(BOB), [&none; 4]),
        (person(EVE), [&none; 4]),
        (admin(), [&holding, &own, &brokered, &none]),
        (service(), [&holding, &own, &brokered, &none]),
        (Viewer::Anonymous, [&none; 4]),
    ] {
        let answer = floor.ask(&viewer, THINGS).await;
        assert_eq!(answer["data"]["_entities"], json!(expected), "{viewer:?}");
    }
}

#[tokio::test]
async fn lists_are_visible_to_their_owners_and_operators_only() {
    let floor = floor().await;
    let lists = |id: i64| {
        format!(
            r#"{{ _entities(representations: [{{ __typename: "User", id: "{id}" }}]) {{ ... on User {{
                id holdings {{ nodes {{ id }} }} brokerageOrders {{ nodes {{ id }} }} portfolioValue }} }} }}"#
        )
    };
    let nothing = json!({ "id": "1", "holdings": null, "brokerageOrders": null, "portfolioValue": null });
    for (viewer, why) in [
        (person(BEN), "FORBIDDEN"),
        (person(EVE), "FORBIDDEN"),
        (Viewer::Anonymous, "UNAUTHENTICATED"),
    ] {
        let answer = floor.ask(&viewer, lists(ADA)).await;
        assert_eq!(
            (&answer["data"]["_entities"][0], code(&answer)),
            (&nothing, why),
            "{viewer:?}"
        );
        assert_eq!(answer["errors"].as_array().unwrap().len(), 3);
    }
    let orders = |answer: serde_json::Value| answer["data"]["_entities"][0]["brokerageOrders"]["nodes"].clone();
    let (first, second) = (json!({ "id": "1" }), json!({ "id": "2" }));
    assert_eq!(
        orders(floor.ask(&person(ADA), lists(ADA)).await),
        json!([second, first])
    );
    assert_eq!(orders(floor.ask(&admin(), lists(ADA)).await), json!([second, first]));
    assert_eq!(orders(floor.ask(&person(BEN), lists(BEN)).await), json!([second]));
}

#[tokio::test]
async fn orders_are_listed_by_side_and_status_page_by_page() {
    let floor = floor().await;
    let ada = person(ADA);
    floor.placed(&ada, &automated("BUY", 1, "1.00")).await;
    floor.placed(&ada, "side: SELL, quantity: 1").await;
    let list = async |arguments: &str| {
        let document = format!(
            r#"{{ _entities(representations: [{{ __typename: "User", id: "1" }}]) {{ ... on User {{
                brokerageOrders({arguments}) {{ nodes {{ id }} pageInfo {{ endCursor hasNextPage }} }} }} }} }}"#
        );
        let answer = floor.ask(&ada, document).await;
        let page = answer["data"]["_entities"][0]["brokerageOrders"].clone();
        let ids: Vec<String> = page["nodes"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .iter()
            .map(|order| order["id"].as_str().unwrap().to_owned())
            .collect();
        (
            ids.join(" "),
            page["pageInfo"]["endCursor"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(list("first: 100").await.0, "4 3 2 1");
    assert_eq!(list("side: BUY").await.0, "3 2 1");
    assert_eq!(list("status: COMPLETED").await.0, "4 2 1");
    assert_eq!(list("side: BUY, status: PENDING").await.0, "3");
    assert_eq!(list("status: CANCELLED").await.0, "");
    let (ids, cursor) = list("first: 2").await;
    assert_eq!(ids, "4 3");
    assert_eq!(list(&format!(r#"first: 2, after: "{cursor}""#)).await.0, "2 1");
}

#[tokio::test]
async fn a_holding_of_a_stock_is_visible_to_its_owner_only() {
    let floor = floor().await;
    floor.give(EVE, FISH, 7).await;
    let look = r#"{ _entities(representations: [{ __typename: "Stock", id: "1" }, { __typename: "Stock", id: "2" }]) {
        ... on Stock { myHolding { free } } } }"#;
    for (viewer, expected) in [
        (person(ADA), json!({ "free": 1 })),
        (person(EVE), json!({ "free": 7 })),
        (person(BEN), json!(null)),
        (service(), json!(null)),
        (Viewer::Anonymous, json!(null)),
    ] {
        let answer = floor.ask(&viewer, look).await;
        let expected = json!([{ "myHolding": expected }, { "myHolding": null }]);
        assert_eq!(answer["data"]["_entities"], expected, "{answer}");
    }
}
