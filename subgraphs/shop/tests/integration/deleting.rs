//! Deleting orders releases their quantity exactly once.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{ADA, BEN, ShopDomain, member, service};

#[tokio::test]
async fn a_deleted_order_returns_its_quantity_once_and_is_gone() {
    let shop = ShopDomain::with_mugs(10).await;
    let id = shop.placed(ADA, "1", 4).await;
    let deleted = shop.delete(&member(ADA), &id).await;
    assert_eq!(deleted, json!({ "data": { "deleteShopOrder": true } }));
    for viewer in [member(ADA), service()] {
        assert_eq!(shop.delete(&viewer, &id).await.code(), "NOT_FOUND");
    }
    assert_eq!(shop.available("1").await, 10);
    let seen = shop.service().query("{ shopOrder(id: 1) { id } }", json!({})).await;
    assert_eq!(seen, json!({ "data": { "shopOrder": null } }));
}

#[tokio::test]
async fn the_number_of_a_deleted_order_is_never_used_again() {
    let shop = ShopDomain::with_mugs(10).await;
    let id = shop.placed(ADA, "1", 1).await;
    shop.delete(&member(ADA), &id).await;
    assert_eq!(shop.placed(BEN, "1", 1).await, "shop_order_2");
    assert_eq!(shop.delete(&member(BEN), &id).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn a_deleted_order_returns_its_current_quantity() {
    let shop = ShopDomain::with_mugs(10).await;
    shop.add("Bowl", "3", 5).await;
    let id = shop.placed(ADA, "1", 4).await;
    shop.update(&member(ADA), &id, &json!({ "product": 2, "quantity": 3 }))
        .await;
    shop.delete(&member(ADA), &id).await;
    assert_eq!((shop.available("1").await, shop.available("2").await), (10, 5));
}

#[tokio::test]
async fn an_invalid_id_finds_no_order() {
    let shop = ShopDomain::with_mugs(10).await;
    for id in ["7", "x", "", "01", "99999999999999999999"] {
        assert_eq!(shop.delete(&service(), id).await.code(), "NOT_FOUND", "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deletions_of_one_order_return_it_once() {
    let shop = Arc::new(ShopDomain::with_mugs(10).await);
    let id = shop.placed(ADA, "1", 4).await;
    let answers = join_all((0..50).map(|_| {
        let (shop, id) = (shop.clone(), id.clone());
        tokio::spawn(async move { shop.delete(&member(ADA), &id).await.code().to_owned() })
    }))
    .await;
    let codes: Vec<String> = answers.into_iter().map(Result::unwrap).collect();
    let count = |wanted: &str| codes.iter().filter(|code| *code == wanted).count();
    assert_eq!((count("OK"), count("NOT_FOUND")), (1, 49));
    assert_eq!(shop.available("1").await, 10);
}
