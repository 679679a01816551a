//! The sample data.

use contract::DemoPeople;
use serde_json::json;

use crate::support::{ADA, BEN, ShopDomain};

const PRODUCTS: &str = "{ products { nodes { id available } } }";
const EXAMPLE: &str = r#"mutation {
    placeShopOrder(input: { user: 4, product: 1, quantity: 2, date: "2023-11-28" }) { user { id } date }
}"#;

const PEOPLE: DemoPeople = DemoPeople {
    ada: 1,
    ben: 2,
    cleo: 3,
    dan: 4,
    admin: 0,
};

#[tokio::test]
async fn the_sample_is_three_products_and_three_orders_once() {
    let shop = ShopDomain::new().await;
    for _ in 0..2 {
        shop::demo::seed(&shop.services, PEOPLE).await.unwrap();
    }
    let answer = shop.member(ADA).query(PRODUCTS, json!({})).await;
    let products = answer.all("products.nodes.*");
    assert_eq!(
        answer.all("products.nodes.*.id"),
        ["product_1", "product_2", "product_3"]
    );
    // At least as many as the example of the document needs.
    assert!(products.iter().all(|product| product["available"].as_i64() >= Some(10)));
    for (person, product, quantity) in [(3, "1", 2), (4, "2", 1), (1, "3", 1)] {
        assert_eq!(shop.ordered(person, product).await, quantity);
    }
}

#[tokio::test]
async fn the_documents_example_order_works_on_the_sample() {
    let shop = ShopDomain::new().await;
    shop::demo::seed(&shop.services, PEOPLE).await.unwrap();
    let placed = shop.admin().query(EXAMPLE, json!({})).await;
    let order = json!({ "user": { "id": "user_4" }, "date": "2023-11-28" });
    assert_eq!(placed, json!({ "data": { "placeShopOrder": order } }));
}

#[tokio::test]
async fn a_shop_that_has_a_product_gets_no_sample() {
    let shop = ShopDomain::with_mugs(2).await;
    shop::demo::seed(&shop.services, PEOPLE).await.unwrap();
    let second = shop.member(BEN).query("{ product(id: 2) { id } }", json!({})).await;
    assert_eq!(second, json!({ "data": { "product": null } }));
    assert_eq!(shop.ordered(3, "1").await, 0);
}
