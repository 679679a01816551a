//! Bad input gets a clear error with a code and the right status, changes no data and harms no other caller.

use serde_json::json;
use tests::TestApp;

/// Asserts that the server still answers and the stock of books is unchanged.
async fn nothing_happened(app: &TestApp) {
    let reply = app
        .anonymous()
        .query("{ books(first: 100) { nodes { quantity } } }", json!({}))
        .await;
    let books = reply.at("books.nodes").as_array().expect("what was asked for");
    assert_eq!(books.len(), 7);
    assert!(books.iter().all(|book| book["quantity"] == 10), "{books:?}");
}

#[tokio::test]
async fn a_bad_graphql_request_is_refused_with_its_error() {
    let app = TestApp::new().await;
    let admin = app.signed_in("admin").await;
    let purchase = "mutation($id: ID!) { purchaseBook(id: $id) { id } }";
    let add = "mutation($input: BookInput!) { addBook(input: $input) { id } }";
    let deep = format!(
        "{{ me {}{}{} }}",
        "{ inbox { nodes { from ".repeat(70),
        "{ id }",
        " } } }".repeat(70)
    );
    let braces = "{".repeat(100_000);
    let cases = [
        ("{ me { ", json!({}), "GRAPHQL_PARSE_FAILED"),
        (&braces, json!({}), "QUERY_TOO_COMPLEX"),
        ("{ me { shoeSize } }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        ("{ book(id: [1, 2]) { id } }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        (
            "query A { me { id } } query B { me { id } }",
            json!({}),
            "OPERATION_NOT_FOUND",
        ),
        ("{ a: me { id } ...Nothing }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        (&deep, json!({}), "QUERY_TOO_COMPLEX"),
        (purchase, json!({}), "INVALID_INPUT"),
        (purchase, json!({ "id": null }), "INVALID_INPUT"),
        (purchase, json!({ "id": { "a": 1 } }), "INVALID_INPUT"),
        (purchase, json!({ "id": "four" }), "NOT_FOUND"),
        (purchase, json!({ "id": "99999999999999999999" }), "NOT_FOUND"),
        (add, json!({ "input": { "title": "x" } }), "INVALID_INPUT"),
        (
            add,
            json!({ "input": { "title": "x", "topic": "y", "quantity": -1, "price": { "amount": "1", "currency": "USD" } } }),
            "INVALID_INPUT",
        ),
        (
            add,
            json!({ "input": { "title": "x", "topic": "y", "quantity": 1, "price": { "amount": "1.001", "currency": "USD" } } }),
            "INVALID_INPUT",
        ),
        (
            add,
            json!({ "input": { "title": "x", "topic": "y", "quantity": 3_000_000_000_u32, "price": { "amount": "1", "currency": "USD" } } }),
            "INVALID_INPUT",
        ),
        (
            add,
            json!({ "input": { "title": " ", "topic": "y", "quantity": 1, "price": { "amount": "1", "currency": "USD" } } }),
            "INVALID_INPUT",
        ),
    ];
    for (query, variables, code) in cases {
        let shown = &query[..query.len().min(80)];
        let reply = admin.query(query, variables.clone()).await;
        assert_eq!(reply.code(), code, "{shown} {variables} -> {reply}");
        assert!(reply.status < Some(500), "{shown} {variables} -> {reply:?}");
        assert!(reply.message().len() > 3, "{reply}");
    }
    let long = "x".repeat(500_000);
    let price = "mutation($id: ID!, $price: Money!) { updateBook(id: $id, input: { price: $price }) { id } }";
    for (query, variables) in [
        (price, json!({ "id": 1, "price": long })),
        (&format!("{{ {long} }}"), json!({})),
        (&format!("{{ me {{ ...{long} }} }}"), json!({})),
        (
            &format!("query(${long}: ID!) {{ book(id: ${long}) {{ id }} }}"),
            json!({}),
        ),
    ] {
        let body = admin.query(query, variables).await.to_string();
        assert!(body.len() < 2_000, "{} bytes to say no: {}", body.len(), &body[..200]);
    }
    nothing_happened(&app).await;
}

#[tokio::test]
async fn an_oversized_or_non_json_body_is_refused_before_it_is_read() {
    let app = TestApp::new().await;
    let anonymous = app.anonymous();
    for path in ["/graphql", "/bookstore/catalog/books"] {
        let large = format!(r#"{{"query":"{}"}}"#, " ".repeat(2 * 1024 * 1024));
        let request = |body: String| {
            anonymous
                .request("POST", path)
                .header("content-type", "application/json")
                .body(body)
        };
        assert_eq!(anonymous.send(request(large)).await.status, 413, "{path}");
        assert_eq!(
            anonymous.send(request("{\"query\":".to_owned())).await.status,
            400,
            "{path}"
        );
        assert_eq!(anonymous.send(request("[]".to_owned())).await.status, 400, "{path}");
        let text = anonymous
            .request("POST", path)
            .header("content-type", "text/plain")
            .body("{}");
        assert_eq!(anonymous.send(text).await.status, 415, "{path}");
    }
    nothing_happened(&app).await;
}

#[tokio::test]
async fn an_invalid_token_is_refused_and_not_ignored() {
    let app = TestApp::new().await;
    let liar = app.anonymous().with_token("not.a.token");
    let answer = liar.query("{ __typename }", json!({})).await;
    assert_eq!(answer.status, Some(401), "{answer}");
    let response = liar.get("/bookstore/info/1").await;
    assert_eq!(response.status, 401, "{response:?}");
}

#[tokio::test]
async fn nested_pages_are_refused_before_they_multiply() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let pages =
        "inbox(first: $n) { nodes { to { inbox(first: $n) { nodes { to { inbox(last: $n) { nodes { id } } } } } } } }";
    let by_variable = format!("query($n: Int = 100) {{ me {{ {pages} }} }}");
    let written = by_variable.replace("query($n: Int = 100)", "").replace("$n", "100");
    let spread = format!(
        "{{ me {{ ...F }} }} fragment F on User {{ {} }}",
        pages.replace("$n", "100")
    );
    for query in [&by_variable, &written, &spread] {
        let reply = cleo.query(query, json!({})).await;
        // A client that takes any media type gets `application/json`, whose status is 200 (GraphQL over HTTP).
        assert_eq!(
            (reply.status, reply.code()),
            (Some(200), "QUERY_TOO_COMPLEX"),
            "{query}"
        );
    }
    let few = cleo.query(&by_variable, json!({ "n": 10 })).await;
    few.at("me.inbox.nodes.0.to.inbox.nodes.0.to.inbox.nodes.0.id");
    let two_pages =
        "{ users(first: 100) { nodes { id username sent(first: 100) { nodes { id at from { username } } } } } }";
    let admin = app.signed_in("admin").await;
    admin.query(two_pages, json!({})).await.at("users");
    let with_texts = admin.query(&two_pages.replace(" at ", " contents "), json!({})).await;
    assert_eq!(
        with_texts.code(),
        "QUERY_TOO_COMPLEX",
        "10,000 texts of 40,000 characters"
    );
}
