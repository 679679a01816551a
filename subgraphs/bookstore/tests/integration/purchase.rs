//! Sales: one copy at a time, and never more than the copies in stock.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{BUY, BookstoreDomain, DELETE, UPDATE, usd};

const STOCK: &str = "{ book(id: 1) { quantity } bookPurchases(first: 100) { nodes { bookId } } }";
const BUY_AND_READ: &str = "mutation {
    purchaseBook(id: 1) { id bookId title price quantityAfter at buyer { id } book { id quantity } }
}";
const BUY_WITHOUT_BUYER: &str = "mutation { purchaseBook(id: 1) { buyer { id } quantityAfter } }";
const LAST_SALE: &str = "{ bookPurchases(last: 1) { nodes { quantityAfter book { id } } } }";
const SALE: &str = "{ bookPurchase(id: 1) { title price book { title } } }";

/// Returns the copies left of book 1 and the number of purchases.
async fn stock_and_sales(store: &BookstoreDomain) -> (Value, usize) {
    let seen = store.admin().query(STOCK, json!({})).await;
    let sales = seen.all("bookPurchases.nodes.*").len();
    (seen["data"]["book"]["quantity"].clone(), sales)
}

/// Returns the error codes of fifty people who buy book 1 at once while `meanwhile` runs.
async fn fifty_buy(store: &Arc<BookstoreDomain>, meanwhile: Option<&'static str>) -> Vec<String> {
    let buyers = (0..50).map(|id| (store.member(100 + id), BUY));
    let others = meanwhile.map(|document| (store.admin(), document));
    // The other request goes into the middle of the buyers.
    let mut all: Vec<_> = buyers.collect();
    if let Some(other) = others {
        all.insert(25, other);
    }
    let answers = join_all(all.into_iter().map(|(client, document)| {
        tokio::spawn(async move { (document, client.query(document, json!({ "id": 1 })).await) })
    }))
    .await;
    let answers = answers.into_iter().map(Result::unwrap);
    answers
        .filter(|(document, _)| *document == BUY)
        .map(|(_, answer)| answer.code().to_owned())
        .collect()
}

fn count(codes: &[String], wanted: &str) -> usize {
    codes.iter().filter(|code| *code == wanted).count()
}

#[tokio::test]
async fn a_sold_copy_leaves_the_shelf_and_is_recorded() {
    let store = BookstoreDomain::with_copies(3).await;
    let sold = store.member(7).query(BUY_AND_READ, json!({})).await;
    assert_eq!(
        sold,
        json!({ "data": { "purchaseBook": {
            "id": "book_purchase_1", "bookId": "book_1", "title": "Dune", "price": { "amount": "9.99", "currency": "USD" },
            "quantityAfter": 2, "at": "2026-01-01T00:00:00+00:00", "buyer": { "id": "user_7" },
            "book": { "id": "book_1", "quantity": 2 },
        } } })
    );
    assert_eq!(stock_and_sales(&store).await, (json!(2), 1));
}

