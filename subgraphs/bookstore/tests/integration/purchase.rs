//! Sales: one copy at a time, and never more than the copies in stock.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{BookstoreDomain, admin, code, member, service};

const BUY: &str = "mutation { purchaseBook(id: 1) { id } }";

/// Returns the copies left of book 1 and the number of purchases.
async fn stock_and_sales(store: &BookstoreDomain) -> (Value, usize) {
    let seen = store
        .ask(
            &admin(),
            "{ book(id: 1) { quantity } bookPurchases(first: 100) { nodes { bookId } } }",
        )
        .await;
    let sales = seen["data"]["bookPurchases"]["nodes"].as_array().unwrap().len();
    (seen["data"]["book"]["quantity"].clone(), sales)
}

/// Returns the error codes of fifty people who buy book 1 at once while `meanwhile` runs.
async fn fifty_buy(store: &Arc<BookstoreDomain>, meanwhile: Option<&'static str>) -> Vec<String> {
    let buyers = (0..50).map(|id| (member(100 + id), BUY));
    let others = meanwhile.map(|document| (admin(), document));
    // The other request goes into the middle of the buyers.
    let mut all: Vec<_> = buyers.collect();
    if let Some(other) = others {
        all.insert(25, other);
    }
    let answers = join_all(all.into_iter().map(|(viewer, document)| {
        let store = store.clone();
        tokio::spawn(async move { (document, store.ask(&viewer, document).await) })
    }))
    .await;
    let answers = answers.into_iter().map(Result::unwrap);
    answers
        .filter(|(document, _)| *document == BUY)
        .map(|(_, answer)| code(&answer).to_owned())
        .collect()
}

fn count(codes: &[String], wanted: &str) -> usize {
    codes.iter().filter(|code| *code == wanted).count()
}

#[tokio::test]
async fn a_sold_copy_leaves_the_shelf_and_is_recorded() {
    let store = BookstoreDomain::with_copies(3).await;
    let sold = store
        .ask(
            &member(7),
            "mutation { purchaseBook(id: 1) { id bookId title price quantityAfter at buyer { id } book { id quantity } } }",
        )
        .await;
    assert_eq!(
        sold,
        json!({ "data": { "purchaseBook": {
            "id": "1", "bookId": "1", "title": "Dune", "price": { "amount": "9.99", "currency": "USD" },
            "quantityAfter": 2, "at": "2026-01-01T00:00:00+00:00", "buyer": { "id": "7" },
            "book": { "id": "1", "quantity": 2 },
        } } })
    );
    assert_eq!(stock_and_sales(&store).await, (json!(2), 1));
}

