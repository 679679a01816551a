//! The subscription `productChanged`.

use contract::Event;
use futures_util::stream::StreamExt;
use serde_json::json;
use testing::{Answer, received_events};

use crate::support::{ADA, BEN, ShopDomain, UPDATE_PRODUCT, member};

const ALL: &str = "subscription { productChanged { id available } }";
const SOME: &str = "subscription($ids: [ID!]!) { productChanged(ids: $ids) { id available } }";

fn changed(id: &str, available: i64) -> Answer {
    let id = format!("product_{id}");
    Answer::new(json!({ "data": { "productChanged": { "id": id, "available": available } } }))
}

#[tokio::test]
async fn shows_a_product_after_each_order_change_deletion_and_update() {
    let shop = ShopDomain::with_mugs(10).await;
    let mut changes = shop.anonymous().subscribe(ALL, json!({})).await;
    let id = shop.placed(ADA, "1", 3).await;
    assert_eq!(changes.next().await, Some(changed("1", 7)));
    shop.update(&member(ADA), &id, &json!({ "quantity": 5 })).await;
    assert_eq!(changes.next().await, Some(changed("1", 5)));
    shop.delete(&member(ADA), &id).await;
    assert_eq!(changes.next().await, Some(changed("1", 10)));
    let restock = json!({ "id": 1, "input": { "available": 2 } });
    shop.admin().query(UPDATE_PRODUCT, restock).await;
    assert_eq!(changes.next().await, Some(changed("1", 2)));
    shop.add("Bowl", "3", 4).await;
    assert_eq!(changes.next().await, Some(changed("2", 4)));
}

#[tokio::test]
async fn shows_both_products_that_an_order_moves_between() {
    let shop = ShopDomain::with_mugs(10).await;
    shop.add("Bowl", "3", 5).await;
    let id = shop.placed(ADA, "1", 4).await;
    let mut changes = shop.member(BEN).subscribe(ALL, json!({})).await;
    shop.update(&member(ADA), &id, &json!({ "product": 2 })).await;
    let mut seen = [changes.next().await.unwrap(), changes.next().await.unwrap()];
    seen.sort_by_key(|change| change["data"]["productChanged"]["id"].to_string());
    assert_eq!(seen, [changed("1", 10), changed("2", 1)]);
}

#[tokio::test]
async fn shows_only_the_products_that_were_named() {
    let shop = ShopDomain::with_mugs(10).await;
    shop.add("Bowl", "3", 5).await;
    let mut changes = shop.member(BEN).subscribe(SOME, json!({ "ids": ["2", "x"] })).await;
    shop.placed(ADA, "1", 1).await;
    shop.placed(ADA, "2", 1).await;
    assert_eq!(changes.next().await, Some(changed("2", 4)));
}

#[tokio::test]
async fn an_order_change_without_effect_on_a_product_is_not_sent() {
    let shop = ShopDomain::with_mugs(10).await;
    let id = shop.placed(ADA, "1", 3).await;
    let mut changes = shop.member(BEN).subscribe(ALL, json!({})).await;
    shop.update(&member(ADA), &id, &json!({ "date": "2026-03-01" })).await;
    shop.update(&member(ADA), &id, &json!({ "quantity": 3, "product": 1 }))
        .await;
    shop.place(&member(ADA), "1", 99).await;
    shop.placed(ADA, "1", 1).await;
    assert_eq!(changes.next().await, Some(changed("1", 6)));
}

#[tokio::test]
async fn a_subscriber_with_lost_events_sees_every_changed_product() {
    const PRODUCTS: usize = 150;
    let shop = ShopDomain::with_bus(2).await;
    shop.add("first", "1", 100).await;
    let mut changes = shop.member(BEN).subscribe(ALL, json!({})).await;
    for number in 0..PRODUCTS {
        shop.add(&format!("product {number}"), "1", 9).await;
    }
    shop.placed(ADA, "7", 2).await;
    let mut seen = std::collections::BTreeMap::new();
    // Product 1 changed last before the subscription began, so it may be sent once more. The others must be sent.
    while !(2..=PRODUCTS + 1).all(|id| seen.contains_key(&format!("product_{id}"))) {
        let product = changes.next().await.unwrap().at("productChanged").clone();
        let id = product["id"].as_str().unwrap().to_owned();
        assert_eq!(
            seen.insert(id, product["available"].clone()),
            None,
            "shown twice: {product}"
        );
    }
    assert_eq!(seen["product_7"], 7);
}

#[tokio::test]
async fn a_subscription_names_at_most_a_hundred_products() {
    let shop = ShopDomain::new().await;
    let answers = shop.member(ADA).subscribe(SOME, json!({ "ids": vec!["1"; 101] })).await;
    let answers: Vec<Answer> = answers.collect().await;
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].code(), "INVALID_INPUT");
}

#[tokio::test]
async fn an_order_is_announced_to_its_owner_with_rising_versions() {
    let shop = ShopDomain::with_mugs(10).await;
    let mut events = shop.services.bus.subscribe();
    received_events(&mut events);
    let id = shop.placed(ADA, "1", 3).await;
    shop.update(&member(ADA), &id, &json!({ "date": "2026-03-01" })).await;
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
    let wanted = [1, 2, 3].map(|version| ("shop_order_1".to_owned(), version, ada.clone()));
    assert_eq!(of_orders.collect::<Vec<_>>(), wanted);
}
