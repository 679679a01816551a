//! Paginated lists.

use serde_json::{Value, json};

use crate::support::{ADA, BEN, ShopDomain, field, member, texts};

const PRODUCTS: &str = "query($text: String, $first: Int, $last: Int, $after: String, $before: String) {
        products(text: $text, first: $first, last: $last, after: $after, before: $before) {
            nodes { id } pageInfo { endCursor }
        }
    }";

/// Returns the ids of a page of ada's orders, and the facts about the page.
async fn orders(shop: &ShopDomain, args: Value) -> (Vec<String>, Value) {
    let orders = shop.orders(ADA, args).await;
    let ids = texts(orders.all("_entities.0.shopOrders.nodes.*.id")).into_iter();
    let ids = ids.map(|id| testing::number_of(&id).to_string()).collect();
    (ids, orders.at("_entities.0.shopOrders.pageInfo").clone())
}

#[tokio::test]
async fn orders_are_paged_both_ways_during_changes() {
    let shop = ShopDomain::with_mugs(100).await;
    for turn in 0..10 {
        shop.placed(if turn % 2 == 0 { ADA } else { BEN }, "1", 1).await;
    }
    let (ids, first) = orders(&shop, json!({ "first": 2 })).await;
    assert_eq!(ids, ["1", "3"]);
    assert_eq!(
        (&first["hasNextPage"], &first["hasPreviousPage"]),
        (&json!(true), &json!(false))
    );
    // Neither a deleted order nor a new one shifts the rows after the cursor.
    shop.delete(&member(ADA), "3").await;
    shop.placed(ADA, "1", 1).await;
    let args = json!({ "first": 9, "after": first["endCursor"] });
    let (ids, second) = orders(&shop, args).await;
    assert_eq!(ids, ["5", "7", "9", "11"]);
    assert_eq!(second["hasNextPage"], false);
    let args = json!({ "last": 9, "before": second["startCursor"] });
    let (ids, _) = orders(&shop, args).await;
    assert_eq!(ids, ["1"]);
}

#[tokio::test]
async fn products_are_paged_and_invalid_arguments_are_refused() {
    let shop = ShopDomain::new().await;
    for name in ["a1", "b1", "a2", "a3"] {
        shop.add(name, "1", 1).await;
    }
    let list = async |args: Value| shop.member(ADA).query(PRODUCTS, args).await;
    let first = list(json!({ "text": "A", "first": 2 })).await;
    assert_eq!(first.all("products.nodes.*.id"), ["product_1", "product_3"]);
    let after = first.at("products.pageInfo.endCursor");
    let second = list(json!({ "text": "A", "first": 2, "after": after })).await;
    assert_eq!(second.all("products.nodes.*.id"), ["product_4"]);
    for (args, named) in [
        (json!({ "first": 101 }), "first"),
        (json!({ "first": -1 }), "first"),
        (json!({ "last": 101 }), "last"),
        (json!({ "first": 1, "last": 1 }), "last"),
        (json!({ "after": "zz" }), "after"),
        (json!({ "before": "1-2" }), "before"),
    ] {
        let refused = list(args.clone()).await;
        assert_eq!((refused.code(), field(&refused)), ("INVALID_INPUT", named), "{args}");
    }
}
