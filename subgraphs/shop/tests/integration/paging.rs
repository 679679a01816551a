//! Paginated lists.

use serde_json::{Value, json};

use crate::support::{ADA, BEN, ShopDomain, code, field, member, text};

const LIST: &str = "nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";

async fn orders(shop: &ShopDomain, args: &str) -> (Vec<String>, Value) {
    let fields = format!("shopOrders{args} {{ {LIST} }}");
    let (person, _) = shop.of_person(&member(ADA), ADA, &fields).await;
    read(&person["shopOrders"])
}

fn read(list: &Value) -> (Vec<String>, Value) {
    let nodes = list["nodes"].as_array().unwrap_or_else(|| panic!("{list}"));
    let ids = nodes.iter().map(|node| text(&node["id"]));
    (ids.collect(), list["pageInfo"].clone())
}

#[tokio::test]
async fn orders_are_paged_both_ways_during_changes() {
    let shop = ShopDomain::with_mugs(100).await;
    for turn in 0..10 {
        shop.placed(if turn % 2 == 0 { ADA } else { BEN }, "1", 1).await;
    }
    let (ids, first) = orders(&shop, "(first: 2)").await;
    assert_eq!(ids, ["1", "3"]);
    assert_eq!(
        (&first["hasNextPage"], &first["hasPreviousPage"]),
        (&json!(true), &json!(false))
    );
    // Neither a deleted order nor a new one shifts the rows after the cursor.
    shop.delete(&member(ADA), "3").await;
    shop.placed(ADA, "1", 1).await;
    let after = first["endCursor"].as_str().unwrap();
    let (ids, second) = orders(&shop, &format!("(first: 9, after: \"{after}\")")).await;
    assert_eq!(ids, ["5", "7", "9", "11"]);
    assert_eq!(second["hasNextPage"], false);
    let before = second["startCursor"].as_str().unwrap();
    let (ids, _) = orders(&shop, &format!("(last: 9, before: \"{before}\")")).await;
    assert_eq!(ids, ["1"]);
}

#[tokio::test]
async fn products_are_paged_and_invalid_arguments_are_refused() {
    let shop = ShopDomain::new().await;
    for name in ["a1", "b1", "a2", "a3"] {
        shop.add(name, "1", 1).await;
    }
    let list = async |args: &str| {
        shop.ask(&member(ADA), &format!("{{ products({args}) {{ {LIST} }} }}"))
            .await
    };
    let (ids, page) = read(&list(r#"text: "A", first: 2"#).await["data"]["products"]);
    assert_eq!(ids, ["1", "3"]);
    let after = page["endCursor"].as_str().unwrap();
    let (ids, _) = read(&list(&format!(r#"text: "A", first: 2, after: "{after}""#)).await["data"]["products"]);
    assert_eq!(ids, ["4"]);
    for (args, named) in [
        ("first: 101", "first"),
        ("first: -1", "first"),
        ("last: 101", "last"),
        ("first: 1, last: 1", "last"),
        (r#"after: "zz""#, "after"),
        (r#"before: "1-2""#, "before"),
    ] {
        let refused = list(args).await;
        assert_eq!((code(&refused), field(&refused)), ("INVALID_INPUT", named), "{args}");
    }
}
