//! The user messaging service.

use serde_json::Value;

use super::app::{CommunityApp, MESSAGE_4, NEW_MESSAGE, assert_names, said};

#[tokio::test]
async fn a_message_is_sent_and_read() {
    let community = CommunityApp::open().await;
    for (id, body, shown) in [
        (
            9,
            r#"{"userFrom":"DAN","userTo":" Cleo ","contents":" Found\nit. ","flag":"glove","favorite":true}"#,
            r#"{"id":9,"userFrom":"dan","userTo":"cleo","timestamp":"2026-01-02T03:04:05+00:00","contents":"Found\nit.","flag":"glove","favorite":false}"#,
        ),
        (
            10,
            r#"{"userFrom":"dan","userTo":"dan","contents":"Note","flag":null}"#,
            r#"{"id":10,"userFrom":"dan","userTo":"dan","timestamp":"2026-01-02T03:04:05+00:00","contents":"Note","flag":null,"favorite":false}"#,
        ),
    ] {
        let sent = community.call("POST /messages", body).await;
        assert_eq!(sent.line(), format!("201 {shown}"));
        assert_eq!(sent.header("location"), format!("/community/messages/{id}"));
        assert_eq!(
            community.get(&format!("/messages/{id}")).await.line(),
            format!("200 {shown}")
        );
    }
}

#[tokio::test]
async fn an_invalid_message_is_refused_by_the_name_of_its_member() {
    let community = CommunityApp::open().await;
    let before = community.everything().await;
    let (long, flag) = ("x".repeat(40_001), "x".repeat(65));
    for (member, values) in [
        ("userFrom", vec![None, Some(Value::Null), Some(7.into())]),
        ("userTo", vec![None, Some(Value::Null), Some(true.into())]),
        (
            "contents",
            vec![
                None,
                Some(Value::Null),
                Some(7.into()),
                Some(" ".into()),
                Some(long.into()),
            ],
        ),
        ("flag", vec![Some(7.into()), Some(flag.into())]),
    ] {
        for value in values {
            let mut body: Value = serde_json::from_str(NEW_MESSAGE).unwrap();
            match &value {
                None => drop(body.as_object_mut().unwrap().remove(member)),
                Some(value) => body[member] = value.clone(),
            }
            let shown: String = format!("{member}: {value:?}").chars().take(60).collect();
            assert_names(
                &community.call("POST /messages", &body.to_string()).await,
                member,
                &shown,
            );
        }
    }
    assert_eq!(community.everything().await, before);
}

#[tokio::test]
async fn a_message_with_an_unknown_user_violates_a_reference() {
    let community = CommunityApp::open().await;
    let ben = community.app.person(2);
    assert_eq!(community.with_token(&ben, "DELETE /users/ben", "").await.status, 200);
    let before = community.everything().await;
    for (from, to, message) in [
        ("unknown", "cleo", "the sender does not exist"),
        ("ben", "cleo", "the sender does not exist"),
        ("dan", "unknown", "the receiver does not exist"),
        ("dan", "BEN", "the receiver does not exist"),
        ("", "cleo", "the sender does not exist"),
        ("dan", " ", "the receiver does not exist"),
    ] {
        let body = format!(r#"{{"userFrom":"{from}","userTo":"{to}","contents":"a"}}"#);
        let refused = community.call("POST /messages", &body).await;
        assert_eq!(refused.line(), said(409, message), "{body}");
        assert_eq!(refused.header("location"), "");
    }
    assert_eq!(community.everything().await, before);
}

#[tokio::test]
async fn messages_are_listed_by_either_filter_newest_first() {
    let community = CommunityApp::open().await;
    for (query, wanted) in [
        ("userTo=dan", vec![8, 3, 1]),
        ("userTo=DAN", vec![8, 3, 1]),
        ("userTo=cleo&favorite=true", vec![2]),
        ("userTo=cleo&favorite=false", vec![7, 6]),
        ("favorite=true", vec![2]),
        ("favorite=false", vec![8, 7, 6, 5, 4, 3, 1]),
        ("userTo=unknown", vec![]),
        ("userTo=", vec![]),
        ("userTo=unknown&favorite=true", vec![]),
    ] {
        assert_eq!(
            community.list(&format!("/messages?{query}"), "id").await,
            wanted,
            "{query}"
        );
    }
    for (query, name) in [
        ("", "userTo "),
        ("?n=3", "userTo "),
        ("?favorite=", "favorite "),
        ("?favorite=yes", "favorite "),
        ("?favorite=TRUE", "favorite "),
        ("?favorite=1&userTo=dan", "favorite "),
        ("?userTo=dan&userTo=cleo", "userTo "),
        ("?userTo=dan&after=x", "after "),
    ] {
        assert_names(&community.get(&format!("/messages{query}")).await, name, query);
    }
}

#[tokio::test]
async fn a_message_becomes_a_favourite_once() {
    let community = CommunityApp::open().await;
    assert_eq!(community.get("/messages/4").await.line(), format!("200 {MESSAGE_4}"));
    let marked = format!("200 {}", MESSAGE_4.replace("\"favorite\":false", "\"favorite\":true"));
    for _ in 0..2 {
        assert_eq!(community.call("PUT /messages/4/favorite", "").await.line(), marked);
        assert_eq!(community.get("/messages/4").await.line(), marked);
    }
    assert_eq!(community.list("/messages?favorite=true", "id").await, [4, 2]);
}

#[tokio::test]
async fn a_message_is_found_until_it_is_deleted() {
    let community = CommunityApp::open().await;
    let deleted = community.call("DELETE /messages/4", "").await;
    assert_eq!(deleted.line(), r#"200 {"message":"Message deleted"}"#);
    assert_eq!(community.list("/messages?userTo=ben", "id").await, Vec::<Value>::new());
    for id in ["4", "99", "0", "-1", "x", "4.0", "04", "9223372036854775808"] {
        for line in [
            format!("GET /messages/{id}"),
            format!("PUT /messages/{id}/favorite"),
            format!("DELETE /messages/{id}"),
        ] {
            assert_eq!(
                community.call(&line, "").await.line(),
                said(404, "message not found"),
                "{line}"
            );
        }
    }
}
