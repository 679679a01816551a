//! Access: knowing an id gives no right to read or to change its object.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{ADA, BEN, BOB, EVE, FISH, Floor, admin, automated, buy, person, sell, service};

const THINGS: &str = r#"{ _entities(representations: [
    { __typename: "Holding", id: "1" }, { __typename: "BrokerageOrder", id: "1" }, { __typename: "BrokerageOrder", id: "2" },
    { __typename: "BrokerageOrder", id: "two" }]) {
    ... on Holding { free } ... on BrokerageOrder { quantity } } }"#;

const LISTS: &str = "query($of: [_Any!]!) { _entities(representations: $of) { ... on User {
    id holdings { nodes { id } } brokerageOrders { nodes { id } } portfolioValue
} } }";
const ORDERS: &str = r#"query($side: Side, $status: OrderStatus, $first: Int, $after: String) {
    _entities(representations: [{ __typename: "User", id: "1" }]) { ... on User {
        brokerageOrders(side: $side, status: $status, first: $first, after: $after) {
            nodes { id } pageInfo { endCursor hasNextPage }
        }
    } }
}"#;

async fn floor() -> Floor {
    let floor = Floor::new().await;
    floor.deposit(ADA, 10_000).await;
    floor.placed(&person(ADA), &buy(1)).await;
    let capital = floor.lend_money(ADA, BEN, 4_100).await;
    floor.placed(&person(BEN), &buy(2).under(capital)).await;
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
        let answer = floor.client(&viewer).query(THINGS, json!({})).await;
        assert_eq!(answer["data"]["_entities"], json!(expected), "{viewer:?}");
    }
}

#[tokio::test]
async fn lists_are_visible_to_their_owners_and_operators_only() {
    let floor = floor().await;
    let lists = async |viewer: &Viewer, id: i64| {
        let of = json!([{ "__typename": "User", "id": id.to_string() }]);
        floor.client(viewer).query(LISTS, json!({ "of": of })).await
    };
    let nothing = json!({ "id": "user_1", "holdings": null, "brokerageOrders": null, "portfolioValue": null });
    for (viewer, why) in [
        (person(BEN), "FORBIDDEN"),
        (person(EVE), "FORBIDDEN"),
        (Viewer::Anonymous, "UNAUTHENTICATED"),
    ] {
        let answer = lists(&viewer, ADA).await;
        assert_eq!(
            (&answer["data"]["_entities"][0], answer.code()),
            (&nothing, why),
            "{viewer:?}"
        );
        assert_eq!(answer["errors"].as_array().unwrap().len(), 3);
    }
    let orders = async |viewer: &Viewer, id: i64| {
        let answer = lists(viewer, id).await;
        answer.partial("_entities.0.brokerageOrders.nodes").clone()
    };
    let (first, second) = (
        json!({ "id": "brokerage_order_1" }),
        json!({ "id": "brokerage_order_2" }),
    );
    assert_eq!(orders(&person(ADA), ADA).await, json!([second, first]));
    assert_eq!(orders(&admin(), ADA).await, json!([second, first]));
    assert_eq!(orders(&person(BEN), BEN).await, json!([second]));
}

#[tokio::test]
async fn orders_are_listed_by_side_and_status_page_by_page() {
    let floor = floor().await;
    let ada = person(ADA);
    floor.placed(&ada, &automated("BUY", 1, "1.00")).await;
    floor.placed(&ada, &sell(1)).await;
    let list = async |args: Value| {
        let answer = floor.client(&ada).query(ORDERS, args).await;
        let ids = answer.all("_entities.0.brokerageOrders.nodes.*.id").into_iter();
        let ids: Vec<String> = ids
            .map(|id| testing::number_of(id.as_str().unwrap()).to_string())
            .collect();
        let cursor = answer.at("_entities.0.brokerageOrders.pageInfo.endCursor").clone();
        (ids.join(" "), cursor)
    };
    for (args, wanted) in [
        (json!({ "first": 100 }), "4 3 2 1"),
        (json!({ "side": "BUY" }), "3 2 1"),
        (json!({ "status": "COMPLETED" }), "4 2 1"),
        (json!({ "side": "BUY", "status": "PENDING" }), "3"),
        (json!({ "status": "CANCELLED" }), ""),
    ] {
        assert_eq!(list(args.clone()).await.0, wanted, "{args}");
    }
    let (ids, cursor) = list(json!({ "first": 2 })).await;
    assert_eq!(ids, "4 3");
    assert_eq!(list(json!({ "first": 2, "after": cursor })).await.0, "2 1");
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
        let answer = floor.client(&viewer).query(look, json!({})).await;
        let expected = json!([{ "myHolding": expected }, { "myHolding": null }]);
        assert_eq!(answer["data"]["_entities"], expected, "{answer}");
    }
}
