//! The two failure cases that the bookstore's document describes must not happen.

use futures_util::future::join_all;
use serde_json::json;
use tests::{HttpClient, TestApp};

const BUYERS: usize = 50;

const PURCHASE: &str = "mutation($id: ID!) { purchaseBook(id: $id) { id } }";
const ADD: &str = "mutation($input: BookInput!) { addBook(input: $input) { id } }";

/// The outcome of a purchase, through REST or GraphQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purchase {
    Sold,
    OutOfStock,
    NoSuchBook,
}

/// Buys through REST and GraphQL in turn.
async fn buy(buyer: &HttpClient, turn: usize, book: &str) -> Purchase {
    if turn.is_multiple_of(2) {
        let response = buyer.post(&format!("/bookstore/purchase/{book}"), json!({})).await;
        return match response.status {
            200 => Purchase::Sold,
            409 => Purchase::OutOfStock,
            404 => Purchase::NoSuchBook,
            _ => panic!("{response:?}"),
        };
    }
    let answer = buyer.query(PURCHASE, json!({ "id": book })).await;
    match answer.code() {
        "OK" => Purchase::Sold,
        "INSUFFICIENT_STOCK" => Purchase::OutOfStock,
        "NOT_FOUND" => Purchase::NoSuchBook,
        _ => panic!("{answer}"),
    }
}

async fn add_book(admin: &HttpClient, quantity: u32) -> String {
    let input = json!({
        "title": "A race", "topic": "races", "quantity": quantity,
        "price": { "amount": "12.50", "currency": "USD" },
    });
    let added = admin.query(ADD, json!({ "input": input })).await;
    added.id("addBook.id").to_string()
}

async fn orders_of(admin: &HttpClient, book: &str) -> usize {
    let orders = admin.get("/bookstore/order/orders").await;
    assert_eq!(orders.status, 200);
    orders
        .body
        .as_array()
        .expect("what was asked for")
        .iter()
        .filter(|order| order["bookId"].as_i64() == book.parse().ok())
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_buyers_of_the_last_copy_make_one_sale() {
    let app = TestApp::new().await;
    let admin = app.signed_in("admin").await;
    let cleo = app.signed_in("cleo").await;
    let book = add_book(&admin, 1).await;

    let outcomes = join_all((0..BUYERS).map(|turn| buy(&cleo, turn, &book))).await;

    let sold = outcomes.iter().filter(|outcome| **outcome == Purchase::Sold).count();
    let refused = outcomes
        .iter()
        .filter(|outcome| **outcome == Purchase::OutOfStock)
        .count();
    assert_eq!((sold, refused), (1, BUYERS - 1));
    assert_eq!(cleo.get(&format!("/bookstore/info/{book}")).await.body["quantity"], 0);
    assert_eq!(orders_of(&admin, &book).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_deleted_during_sales_has_one_order_per_copy_sold() {
    let app = TestApp::new().await;
    let admin = app.signed_in("admin").await;
    let cleo = app.signed_in("cleo").await;
    let book = add_book(&admin, 1_000).await;

    let deletion = async {
        let deleted = admin.delete(&format!("/bookstore/catalog/books/{book}")).await;
        assert_eq!(deleted.status, 200, "{deleted:?}");
        // No sale can begin after this point.
        assert_eq!(buy(&cleo, 0, &book).await, Purchase::NoSuchBook);
        orders_of(&admin, &book).await
    };
    let half = BUYERS / 2;
    let (before, orders_at_deletion, after) = tokio::join!(
        join_all((0..half).map(|turn| buy(&cleo, turn, &book))),
        deletion,
        join_all((half..BUYERS).map(|turn| buy(&cleo, turn, &book))),
    );

    let outcomes: Vec<_> = before.into_iter().chain(after).collect();
    assert!(!outcomes.contains(&Purchase::OutOfStock));
    let sold = outcomes.iter().filter(|outcome| **outcome == Purchase::Sold).count();
    assert_eq!(orders_of(&admin, &book).await, sold);
    assert_eq!(orders_at_deletion, sold, "a book was sold after its deletion");
    assert_eq!(admin.get(&format!("/bookstore/info/{book}")).await.status, 404);
}
