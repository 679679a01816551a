//! The lists of all messages, which operators may read.

use serde_json::{Value, json};

use crate::support::{ADA, BEN, CLEO, DAN, MessagesDomain, code, member, service};

/// Returns the contents of a page and its end cursor.
async fn list(domain: &MessagesDomain, arguments: &str) -> (Vec<String>, Value) {
    let document =
        format!("{{ messages({arguments}) {{ nodes {{ contents }} pageInfo {{ hasNextPage endCursor }} }} }}");
    let answer = domain.ask(&service(), &document).await;
    assert_eq!(code(&answer), "OK", "{arguments}: {answer}");
    let page = &answer["data"]["messages"];
    let nodes = page["nodes"].as_array().unwrap().iter();
    let contents = nodes.map(|message| message["contents"].as_str().unwrap().to_owned());
    (contents.collect(), page["pageInfo"].clone())
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
        let marked = domain
            .ask(
                &service(),
                &format!("mutation {{ favoriteMessage(id: {id}) {{ favorite }} }}"),
            )
            .await;
        assert_eq!(marked["data"]["favoriteMessage"], json!({ "favorite": true }));
    }
    domain
}

#[tokio::test]
async fn each_filter_narrows_the_list_and_the_newest_is_first() {
    let domain = five().await;
    for (arguments, wanted) in [
        (r#"to: "ada""#, vec!["five", "two", "one"]),
        (r#"to: " ADA ""#, vec!["five", "two", "one"]),
        ("favorite: true", vec!["four", "two"]),
        ("favorite: false", vec!["five", "three", "one"]),
        (r#"to: "ada", favorite: true"#, vec!["two"]),
        (r#"to: "ada", favorite: false"#, vec!["five", "one"]),
        (r#"to: "dan""#, vec![]),
        (r#"to: "unknown""#, vec![]),
        (r#"to: """#, vec![]),
        (r#"to: "1""#, vec![]),
        (r#"to: "unknown", favorite: false"#, vec![]),
        // A null argument counts as an omitted one.
        (r#"to: "cleo", favorite: null"#, vec!["four", "three"]),
    ] {
        assert_eq!(list(&domain, arguments).await.0, wanted, "{arguments}");
    }
}

#[tokio::test]
async fn users_list_their_own_received_messages() {
    let domain = five().await;
    for (arguments, wanted) in [
        (r#"to: "Ada""#, Ok("\"five\"")),
        (r#"to: "ada", favorite: true"#, Ok("\"two\"")),
        (r#"to: "cleo""#, Err("FORBIDDEN")),
        (r#"to: "unknown""#, Err("FORBIDDEN")),
        ("favorite: true", Err("FORBIDDEN")),
        ("first: 1", Err("INVALID_INPUT")),
    ] {
        let document = format!("{{ messages({arguments}) {{ nodes {{ contents }} }} }}");
        let answer = domain.ask(&member(ADA), &document).await;
        match wanted {
            Ok(newest) => assert_eq!(answer["data"]["messages"]["nodes"][0]["contents"].to_string(), newest),
            Err(wanted) => assert_eq!(code(&answer), wanted, "{arguments}"),
        }
    }
}

#[tokio::test]
async fn the_messages_of_a_deactivated_user_stay() {
    let domain = five().await;
    domain.deactivate(ADA).await;
    assert_eq!(list(&domain, r#"to: "ada""#).await.0, ["five", "two", "one"]);
}

#[tokio::test]
async fn the_list_has_pages() {
    let domain = five().await;
    let (first, page) = list(&domain, "favorite: false, first: 2").await;
    assert_eq!(first, ["five", "three"]);
    let next = format!("favorite: false, first: 2, after: {}", page["endCursor"]);
    let (rest, page) = list(&domain, &next).await;
    assert_eq!((rest, &page["hasNextPage"]), (vec!["one".to_owned()], &json!(false)));
    assert_eq!(list(&domain, r#"to: "ada", last: 1"#).await.0, ["one"]);
    for (arguments, field) in [
        (r#"to: "unknown", first: -1"#, "first"),
        ("favorite: true, after: \"x\"", "after"),
        ("to: null", "to"),
        ("first: 3", "to"),
    ] {
        let answer = domain
            .ask(&service(), &format!("{{ messages({arguments}) {{ nodes {{ id }} }} }}"))
            .await;
        assert_eq!(code(&answer), "INVALID_INPUT", "{arguments}");
        assert_eq!(answer["errors"][0]["extensions"]["field"], field, "{arguments}");
    }
}

#[tokio::test]
async fn a_service_changes_any_message() {
    let domain = five().await;
    let shown = "{ contents favorite from { id } to { id } }";
    let read = domain.ask(&service(), &format!("{{ message(id: 2) {shown} }}")).await;
    let two = json!({ "contents": "two", "favorite": true, "from": { "id": "4" }, "to": { "id": "1" } });
    assert_eq!(read["data"]["message"], two);
    // Repeating the mutation changes nothing.
    let again = domain
        .ask(&service(), &format!("mutation {{ favoriteMessage(id: 2) {shown} }}"))
        .await;
    assert_eq!(again["data"]["favoriteMessage"], two);
    let deleted = domain.ask(&service(), "mutation { deleteMessage(id: 2) }").await;
    assert_eq!(deleted["data"]["deleteMessage"], true);
    assert_eq!(
        code(&domain.ask(&service(), "mutation { deleteMessage(id: 2) }").await),
        "NOT_FOUND"
    );
    assert_eq!(list(&domain, "favorite: true").await.0, ["four"]);
}
