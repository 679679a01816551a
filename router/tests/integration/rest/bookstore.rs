//! The bookstore's REST routes, row by row of docs/rest-contract/bookstore.md.

use crate::app::{RestApp, said, send};
use axum::body::Body;

#[tokio::test]
async fn every_route_answers_as_documented() {
    let app = RestApp::open().await;
    let table = [
        (
            "GET /bookstore/search/undergraduate%20school",
            r#"200 [{"id":3,"title":"Xen and the Art of Surviving Undergraduate School"},{"id":4,"title":"Cooking for the Impatient Undergrad"}]"#,
        ),
        (
            "GET /bookstore/catalog/search/%20Distributed%20SYSTEMS%20",
            r#"200 [{"id":1,"title":"How to get a good grade in DOS in 40 minutes a day"},{"id":2,"title":"RPCs for Noobs"}]"#,
        ),
        ("GET /bookstore/search/undergraduate", "200 []"),
        (
            "GET /bookstore/info/4",
            r#"200 {"id":4,"title":"Cooking for the Impatient Undergrad","topic":"undergraduate school","quantity":10,"price":30}"#,
        ),
        (
            "GET /bookstore/catalog/info/2/",
            r#"200 {"id":2,"title":"RPCs for Noobs","topic":"distributed systems","quantity":10,"price":50}"#,
        ),
        (
            "GET /bookstore/catalog/books/2",
            r#"200 {"id":2,"title":"RPCs for Noobs","topic":"distributed systems","quantity":10,"price":50}"#,
        ),
        (
            "POST /bookstore/purchase/4",
            r#"200 {"success":true,"message":"bought book Cooking for the Impatient Undergrad","orderId":1,"order_id":1,"book":{"id":4,"title":"Cooking for the Impatient Undergrad","price":30,"quantity":9}}"#,
        ),
        (
            "POST /bookstore/order/purchase/4/",
            r#"200 {"success":true,"message":"bought book Cooking for the Impatient Undergrad","orderId":2,"order_id":2,"book":{"id":4,"title":"Cooking for the Impatient Undergrad","price":30,"quantity":8}}"#,
        ),
        (
            "GET /bookstore/order/orders",
            r#"200 [{"id":1,"bookId":4,"title":"Cooking for the Impatient Undergrad","book_title":"Cooking for the Impatient Undergrad","price":30,"status":"SUCCESS","created_at":"2026-01-02T03:04:05+00:00"},{"id":2,"bookId":4,"title":"Cooking for the Impatient Undergrad","book_title":"Cooking for the Impatient Undergrad","price":30,"status":"SUCCESS","created_at":"2026-01-02T03:04:05+00:00"}]"#,
        ),
        (
            "GET /bookstore/order/orders/1",
            r#"200 {"id":1,"bookId":4,"title":"Cooking for the Impatient Undergrad","book_title":"Cooking for the Impatient Undergrad","price":30,"status":"SUCCESS","created_at":"2026-01-02T03:04:05+00:00"}"#,
        ),
        ("GET /bookstore/health", r#"200 {"status":"ok"}"#),
        (
            "DELETE /bookstore/catalog/books/4",
            r#"200 {"success":true,"message":"book deleted"}"#,
        ),
        ("GET /bookstore/info/4", &said(404, "book not found")),
        (
            "GET /bookstore/order/orders/2",
            r#"200 {"id":2,"bookId":4,"title":"Cooking for the Impatient Undergrad","book_title":"Cooking for the Impatient Undergrad","price":30,"status":"SUCCESS","created_at":"2026-01-02T03:04:05+00:00"}"#,
        ),
    ];
    for (line, expected) in table {
        let answered = app.call(line).await;
        assert_eq!(answered.line(), expected, "{line}");
        assert_eq!(answered.header("content-type"), "application/json", "{line}");
    }
    let books = app.call("GET /bookstore/catalog/books").await.json();
    let ids: Vec<i64> = books
        .as_array()
        .unwrap()
        .iter()
        .map(|book| book["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, [1, 2, 3, 5, 6, 7]);
}

#[tokio::test]
async fn every_error_is_as_documented_and_changes_nothing() {
    let app = RestApp::open().await;
    let mut table = vec![
        (
            "GET /bookstore/search/%20".to_owned(),
            said(400, "topic must not be blank"),
        ),
        (
            "GET /bookstore/search/%ff".to_owned(),
            said(400, "topic must be percent-encoded UTF-8"),
        ),
        ("GET /bookstore/order/orders/1".to_owned(), said(404, "order not found")),
        (
            "GET /bookstore/order/orders/abc".to_owned(),
            said(404, "order not found"),
        ),
        ("GET /bookstore/nowhere".to_owned(), said(404, "there is no such path")),
        ("GET /bookstore".to_owned(), said(404, "there is no such path")),
        ("GET /bookstore/".to_owned(), said(404, "there is no such path")),
        ("GET /bookstore/info".to_owned(), said(404, "there is no such path")),
        ("GET /bookstore/info/1/2".to_owned(), said(404, "there is no such path")),
    ];
    for route in [
        "GET /bookstore/info/",
        "GET /bookstore/catalog/info/",
        "GET /bookstore/catalog/books/",
        "POST /bookstore/purchase/",
        "POST /bookstore/order/purchase/",
        "DELETE /bookstore/catalog/books/",
    ] {
        for id in ["abc", "0", "-1", "1.0", "1e0", "%31%20", "01", "true"] {
            table.push((format!("{route}{id}"), said(400, "invalid book id")));
        }
        for id in [
            "8",
            "9223372036854775807",
            "9223372036854775808",
            "99999999999999999999999",
        ] {
            table.push((format!("{route}{id}"), said(404, "book not found")));
        }
    }
    for (line, expected) in table {
        assert_eq!(app.call(&line).await.line(), expected, "{line}");
    }
    assert_eq!(app.sales().await, 0);
}

#[tokio::test]
async fn a_book_out_of_stock_is_not_sold() {
    let app = RestApp::open().await;
    assert_eq!(
        app.json("PUT /bookstore/catalog/books/5", r#"{"quantity":1}"#)
            .await
            .status,
        200
    );
    assert_eq!(app.call("POST /bookstore/purchase/5").await.status, 200);
    for line in ["POST /bookstore/purchase/5", "POST /bookstore/order/purchase/5"] {
        assert_eq!(app.call(line).await.line(), said(409, "book out of stock"));
    }
    assert_eq!((app.quantity(5).await, app.sales().await), (0, 1));
}

#[tokio::test]
async fn an_added_book_is_found_at_its_location() {
    let app = RestApp::open().await;
    let book =
        r#"{"title":" Consensus over Coffee ","topic":"distributed systems","quantity":3,"price":15.99,"isbn":[1]}"#;
    let added = app.json("POST /bookstore/catalog/books", book).await;
    let shown = r#"{"id":8,"title":"Consensus over Coffee","topic":"distributed systems","quantity":3,"price":15.99}"#;
    assert_eq!(added.line(), format!("201 {shown}"));
    assert_eq!(added.header("location"), "/bookstore/catalog/books/8");
    let found = app.call("GET /bookstore/catalog/books/8").await;
    assert_eq!(found.line(), format!("200 {shown}"));
}

#[tokio::test]
async fn an_invalid_book_is_not_added() {
    let app = RestApp::open().await;
    let book = |member: &str, value: &str| {
        let mut text = r#"{"title":"T","topic":"t","quantity":3,"price":15.99}"#.to_owned();
        let old = [
            ("title", r#""T""#),
            ("topic", r#""t""#),
            ("quantity", "3"),
            ("price", "15.99"),
        ];
        let (_, old) = old.iter().find(|(name, _)| *name == member).unwrap();
        text = text.replace(&format!(r#""{member}":{old}"#), &format!(r#""{member}":{value}"#));
        text
    };
    let wrong = [
        (
            "quantity",
            vec!["1.0", "1e3", "\"1\"", "true", "null", "-1", "2147483648", "[]", "{}"],
        ),
        (
            "price",
            vec!["\"15.99\"", "-1", "1e-3", "0.001", "true", "null", "1000000000000.01"],
        ),
        ("title", vec!["1", "null", "\"\"", "\"  \"", "[\"T\"]", "true"]),
        ("topic", vec!["1", "null", "\" \""]),
    ];
    for (member, values) in wrong {
        for value in values {
            let answered = app.json("POST /bookstore/catalog/books", &book(member, value)).await;
            assert_eq!(answered.status, 400, "{member} {value}: {}", answered.text);
            let message = answered.json()["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with(member), "{member} {value}: {message}");
        }
    }
    let several = app.json("POST /bookstore/catalog/books", r#"{"title":7}"#).await;
    assert_eq!(
        several.line(),
        said(
            400,
            "title must be a string; topic is required; quantity is required; price is required"
        )
    );
    let long = format!("\"{}\"", "x".repeat(301));
    assert_eq!(
        app.json("POST /bookstore/catalog/books", &book("title", &long))
            .await
            .status,
        400
    );
    assert_eq!(app.books().await, 7);
}

#[tokio::test]
async fn money_is_exact_to_the_cent() {
    let app = RestApp::open().await;
    for price in [
        "0",
        "0.01",
        "15.99",
        "0.1",
        "1.1",
        "999999999999.99",
        "1000000000000",
        "90071992547.33",
    ] {
        let body = format!(r#"{{"price":{price}}}"#);
        let changed = app.json("PUT /bookstore/catalog/books/1", &body).await;
        assert!(
            changed.text.ends_with(&format!(r#""price":{price}}}"#)),
            "{price}: {}",
            changed.text
        );
    }
    let zeros = app.json("PUT /bookstore/catalog/books/1", r#"{"price":15.50}"#).await;
    assert!(zeros.text.ends_with(r#""price":15.5}"#), "{}", zeros.text);
}

#[tokio::test]
async fn an_update_changes_only_the_given_members() {
    let app = RestApp::open().await;
    let changed = app.json("PUT /bookstore/catalog/update/2", r#"{"quantity":0}"#).await;
    assert_eq!(
        changed.line(),
        r#"200 {"id":2,"title":"RPCs for Noobs","topic":"distributed systems","quantity":0,"price":50}"#
    );
    let changed = app
        .json(
            "PUT /bookstore/catalog/books/2",
            r#"{"title":"RPCs","topic":"x","price":1}"#,
        )
        .await;
    assert_eq!(
        changed.line(),
        r#"200 {"id":2,"title":"RPCs","topic":"x","quantity":0,"price":1}"#
    );
    for (line, body, expected) in [
        (
            "PUT /bookstore/catalog/books/2",
            "{}",
            said(400, "the body must have at least one of title, topic, quantity, price"),
        ),
        (
            "PUT /bookstore/catalog/books/2",
            r#"{"isbn":1}"#,
            said(400, "the body must have at least one of title, topic, quantity, price"),
        ),
        (
            "PUT /bookstore/catalog/books/2",
            r#"{"title":null}"#,
            said(400, "title must not be null"),
        ),
        (
            "PUT /bookstore/catalog/books/2",
            r#"{"quantity":-1}"#,
            said(400, "quantity must be from 0 to 2147483647"),
        ),
        (
            "PUT /bookstore/catalog/books/abc",
            r#"{"quantity":1}"#,
            said(400, "invalid book id"),
        ),
        (
            "PUT /bookstore/catalog/books/9",
            r#"{"quantity":1}"#,
            said(404, "book not found"),
        ),
        (
            "PUT /bookstore/catalog/update/9",
            r#"{"quantity":1}"#,
            said(404, "book not found"),
        ),
    ] {
        assert_eq!(app.json(line, body).await.line(), expected, "{line} {body}");
    }
}

#[tokio::test]
async fn a_body_other_than_a_json_object_is_refused() {
    let app = RestApp::open().await;
    let line = "POST /bookstore/catalog/books";
    for body in ["", "{", "[]", "7", "null", "\"x\"", "{\"a\":}", "{} {}", "\u{feff}{}"] {
        assert_eq!(
            app.json(line, body).await.line(),
            said(400, "the body must be a JSON object"),
            "{body:?}"
        );
    }
    let not_utf8: &[u8] = b"{\"title\":\"\xff\"}";
    assert_eq!(app.send(line, &[], not_utf8).await.status, 400);
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(app.json(line, &deep).await.status, 400);
    let whole = r#"{"title":"T","topic":"t","quantity":3,"price":1}"#;
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "nonsense",
        "",
    ] {
        let answered = app.send(line, &[("content-type", media)], whole).await;
        assert_eq!(
            answered.line(),
            said(415, "the body must be application/json"),
            "{media}"
        );
    }
    let large = format!(r#"{{"title":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    assert_eq!(
        app.json(line, &large).await.line(),
        said(413, "a body has at most 1048576 bytes")
    );
    assert_eq!(app.books().await, 7);
    for media in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/vnd.api+json",
    ] {
        assert_eq!(
            app.send(line, &[("content-type", media)], whole).await.status,
            201,
            "{media}"
        );
    }
    assert_eq!(
        app.send(line, &[], whole).await.status,
        201,
        "a missing Content-Type is tolerated"
    );
}

#[tokio::test]
async fn a_known_path_with_a_wrong_method_lists_its_methods() {
    let app = RestApp::open().await;
    for (line, allow) in [
        ("GET /bookstore/purchase/1", "POST"),
        ("HEAD /bookstore/purchase/1", "POST"),
        ("GET /bookstore/order/purchase/1", "POST"),
        ("POST /bookstore/info/1", "GET, HEAD"),
        ("PATCH /bookstore/catalog/books", "GET, HEAD, POST"),
        ("POST /bookstore/catalog/books/1", "GET, HEAD, PUT, DELETE"),
        ("GET /bookstore/catalog/update/1", "PUT"),
        ("OPTIONS /bookstore/health", "GET, HEAD"),
        ("DELETE /bookstore/order/orders/", "GET, HEAD"),
    ] {
        let answered = app.call(line).await;
        assert_eq!((answered.status, answered.header("allow")), (405, allow), "{line}");
        if !line.starts_with("HEAD") {
            assert_eq!(
                answered.line(),
                said(405, &format!("this path answers {allow}")),
                "{line}"
            );
        }
    }
    assert_eq!(app.sales().await, 0);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = RestApp::open().await;
    for path in [
        "/bookstore/info/2",
        "/bookstore/info/99",
        "/bookstore/health",
        "/bookstore/catalog/books",
        "/bookstore/x",
    ] {
        let get = app.call(&format!("GET {path}")).await;
        let head = app.call(&format!("HEAD {path}")).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-length"), get.text.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn an_undocumented_body_is_ignored() {
    let app = RestApp::open().await;
    for (media, body) in [
        ("application/json", "{"),
        ("text/plain", "one, please"),
        ("application/json", "{}"),
    ] {
        let answered = app
            .send("POST /bookstore/purchase/1", &[("content-type", media)], body)
            .await;
        assert_eq!(answered.status, 200);
    }
}

#[tokio::test]
async fn a_separate_service_answers_at_the_root() {
    let app = RestApp::open().await;
    let catalog = agora::rest::service_router(
        &app.gateway,
        agora::rest_access::AnonymousAccess::Anyone,
        "bookstore",
        Some("catalog"),
    )
    .unwrap();
    assert_eq!(send(&catalog, "GET /info/2", &[], Body::empty()).await.status, 200);
    assert_eq!(
        send(&catalog, "GET /orders", &[], Body::empty()).await.line(),
        said(404, "there is no such path")
    );
    assert_eq!(
        send(&catalog, "GET /catalog/info/2", &[], Body::empty()).await.status,
        404
    );
    let book = r#"{"title":"T","topic":"t","quantity":3,"price":1}"#;
    assert_eq!(
        send(&catalog, "POST /books", &[], book).await.header("location"),
        "/books/8"
    );
    let whole = agora::rest::service_router(
        &app.gateway,
        agora::rest_access::AnonymousAccess::Anyone,
        "bookstore",
        None,
    )
    .unwrap();
    assert_eq!(send(&whole, "GET /info/2", &[], Body::empty()).await.status, 200);
    assert_eq!(
        send(&whole, "GET /", &[], Body::empty()).await.line(),
        said(404, "there is no such path")
    );
    assert_eq!(
        send(&whole, "POST /catalog/books", &[], book).await.header("location"),
        "/catalog/books/9"
    );
    for (mount, service) in [("bookshop", None), ("bookstore", Some("kitchen"))] {
        assert!(
            agora::rest::service_router(
                &app.gateway,
                agora::rest_access::AnonymousAccess::Anyone,
                mount,
                service
            )
            .is_none()
        );
    }
}
