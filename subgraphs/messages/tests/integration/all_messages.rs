//! The lists of all messages, which operators may read.

use serde_json::{Value, json};

use crate::support::{ADA, BEN, CLEO, DAN, DELETE, FAVORITE, MessagesDomain, texts};

const LIST: &str = "query($to: String, $favorite: Boolean, $first: Int, $last: Int, $after: String) {
    messages(to: $to, favorite: $favorite, first: $first, last: $last, after: $after) {
        nodes { contents } pageInfo { hasNextPage endCursor }
    }
}";
const TWO: &str = "{ message(id: 2) { contents favorite from { id } to { id } } }";
const FAVORITE_TWO: &str = "mutation { favoriteMessage(id: 2) { contents favorite from { id } to { id } } }";

/// Returns the contents of a page and its end cursor.
async fn list(domain: &MessagesDomain, args: Value) -> (Vec<String>, Value) {
    let answer = domain.service().query(LIST, args).await;
    let contents = texts(answer.all("messages.nodes.*.contents"));
    (contents, answer.at("messages.pageInfo").clone())
}

/// Sends five messages, of which the second and the fourth are favourites.
async fn five() -> MessagesDomain {
    let domain = MessagesDomain::new().await;
    for (from, to, contents) in [
        (CLEO, "ada", "one"),
        (DAN, "ada", "two"),
        (ADA, "cleo", "three"),
        (BEN, "cleo", "four"),
        (BEN, "ada", "five"),
    ] {
        domain.send(from, to, contents).await;
    }
    for id in [2, 4] {
        let marked = domain.service().query(FAVORITE, json!({ "id": id })).await;
        assert_eq!(marked, json!({ "data": { "favoriteMessage": { "favorite": true } } }));
    }
    domain
}

#[tokio::test]
async fn each_filter_narrows_the_list_and_the_newest_is_first() {
    let domain = five().await;
    for (args, wanted) in [
        (json!({ "to": "ada" }), vec!["five", "two", "one"]),
        (json!({ "to": " ADA " }), vec!["five", "two", "one"]),
        (json!({ "favorite": true }), vec!["four", "two"]),
        (json!({ "favorite": false }), vec!["five", "three", "one"]),
        (json!({ "to": "ada", "favorite": true }), vec!["two"]),
        (json!({ "to": "ada", "favorite": false }), vec!["five", "one"]),
        (json!({ "to": "dan" }), vec![]),
        (json!({ "to": "nobody" }), vec![]),
        (json!({ "to": "" }), vec![]),
        (json!({ "to": "1" }), vec![]),
        (json!({ "to": "nobody", "favorite": false }), vec![]),
        // A null argument counts as an omitted one.
        (json!({ "to": "cleo", "favorite": null }), vec!["four", "three"]),
    ] {
        assert_eq!(list(&domain, args.clone()).await.0, wanted, "{args}");
    }
}

#[tokio::test]
async fn users_list_their_own_received_messages() {
    let domain = five().await;
    for (args, wanted) in [
        (json!({ "to": "Ada" }), Ok("five")),
        (json!({ "to": "ada", "favorite": true }), Ok("two")),
        (json!({ "to": "cleo" }), Err("FORBIDDEN")),
        (json!({ "to": "nobody" }), Err("FORBIDDEN")),
        (json!({ "favorite": true }), Err("FORBIDDEN")),
        (json!({ "first": 1 }), Err("INVALID_INPUT")),
    ] {
        let answer = domain.member(ADA).query(LIST, args.clone()).await;
        match wanted {
            Ok(newest) => assert_eq!(answer.at("messages.nodes.0.contents"), newest),
            Err(wanted) => assert_eq!(answer.code(), wanted, "{args}"),
        }
    }
}

#[tokio::test]
async fn the_messages_of_a_deactivated_user_stay() {
    let domain = five().await;
    domain.deactivate(ADA).await;
    assert_eq!(list(&domain, json!({ "to": "ada" })).await.0, ["five", "two", "one"]);
}

#[tokio::test]
async fn the_list_has_pages() {
    let domain = five().await;
    let (first, page) = list(&domain, json!({ "favorite": false, "first": 2 })).await;
    assert_eq!(first, ["five", "three"]);
    let next = json!({ "favorite": false, "first": 2, "after": page["endCursor"] });
    let (rest, page) = list(&domain, next).await;
    assert_eq!((rest, &page["hasNextPage"]), (vec!["one".to_owned()], &json!(false)));
    assert_eq!(list(&domain, json!({ "to": "ada", "last": 1 })).await.0, ["one"]);
    for (args, field) in [
        (json!({ "to": "nobody", "first": -1 }), "first"),
        (json!({ "favorite": true, "after": "x" }), "after"),
        (json!({ "to": null }), "to"),
        (json!({ "first": 3 }), "to"),
    ] {
        let answer = domain.service().query(LIST, args.clone()).await;
        assert_eq!(answer.code(), "INVALID_INPUT", "{args}");
        assert_eq!(answer["errors"][0]["extensions"]["field"], field, "{args}");
    }
}

#[tokio::test]
async fn a_service_changes_any_message() {
    let domain = five().await;
    let two = json!({ "contents": "two", "favorite": true, "from": { "id": "user_4" }, "to": { "id": "user_1" } });
    let read = domain.service().query(TWO, json!({})).await;
    assert_eq!(read, json!({ "data": { "message": two } }));
    // Repeating the mutation changes nothing.
    let again = domain.service().query(FAVORITE_TWO, json!({})).await;
    assert_eq!(again, json!({ "data": { "favoriteMessage": two } }));
    let deleted = domain.service().query(DELETE, json!({ "id": 2 })).await;
    assert_eq!(deleted, json!({ "data": { "deleteMessage": true } }));
    let gone = domain.service().query(DELETE, json!({ "id": 2 })).await;
    assert_eq!(gone.code(), "NOT_FOUND");
    assert_eq!(list(&domain, json!({ "favorite": true })).await.0, ["four"]);
}
