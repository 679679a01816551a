//! Requests that span several subgraphs.

use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn one_query_reads_a_user_with_messages_senders_and_books() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let dan = app.signed_in("dan").await;
    dan.graphql(r#"mutation { sendMessage(to: "cleo", contents: "Have you read it?") { id } }"#)
        .await
        .data("");
    cleo.graphql(r#"mutation { purchaseBook(id: "2") { id } }"#)
        .await
        .data("");

    let reply = cleo
        .graphql(
            "{ me { username inbox(first: 1) { nodes { contents from { username karma } } }
                    bookPurchases(last: 1) { nodes { title price quantityAfter book { quantity topic } } } } }",
        )
        .await;

    assert_eq!(
        *reply.data("/me"),
        json!({
            "username": "cleo",
            "inbox": { "nodes": [{ "contents": "Have you read it?", "from": { "username": "dan", "karma": 3 } }] },
            "bookPurchases": { "nodes": [{
                "title": "RPCs for Noobs",
                "price": { "amount": "50.00", "currency": "USD" },
                "quantityAfter": 9,
                "book": { "quantity": 9, "topic": "distributed systems" },
            }] },
        })
    );
}

#[tokio::test]
async fn another_users_inbox_is_refused_along_every_edge() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;

    let reply = cleo
        .graphql(r#"{ user(username: "dan") { username inbox(first: 1) { nodes { contents } } } }"#)
        .await;

    assert_eq!(reply.code(), Some("FORBIDDEN"), "{}", reply.body);
    let anonymous = app
        .anonymous()
        .graphql(r#"{ user(username: "dan") { inbox { nodes { id } } } }"#)
        .await;
    assert_eq!(anonymous.code(), Some("UNAUTHENTICATED"), "{}", anonymous.body);
}

#[tokio::test]
async fn introspection_and_data_answer_in_one_response() {
    let app = TestApp::new().await;
    let reply = app
        .anonymous()
        .graphql(r#"{ __typename __type(name: "Book") { name fields { name } } book(id: "1") { title __typename } }"#)
        .await;
    assert_eq!(reply.data("/__typename"), "Query");
    assert_eq!(reply.data("/__type/name"), "Book");
    assert_eq!(reply.data("/book/__typename"), "Book");
}

#[tokio::test]
async fn an_omitted_variable_is_absent_and_a_null_is_null() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let change = "mutation($phone: String, $address: AddressInput, $surname: String) {
        updateProfile(input: { phone: $phone, address: $address, surname: $surname, name: \"Cleo\" }) { phone surname address { text } }
    }";
    let all = json!({ "phone": "+49 30 1", "surname": "Miller", "address": { "text": "Nile 1" } });
    let whole = cleo.graphql_with(change, all.clone()).await;
    let whole = whole.data("/updateProfile");
    assert_eq!(whole["surname"], "Miller");

    assert_eq!(cleo.graphql_with(change, json!({})).await.data("/updateProfile"), whole);
    let cleared = cleo.graphql_with(change, json!({ "phone": null })).await;
    assert_eq!(
        *cleared.data("/updateProfile"),
        json!({ "phone": null, "surname": "Miller", "address": { "text": "Nile 1" } })
    );

    let dan = app.signed_in("dan").await;
    let sent = dan
        .graphql(r#"mutation { sendMessage(to: "cleo", contents: "hello") { id } }"#)
        .await;
    let favorite =
        "mutation($id: ID!, $favorite: Boolean) { favoriteMessage(id: $id, favorite: $favorite) { favorite } }";
    let id = sent.data("/sendMessage/id");
    let marked = cleo.graphql_with(favorite, json!({ "id": id })).await;
    assert_eq!(*marked.data("/favoriteMessage/favorite"), true, "its default holds");
    let unmarked = cleo
        .graphql_with(favorite, json!({ "id": id, "favorite": false }))
        .await;
    assert_eq!(*unmarked.data("/favoriteMessage/favorite"), false);
    let nothing = cleo.graphql_with(favorite, json!({ "id": id, "favorite": null })).await;
    assert_eq!(nothing.code(), Some("INVALID_INPUT"), "{}", nothing.body);
}

#[tokio::test]
async fn a_refused_field_is_one_error_at_its_own_place() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    for (query, path) in [
        (
            r#"{ user(username: "ben") { x: portfolioValue } }"#,
            json!(["user", "x"]),
        ),
        (
            r#"{ user(username: "ben") { wallets: username portfolioValue } }"#,
            json!(["user", "portfolioValue"]),
        ),
    ] {
        let reply = cleo.graphql(query).await;
        let errors = reply.body["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 1, "{}", reply.body);
        assert_eq!(errors[0]["path"], path, "{}", reply.body);
        assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN");
    }
}
