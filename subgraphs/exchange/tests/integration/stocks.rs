//! Queries of stocks.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{Market, code};

async fn found(market: &Market, arguments: &str) -> Value {
    let document = format!("{{ stock({arguments}) {{ id name }} }}");
    market.ask(&Viewer::Anonymous, document).await
}

#[tokio::test]
async fn a_stock_is_found_by_its_id_or_by_its_name() {
    let market = Market::with_shares(1).await;
    market.list("BoarCo", 1).await;
    let boar = json!({ "data": { "stock": { "id": "2", "name": "BoarCo" } } });
    for arguments in ["id: 2", r#"id: "2""#, r#"name: "BoarCo""#] {
        assert_eq!(found(&market, arguments).await, boar, "{arguments}");
    }
    let none = json!({ "data": { "stock": null } });
    for arguments in [
        "id: 3",
        r#"id: "02""#,
        r#"id: "BoarCo""#,
        r#"name: "boarco""#,
        r#"name: "2""#,
        r#"name: """#,
    ] {
        assert_eq!(found(&market, arguments).await, none, "{arguments}");
    }
    for arguments in [r#"id: 2, name: "BoarCo""#, "id: null", r#"id: "x", name: "x""#] {
        assert_eq!(code(&found(&market, arguments).await), "INVALID_INPUT", "{arguments}");
    }
}

#[tokio::test]
async fn other_domains_refer_to_a_stock_by_either_key() {
    let market = Market::with_shares(1).await;
    market.list("BoarCo", 1).await;
    let entities = market
        .ask(
            &Viewer::Anonymous,
            r#"{ _entities(representations: [
                { __typename: "Stock", name: "BoarCo" }, { __typename: "Stock", id: "1" },
                { __typename: "Stock", id: "7" }, { __typename: "Stock", name: "Boar" }, { __typename: "Stock", id: "x" },
            ]) { ... on Stock { id name } } }"#,
        )
        .await;
    assert_eq!(
        entities["data"]["_entities"],
        json!([{ "id": "2", "name": "BoarCo" }, { "id": "1", "name": "FishCo" }, null, null, null])
    );
}

#[tokio::test]
async fn stocks_are_listed_by_id_page_by_page() {
    let market = Market::new().await;
    for name in ["e", "d", "c", "b", "a"] {
        market.list(name, 1).await;
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let document =
            format!("{{ stocks(first: 2{after}) {{ nodes {{ name }} pageInfo {{ hasNextPage endCursor }} }} }}");
        let page = market.ask(&Viewer::Anonymous, document).await["data"]["stocks"].clone();
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
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(seen, ["e", "d", "c", "b", "a"]);
}