#[tokio::test]
async fn a_purchase_by_a_service_has_no_buyer() {
    let store = BookstoreDomain::with_copies(1).await;
    let sold = store.service().query(BUY_WITHOUT_BUYER, json!({})).await;
    let purchase = json!({ "buyer": null, "quantityAfter": 0 });
    assert_eq!(sold, json!({ "data": { "purchaseBook": purchase } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_buyers_of_the_last_copy_make_one_sale() {
    let store = Arc::new(BookstoreDomain::with_copies(1).await);
    let codes = fifty_buy(&store, None).await;
    assert_eq!((count(&codes, "OK"), count(&codes, "INSUFFICIENT_STOCK")), (1, 49));
    assert_eq!(stock_and_sales(&store).await, (json!(0), 1));
    let refused = store.member(7).query(BUY, json!({ "id": 1 })).await;
    assert_eq!(refused.message(), "book out of stock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_deleted_while_fifty_buy_it_is_sold_only_before() {
    let store = Arc::new(BookstoreDomain::with_copies(1_000).await);
    let codes = fifty_buy(&store, Some(DELETE)).await;
    let (sold, too_late) = (count(&codes, "OK"), count(&codes, "NOT_FOUND"));
    assert_eq!(sold + too_late, 50, "{codes:?}");
    assert_eq!(stock_and_sales(&store).await, (Value::Null, sold));
    let after = store.admin().query(LAST_SALE, json!({})).await;
    if sold > 0 {
        let last = json!({ "quantityAfter": 1_000 - sold, "book": null });
        assert_eq!(after["data"]["bookPurchases"]["nodes"], json!([last]));
    }
    assert_eq!(store.member(7).query(BUY, json!({ "id": 1 })).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn a_missing_or_sold_out_book_is_not_sold() {
    let store = BookstoreDomain::with_copies(0).await;
    for (id, wanted) in [
        (json!(1), "INSUFFICIENT_STOCK"),
        (json!(2), "NOT_FOUND"),
        (json!("one"), "NOT_FOUND"),
        (json!("01"), "NOT_FOUND"),
        (json!(-1), "NOT_FOUND"),
        (json!("9223372036854775808"), "NOT_FOUND"),
    ] {
        let answer = store.member(7).query(BUY, json!({ "id": id })).await;
        assert_eq!(answer.code(), wanted, "{id}");
    }
    assert_eq!(stock_and_sales(&store).await, (json!(0), 0));
}

#[tokio::test]
async fn a_purchase_keeps_its_title_and_price_after_book_changes() {
    let store = BookstoreDomain::with_copies(3).await;
    store.member(7).query(BUY, json!({ "id": 1 })).await;
    let patch = json!({ "title": "Dune Messiah", "price": usd("12") });
    store.admin().query(UPDATE, json!({ "id": 1, "input": patch })).await;
    assert_eq!(
        store.member(7).query(SALE, json!({})).await.at("bookPurchase"),
        &json!({ "title": "Dune", "price": usd("9.99"), "book": { "title": "Dune Messiah" } })
    );
    store.admin().query(DELETE, json!({ "id": 1 })).await;
    assert_eq!(
        store.member(7).query(SALE, json!({})).await.at("bookPurchase"),
        &json!({ "title": "Dune", "price": usd("9.99"), "book": null })
    );
}

#[tokio::test]
async fn the_same_key_buys_once_and_repeats_its_response() {
    let store = BookstoreDomain::with_copies(3).await;
    let keyed = json!({ "id": 1, "key": "k" });
    let first = store.member(7).query(BUY, keyed.clone()).await;
    assert_eq!(first.code(), "OK");
    store.member(8).query(BUY, json!({ "id": 1 })).await;
    assert_eq!(store.member(7).query(BUY, keyed.clone()).await, first);
    assert_eq!(stock_and_sales(&store).await, (json!(1), 2));
    // A key belongs to one person: another person's equal key is a different one.
    assert_ne!(store.member(9).query(BUY, keyed.clone()).await, first);
    store.admin().query(DELETE, json!({ "id": 1 })).await;
    assert_eq!(store.member(7).query(BUY, keyed.clone()).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_with_one_key_buy_once() {
    const BUY_WITH_KEY: &str = r#"mutation { purchaseBook(id: 1, idempotencyKey: "k") { id quantityAfter } }"#;
    let store = BookstoreDomain::with_copies(100).await;
    let answers = join_all((0..50).map(|_| {
        let buyer = store.member(7);
        tokio::spawn(async move { buyer.query(BUY_WITH_KEY, json!({})).await })
    }))
    .await;
    for answer in answers {
        assert_eq!(
            answer.unwrap().at("purchaseBook"),
            &json!({ "id": "book_purchase_1", "quantityAfter": 99 })
        );
    }
    assert_eq!(stock_and_sales(&store).await, (json!(99), 1));
}

#[tokio::test]
async fn a_key_fits_one_request_and_a_refusal_leaves_it_unused() {
    let store = BookstoreDomain::with_copies(0).await;
    store.add("Emma", "novels", 5).await;
    for (id, key, wanted) in [
        (1, "k", "INSUFFICIENT_STOCK"),
        (2, "k", "OK"),
        (1, "k", "IDEMPOTENCY_MISMATCH"),
        (2, " ", "INVALID_INPUT"),
    ] {
        let answer = store.member(7).query(BUY, json!({ "id": id, "key": key })).await;
        assert_eq!(answer.code(), wanted, "{id} {key:?}");
    }
    assert_eq!(stock_and_sales(&store).await, (json!(0), 1));
}

#[tokio::test]
async fn a_retry_with_the_other_spelling_of_an_id_is_the_same_request() {
    let store = BookstoreDomain::with_copies(3).await;
    let first = store.member(7).query(BUY, json!({ "id": "1", "key": "k" })).await;
    assert_eq!(first.code(), "OK");
    let again = store.member(7).query(BUY, json!({ "id": "book_1", "key": "k" })).await;
    assert_eq!(again, first);
}