#[tokio::test]
async fn a_purchase_by_a_service_has_no_buyer() {
    let store = BookstoreDomain::with_copies(1).await;
    let sold = store
        .ask(
            &service(),
            "mutation { purchaseBook(id: 1) { buyer { id } quantityAfter } }",
        )
        .await;
    assert_eq!(
        sold["data"]["purchaseBook"],
        json!({ "buyer": null, "quantityAfter": 0 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_buyers_of_the_last_copy_make_one_sale() {
    let store = Arc::new(BookstoreDomain::with_copies(1).await);
    let codes = fifty_buy(&store, None).await;
    assert_eq!((count(&codes, "OK"), count(&codes, "INSUFFICIENT_STOCK")), (1, 49));
    assert_eq!(stock_and_sales(&store).await, (json!(0), 1));
    let refused = store.ask(&member(7), BUY).await;
    assert_eq!(refused["errors"][0]["message"], "book out of stock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_deleted_while_fifty_buy_it_is_sold_only_before() {
    let store = Arc::new(BookstoreDomain::with_copies(1_000).await);
    let codes = fifty_buy(&store, Some("mutation { deleteBook(id: 1) }")).await;
    let (sold, too_late) = (count(&codes, "OK"), count(&codes, "NOT_FOUND"));
    assert_eq!(sold + too_late, 50, "{codes:?}");
    assert_eq!(stock_and_sales(&store).await, (Value::Null, sold));
    let after = store
        .ask(
            &admin(),
            "{ bookPurchases(last: 1) { nodes { quantityAfter book { id } } } }",
        )
        .await;
    if sold > 0 {
        let last = json!({ "quantityAfter": 1_000 - sold, "book": null });
        assert_eq!(after["data"]["bookPurchases"]["nodes"], json!([last]));
    }
    assert_eq!(code(&store.ask(&member(7), BUY).await), "NOT_FOUND");
}

#[tokio::test]
async fn a_missing_or_sold_out_book_is_not_sold() {
    let store = BookstoreDomain::with_copies(0).await;
    for (id, wanted) in [
        ("1", "INSUFFICIENT_STOCK"),
        ("2", "NOT_FOUND"),
        (r#""one""#, "NOT_FOUND"),
        (r#""01""#, "NOT_FOUND"),
        ("-1", "NOT_FOUND"),
        (r#""9223372036854775808""#, "NOT_FOUND"),
    ] {
        let answer = store
            .ask(&member(7), &format!("mutation {{ purchaseBook(id: {id}) {{ id }} }}"))
            .await;
        assert_eq!(code(&answer), wanted, "{id}");
    }
    assert_eq!(stock_and_sales(&store).await, (json!(0), 0));
}

#[tokio::test]
async fn a_purchase_keeps_its_title_and_price_after_book_changes() {
    let store = BookstoreDomain::with_copies(3).await;
    store.ask(&member(7), BUY).await;
    let patch = r#"{ title: "Dune Messiah", price: { amount: "12", currency: "USD" } }"#;
    store
        .ask(
            &admin(),
            &format!("mutation {{ updateBook(id: 1, input: {patch}) {{ id }} }}"),
        )
        .await;
    let purchase = "{ bookPurchase(id: 1) { title price book { title } } }";
    let paid = json!({ "amount": "9.99", "currency": "USD" });
    assert_eq!(
        store.ask(&member(7), purchase).await["data"]["bookPurchase"],
        json!({ "title": "Dune", "price": paid, "book": { "title": "Dune Messiah" } })
    );
    store.ask(&admin(), "mutation { deleteBook(id: 1) }").await;
    assert_eq!(
        store.ask(&member(7), purchase).await["data"]["bookPurchase"],
        json!({ "title": "Dune", "price": paid, "book": null })
    );
}

#[tokio::test]
async fn the_same_key_buys_once_and_repeats_its_response() {
    let store = BookstoreDomain::with_copies(3).await;
    let buy = r#"mutation { purchaseBook(id: 1, idempotencyKey: "k") { id title price quantityAfter } }"#;
    let first = store.ask(&member(7), buy).await;
    assert_eq!(code(&first), "OK");
    store.ask(&member(8), BUY).await;
    assert_eq!(store.ask(&member(7), buy).await, first);
    assert_eq!(stock_and_sales(&store).await, (json!(1), 2));
    // A key belongs to one person: another person's equal key is a different one.
    assert_ne!(store.ask(&member(9), buy).await, first);
    store.ask(&admin(), "mutation { deleteBook(id: 1) }").await;
    assert_eq!(store.ask(&member(7), buy).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_with_one_key_buy_once() {
    let store = Arc::new(BookstoreDomain::with_copies(100).await);
    let buy = r#"mutation { purchaseBook(id: 1, idempotencyKey: "k") { id quantityAfter } }"#;
    let answers = join_all((0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.ask(&member(7), buy).await })
    }))
    .await;
    for answer in answers {
        assert_eq!(
            answer.unwrap()["data"]["purchaseBook"],
            json!({ "id": "1", "quantityAfter": 99 })
        );
    }
    assert_eq!(stock_and_sales(&store).await, (json!(99), 1));
}

#[tokio::test]
async fn a_key_fits_one_request_and_a_refusal_leaves_it_unused() {
    let store = BookstoreDomain::with_copies(0).await;
    store.add("Emma", "novels", 5).await;
    let buy = |id: u8| format!(r#"mutation {{ purchaseBook(id: {id}, idempotencyKey: "k") {{ id }} }}"#);
    assert_eq!(code(&store.ask(&member(7), &buy(1)).await), "INSUFFICIENT_STOCK");
    assert_eq!(code(&store.ask(&member(7), &buy(2)).await), "OK");
    assert_eq!(code(&store.ask(&member(7), &buy(1)).await), "IDEMPOTENCY_MISMATCH");
    let blank = r#"mutation { purchaseBook(id: 2, idempotencyKey: " ") { id } }"#;
    assert_eq!(code(&store.ask(&member(7), blank).await), "INVALID_INPUT");
    assert_eq!(stock_and_sales(&store).await, (json!(0), 1));
}
