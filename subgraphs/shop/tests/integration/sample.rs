//! The sample data.

use serde_json::json;

use crate::support::{ADA, BEN, ShopDomain, admin, code, member};

const PEOPLE: shop::demo::People = shop::demo::People {
    ada: 1,
    cleo: 3,
    dan: 4,
};

#[tokio::test]
async fn the_sample_is_three_products_and_three_orders_once() {
    let shop = ShopDomain::new().await;
    for _ in 0..2 {
        shop::demo::seed(&shop.services, PEOPLE).await.unwrap();
    }
    let answer = shop.ask(&member(ADA), "{ products { nodes { id available } } }").await;
    let products = answer["data"]["products"]["nodes"].as_array().unwrap();
    let ids: Vec<_> = products.iter().map(|product| &product["id"]).collect();
    assert_eq!(ids, ["1", "2", "3"]);
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
    let document = r#"mutation { placeShopOrder(input: { user: 4, product: 1, quantity: 2, date: "2023-11-28" }) {
        user { id } date } }"#;
    let placed = shop.ask(&admin(), document).await;
    assert_eq!(
        placed["data"]["placeShopOrder"],
        json!({ "user": { "id": "4" }, "date": "2023-11-28" })
    );
}

#[tokio::test]
async fn a_shop_that_has_a_product_gets_no_sample() {
    let shop = ShopDomain::with_mugs(2).await;
    shop::demo::seed(&shop.services, PEOPLE).await.unwrap();
    let second = shop.ask(&member(BEN), "{ product(id: 2) { id } }").await;
    assert_eq!((code(&second), &second["data"]["product"]), ("OK", &json!(null)));
    assert_eq!(shop.ordered(3, "1").await, 0);
}
