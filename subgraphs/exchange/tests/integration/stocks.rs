//! Queries of stocks.

use serde_json::{Value, json};
use testing::Answer;

use crate::support::Market;

const STOCK: &str = "query($id: ID, $name: String) { stock(id: $id, name: $name) { id name } }";
const ENTITIES: &str = "query($of: [_Any!]!) {
    _entities(representations: $of) { ... on Stock { id name } }
}";
const PAGE: &str = "query($after: String) {
    stocks(first: 2, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } }
}";

async fn found(market: &Market, args: &Value) -> Answer {
    market.anonymous().query(STOCK, args.clone()).await
}

#[tokio::test]
async fn a_stock_is_found_by_its_id_or_by_its_name() {
    let market = Market::with_shares(1).await;
    market.list("BoarCo", 1).await;
    let boar = json!({ "data": { "stock": { "id": "stock_2", "name": "BoarCo" } } });
    for args in [json!({ "id": 2 }), json!({ "id": "2" }), json!({ "name": "BoarCo" })] {
        assert_eq!(found(&market, &args).await, boar, "{args}");
    }
    let none = json!({ "data": { "stock": null } });
    for args in [
        json!({ "id": 3 }),
        json!({ "id": "02" }),
        json!({ "id": "BoarCo" }),
        json!({ "name": "boarco" }),
        json!({ "name": "2" }),
        json!({ "name": "" }),
    ] {
        assert_eq!(found(&market, &args).await, none, "{args}");
    }
    for args in [
        json!({ "id": 2, "name": "BoarCo" }),
        json!({ "id": null }),
        json!({ "id": "x", "name": "x" }),
    ] {
        assert_eq!(found(&market, &args).await.code(), "INVALID_INPUT", "{args}");
    }
}

#[tokio::test]
async fn other_domains_refer_to_a_stock_by_either_key() {
    let market = Market::with_shares(1).await;
    market.list("BoarCo", 1).await;
    let by_id = |id: &str| json!({ "__typename": "Stock", "id": id });
    let by_name = |name: &str| json!({ "__typename": "Stock", "name": name });
    let of = json!([by_name("BoarCo"), by_id("1"), by_id("7"), by_name("Boar"), by_id("x")]);
    let entities = market.anonymous().query(ENTITIES, json!({ "of": of })).await;
    assert_eq!(
        entities.partial("_entities"),
        &json!([{ "id": "stock_2", "name": "BoarCo" }, { "id": "stock_1", "name": "FishCo" }, null, null, null])
    );
}

#[tokio::test]
async fn stocks_are_listed_by_id_page_by_page() {
    let market = Market::new().await;
    for name in ["e", "d", "c", "b", "a"] {
        market.list(name, 1).await;
    }
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = market.anonymous().query(PAGE, json!({ "after": after })).await;
        let page = page.at("stocks");
        seen.extend(
            page["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|stock| stock["name"].as_str().unwrap().to_owned()),
        );
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, ["e", "d", "c", "b", "a"]);
}
