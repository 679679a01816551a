//! `Idempotency-Key`: the same key with the same request has one effect and one response.

use axum::body::Body;

use crate::app::{RestApp, said};

#[tokio::test]
async fn one_key_buys_one_book() {
    let app = RestApp::open().await;
    let key = [("idempotency-key", "k1")];
    let first = app.send("POST /bookstore/purchase/3", &key, Body::empty()).await;
    assert_eq!(app.call("POST /bookstore/purchase/3").await.status, 200);
    let again = app.send("POST /bookstore/order/purchase/3", &key, Body::empty()).await;
    assert_eq!(again.line(), first.line(), "the same key with the same purchase");
    let other = app.send("POST /bookstore/purchase/4", &key, Body::empty()).await;
    assert_eq!(
        other.line(),
        said(422, "this idempotency key was used for another request")
    );
    assert_eq!(
        (app.quantity(3).await, app.quantity(4).await, app.sales().await),
        (8, 10, 2)
    );
    app.call("DELETE /bookstore/catalog/books/3").await;
    let gone = app.send("POST /bookstore/purchase/3", &key, Body::empty()).await;
    assert_eq!(gone.line(), first.line(), "the first answer, though the book is gone");
}

#[tokio::test]
async fn a_refused_purchase_leaves_its_key_unused() {
    let app = RestApp::open().await;
    let key = [("idempotency-key", "k1")];
    assert_eq!(
        app.send("POST /bookstore/purchase/99", &key, Body::empty())
            .await
            .status,
        404
    );
    assert_eq!(
        app.send("POST /bookstore/purchase/1", &key, Body::empty()).await.status,
        200
    );
    let key = |value| ("idempotency-key", value);
    let long = "x".repeat(256);
    for bad in [&[key("")][..], &[key(" ")], &[key(&long)], &[key("a"), key("b")]] {
        let answered = app.send("POST /bookstore/purchase/1", bad, Body::empty()).await;
        assert_eq!(answered.status, 400);
        assert!(
            answered.json()["error"]
                .as_str()
                .unwrap()
                .starts_with("Idempotency-Key must")
        );
    }
}

#[tokio::test]
async fn one_key_adds_one_book() {
    let app = RestApp::open().await;
    let key = [("idempotency-key", "k1")];
    let line = "POST /bookstore/catalog/books";
    let book = r#"{"title":"T","topic":"t","quantity":3,"price":1}"#;
    let first = app.send(line, &key, book).await;
    assert_eq!(first.status, 201);
    app.json("PUT /bookstore/catalog/books/8", r#"{"quantity":2}"#).await;
    let again = app.send(line, &key, book).await;
    assert_eq!(
        (again.line(), again.header("location")),
        (first.line(), "/bookstore/catalog/books/8")
    );
    let other = app
        .send(line, &key, r#"{"title":"T","topic":"t","quantity":3,"price":2}"#)
        .await;
    assert_eq!(other.status, 422);
    assert_eq!(app.books().await, 8);
}
