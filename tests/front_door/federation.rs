//! Requests that span several subgraphs.

use serde_json::json;
use tests::TestApp;

#[tokio::test]
async fn one_query_reads_a_user_with_messages_senders_and_books() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let dan = app.signed_in("dan").await;
    dan.query(
        r#"mutation { sendMessage(to: "cleo", contents: "Have you read it?") { id } }"#,
        json!({}),
    )
    .await
    .at("");
    cleo.query(r#"mutation { purchaseBook(id: "2") { id } }"#, json!({}))
        .await
        .at("");

    let answer = cleo
        .query(
            "{ me { username inbox(first: 1) { nodes { contents from { username karma } } }
                    bookPurchases(last: 1) { nodes { title price quantityAfter book { quantity topic } } } } }",
            json!({}),
        )
        .await;

    assert_eq!(
        *answer.at("me"),
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

    let answer = cleo
        .query(
            r#"{ user(username: "dan") { username inbox(first: 1) { nodes { contents } } } }"#,
            json!({}),
        )
        .await;

    assert_eq!(answer.code(), "FORBIDDEN", "{answer}");
    let anonymous = app
        .anonymous()
        .query(r#"{ user(username: "dan") { inbox { nodes { id } } } }"#, json!({}))
        .await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED", "{anonymous}");
}

#[tokio::test]
async fn introspection_and_data_answer_in_one_response() {
    let app = TestApp::new().await;
    let answer = app
        .anonymous()
        .query(
            r#"{ __typename __type(name: "Book") { name fields { name } } book(id: "1") { title __typename } }"#,
            json!({}),
        )
        .await;
    assert_eq!(answer.at("__typename"), "Query");
    assert_eq!(answer.at("__type.name"), "Book");
    assert_eq!(answer.at("book.__typename"), "Book");
}

#[tokio::test]
async fn an_omitted_variable_is_absent_and_a_null_is_null() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    let change = "mutation($phone: String, $address: AddressInput, $surname: String) {
        updateProfile(input: { phone: $phone, address: $address, surname: $surname, name: \"Cleo\" }) { phone surname address { text } }
    }";
    let all = json!({ "phone": "+49 30 1", "surname": "Miller", "address": { "text": "Nile 1" } });
    let whole = cleo.query(change, all.clone()).await;
    let whole = whole.at("updateProfile");
    assert_eq!(whole["surname"], "Miller");

    assert_eq!(cleo.query(change, json!({})).await.at("updateProfile"), whole);
    let cleared = cleo.query(change, json!({ "phone": null })).await;
    assert_eq!(
        *cleared.at("updateProfile"),
        json!({ "phone": null, "surname": "Miller", "address": { "text": "Nile 1" } })
    );

    let dan = app.signed_in("dan").await;
    let sent = dan
        .query(
            r#"mutation { sendMessage(to: "cleo", contents: "hello") { id } }"#,
            json!({}),
        )
        .await;
    let favorite =
        "mutation($id: ID!, $favorite: Boolean) { favoriteMessage(id: $id, favorite: $favorite) { favorite } }";
    let id = sent.at("sendMessage.id");
    let marked = cleo.query(favorite, json!({ "id": id })).await;
    assert_eq!(*marked.at("favoriteMessage.favorite"), true, "its default holds");
    let unmarked = cleo.query(favorite, json!({ "id": id, "favorite": false })).await;
    assert_eq!(*unmarked.at("favoriteMessage.favorite"), false);
    let nothing = cleo.query(favorite, json!({ "id": id, "favorite": null })).await;
    assert_eq!(nothing.code(), "INVALID_INPUT", "{nothing}");
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
        let answer = cleo.query(query, json!({})).await;
        let errors = answer["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 1, "{answer}");
        assert_eq!(errors[0]["path"], path, "{answer}");
        assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN");
    }
}
