//! The subscription `productChanged`.

use contract::Event;
use futures_util::stream::StreamExt;
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{ADA, BEN, ShopDomain, admin, code, member};

const ALL: &str = "subscription { productChanged { id available } }";

fn changed(id: &str, available: i64) -> Value {
    json!({ "data": { "productChanged": { "id": id, "available": available } } })
}

#[tokio::test]
async fn shows_a_product_after_each_order_change_deletion_and_update() {
    let shop = ShopDomain::with_mugs(10).await;
    let mut changes = shop.watch(&contract::Viewer::Anonymous, ALL).await;
    let id = shop.placed(ADA, "1", 3).await;
    assert_eq!(changes.next().await, Some(changed("1", 7)));
    shop.update(&member(ADA), &id, "quantity: 5").await;
    assert_eq!(changes.next().await, Some(changed("1", 5)));
    shop.delete(&member(ADA), &id).await;
    assert_eq!(changes.next().await, Some(changed("1", 10)));
    shop.ask(
        &admin(),
        "mutation { updateProduct(id: 1, input: { available: 2 }) { id } }",
    )
    .await;
    assert_eq!(changes.next().await, Some(changed("1", 2)));
    shop.add("Bowl", "3", 4).await;
    assert_eq!(changes.next().await, Some(changed("2", 4)));
}

#[tokio::test]
async fn shows_both_products_that_an_order_moves_between() {
    let shop = ShopDomain::with_mugs(10).await;
    shop.add("Bowl", "3", 5).await;
    let id = shop.placed(ADA, "1", 4).await;
    let mut changes = shop.watch(&member(BEN), ALL).await;
    shop.update(&member(ADA), &id, "product: 2").await;
    let mut seen = [changes.next().await.unwrap(), changes.next().await.unwrap()];
    seen.sort_by_key(|change| change["data"]["productChanged"]["id"].to_string());
    assert_eq!(seen, [changed("1", 10), changed("2", 1)]);
}

#[tokio::test]
async fn shows_only_the_products_that_were_named() {
    let shop = ShopDomain::with_mugs(10).await;
    shop.add("Bowl", "3", 5).await;
    let document = r#"subscription { productChanged(ids: ["2", "x"]) { id available } }"#;
    let mut changes = shop.watch(&member(BEN), document).await;
    shop.placed(ADA, "1", 1).await;
    shop.placed(ADA, "2", 1).await;
    assert_eq!(changes.next().await, Some(changed("2", 4)));
}

#[tokio::test]
async fn an_order_change_without_effect_on_a_product_is_not_sent() {
    let shop = ShopDomain::with_mugs(10).await;
    let id = shop.placed(ADA, "1", 3).await;
    let mut changes = shop.watch(&member(BEN), ALL).await;
    shop.update(&member(ADA), &id, r#"date: "2026-03-01""#).await;
    shop.update(&member(ADA), &id, "quantity: 3, product: 1").await;
    shop.place(&member(ADA), "1", 99).await;
    shop.placed(ADA, "1", 1).await;
    assert_eq!(changes.next().await, Some(changed("1", 6)));
}

#[tokio::test]
async fn a_subscriber_with_lost_events_sees_every_changed_product() {
    const PRODUCTS: usize = 150;
    let shop = ShopDomain::with_bus(2).await;
    shop.add("first", "1", 100).await;
    let mut changes = shop.watch(&member(BEN), ALL).await;
    for number in 0..PRODUCTS {
        shop.add(&format!("product {number}"), "1", 9).await;
    }
    shop.placed(ADA, "7", 2).await;
    let mut seen = std::collections::BTreeMap::new();
    // Product 1 changed last before the subscription began, so it may be sent once more. The others must be sent.
    while !(2..=PRODUCTS + 1).all(|id| seen.contains_key(&id.to_string())) {
        let product = changes.next().await.unwrap()["data"]["productChanged"].clone();
        let id = product["id"].as_str().unwrap().to_owned();
        assert_eq!(
            seen.insert(id, product["available"].clone()),
            None,
            "shown twice: {product}"
        );
    }
    assert_eq!(seen["7"], 7);
}

#[tokio::test]
async fn a_subscription_names_at_most_a_hundred_products() {
    let shop = ShopDomain::new().await;
    let ids = vec!["1"; 101].join(", ");
    let document = format!("subscription {{ productChanged(ids: [{ids}]) {{ id }} }}");
    let answers: Vec<Value> = shop.subscribe(&member(ADA), &document).collect().await;
    assert_eq!(answers.len(), 1);
    assert_eq!(code(&answers[0]), "INVALID_INPUT");
}

#[tokio::test]
async fn an_order_is_announced_to_its_owner_with_rising_versions() {
    let shop = ShopDomain::with_mugs(10).await;
    let mut events = shop.services.bus.subscribe();
    received_events(&mut events);
    let id = shop.placed(ADA, "1", 3).await;
    shop.update(&member(ADA), &id, r#"date: "2026-03-01""#).await;
    shop.delete(&member(ADA), &id).await;
    let of_orders = received_events(&mut events)
        .into_iter()
        .filter_map(|event| match event {
            Event::Invalidated {
                typename: "ShopOrder",
                key,
                version,
                audience,
            } => Some((key, version, audience)),
            _ => None,
        });
    let ada = contract::Audience::Users(vec![ADA]);
    let wanted = [1, 2, 3].map(|version| ("1".to_owned(), version, ada.clone()));
    assert_eq!(of_orders.collect::<Vec<_>>(), wanted);
}
