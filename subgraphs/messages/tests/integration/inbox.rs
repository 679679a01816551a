//! Lists of messages, and their favourite and read flags.

use contract::{Audience, Delivery, Event};
use futures_util::stream::StreamExt;
use serde_json::{Value, json};

use crate::support::{ADA, BEN, CLEO, DAN, MessagesDomain, admin, code, member};

#[tokio::test]
async fn the_newest_message_comes_first() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "one").await;
    domain.send(DAN, "ada", "two").await;
    domain.send(CLEO, "dan", "three").await;
    domain.send(ADA, "ada", "to myself").await;
    assert_eq!(domain.list(ADA, "inbox").await, ["to myself", "two", "one"]);
    assert_eq!(domain.list(CLEO, "sent").await, ["three", "one"]);
    assert_eq!(domain.list(ADA, "sent").await, ["to myself"]);
}

#[tokio::test]
async fn messages_of_one_time_are_sorted_by_id_on_every_page() {
    let domain = MessagesDomain::new().await;
    for number in 1..=5 {
        let document = format!(r#"mutation {{ sendMessage(to: "ada", contents: "{number}") {{ id }} }}"#);
        assert_eq!(code(&domain.ask(&member(CLEO), &document).await), "OK");
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let fields = format!("inbox(first: 2{after}) {{ nodes {{ contents }} pageInfo {{ hasNextPage endCursor }} }}");
        let (person, _) = domain.of_person(&member(ADA), ADA, &fields).await;
        let nodes = person["inbox"]["nodes"].as_array().unwrap();
        seen.extend(
            nodes
                .iter()
                .map(|message| message["contents"].as_str().unwrap().to_owned()),
        );
        // A message that arrives meanwhile goes in front of the pages that are being read.
        domain.send(DAN, "ada", "new").await;
        if person["inbox"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", person["inbox"]["pageInfo"]["endCursor"]);
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1"]);
    assert_eq!(domain.list(ADA, "inbox(last: 2)").await, ["2", "1"]);
}

#[tokio::test]
async fn every_page_between_two_cursors_is_a_slice_of_the_list() {
    let domain = MessagesDomain::new().await;
    // Pairs of messages sent at the same time, one second between pairs.
    for pair in 1..=3 {
        domain.send(CLEO, "ada", &format!("{pair}a")).await;
        let twin = format!(r#"mutation {{ sendMessage(to: "ada", contents: "{pair}b") {{ id }} }}"#);
        assert_eq!(code(&domain.ask(&member(DAN), &twin).await), "OK");
    }
    let all = ["3b", "3a", "2b", "2a", "1b", "1a"];
    let (person, _) = domain.of_person(&member(ADA), ADA, "inbox { edges { cursor } }").await;
    let cursor = |index: usize| person["inbox"]["edges"][index]["cursor"].to_string();
    for after in 0..all.len() {
        for before in after + 1..all.len() {
            let between = &all[after + 1..before];
            let cursors = format!("after: {}, before: {}", cursor(after), cursor(before));
            let first = domain.list(ADA, &format!("inbox(first: 2, {cursors})")).await;
            assert_eq!(first, between[..between.len().min(2)], "{after} {before}");
            let last = domain.list(ADA, &format!("inbox(last: 2, {cursors})")).await;
            assert_eq!(last, between[between.len().saturating_sub(2)..], "{after} {before}");
        }
    }
}

#[tokio::test]
async fn an_inbox_is_filtered_by_marks() {
    let domain = MessagesDomain::new().await;
    for contents in ["one", "two", "three"] {
        domain.send(CLEO, "ada", contents).await;
    }
    domain
        .ask(
            &member(ADA),
            "mutation { favoriteMessage(id: 2) { id } markRead(ids: [1, 2]) }",
        )
        .await;
    for (filter, wanted) in [
        ("inbox(favorite: true)", vec!["two"]),
        ("inbox(favorite: false)", vec!["three", "one"]),
        ("inbox(unread: true)", vec!["three"]),
        ("inbox(unread: false)", vec!["two", "one"]),
        ("inbox(unread: false, favorite: false)", vec!["one"]),
        ("inbox(unread: true, favorite: true)", vec![]),
        ("inbox(unread: null, favorite: null, first: 1)", vec!["three"]),
    ] {
        assert_eq!(domain.list(ADA, filter).await, wanted, "{filter}");
    }
}

#[tokio::test]
async fn marking_as_read_counts_the_newly_read_messages() {
    let domain = MessagesDomain::new().await;
    for contents in ["one", "two", "three"] {
        domain.send(CLEO, "ada", contents).await;
    }
    domain.send(CLEO, "ben", "not hers").await;
    let unread = async || domain.of_person(&member(ADA), ADA, "unreadCount").await.0["unreadCount"].clone();
    assert_eq!(unread().await, 3);
    for (ids, wanted, left) in [
        (r#"[1, 2, 4, 99, "x", 1]"#, 2, 1),
        ("[1, 2]", 0, 1),
        ("[]", 0, 1),
        ("[3]", 1, 0),
    ] {
        let marked = domain
            .ask(&member(ADA), &format!("mutation {{ markRead(ids: {ids}) }}"))
            .await;
        assert_eq!(marked["data"]["markRead"], wanted, "{ids}");
        assert_eq!(unread().await, left, "{ids}");
    }
    let (ben, _) = domain.of_person(&member(BEN), BEN, "unreadCount").await;
    assert_eq!(ben["unreadCount"], 1);
    let many = vec!["1"; 101].join(", ");
    let refused = domain
        .ask(&member(ADA), &format!("mutation {{ markRead(ids: [{many}]) }}"))
        .await;
    assert_eq!(code(&refused), "INVALID_INPUT");
}

#[tokio::test]
async fn a_favourite_can_be_set_and_unset() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "one").await;
    for (args, wanted) in [
        ("id: 1", true),
        ("id: 1, favorite: true", true),
        ("id: 1, favorite: false", false),
        ("id: 1, favorite: false", false),
    ] {
        let marked = domain
            .ask(
                &member(ADA),
                &format!("mutation {{ favoriteMessage({args}) {{ favorite }} }}"),
            )
            .await;
        assert_eq!(marked["data"]["favoriteMessage"]["favorite"], wanted, "{args}");
    }
}

#[tokio::test]
async fn a_deleted_message_is_gone_for_both() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "one").await;
    domain.send(CLEO, "ada", "two").await;
    let delete = "mutation { deleteMessage(id: 1) }";
    assert_eq!(domain.ask(&member(ADA), delete).await["data"]["deleteMessage"], true);
    assert_eq!(code(&domain.ask(&member(ADA), delete).await), "NOT_FOUND");
    assert_eq!(domain.list(ADA, "inbox").await, ["two"]);
    assert_eq!(domain.list(CLEO, "sent").await, ["two"]);
    let gone = domain.ask(&admin(), "{ message(id: 1) { id } }").await;
    assert_eq!(gone, json!({ "data": { "message": null } }));
}

#[tokio::test]
async fn message_changes_are_announced_to_its_two_parties_only() {
    let domain = MessagesDomain::new().await;
    let mut events = domain.services.bus.subscribe();
    domain.send(CLEO, "ada", "one").await;
    for change in [
        "favoriteMessage(id: 1) { id }",
        "favoriteMessage(id: 1) { id }",
        "markRead(ids: [1])",
        "markRead(ids: [1])",
        "deleteMessage(id: 1)",
    ] {
        let done = domain.ask(&member(ADA), &format!("mutation {{ {change} }}")).await;
        assert_eq!(code(&done), "OK");
    }
    // A mutation that changes nothing sends no event.
    let mut wanted = vec![Event::MessageSent { id: 1, to: ADA }];
    wanted.extend((1..=4).map(|version| Event::Invalidated {
        typename: "Message",
        key: "1".to_owned(),
        version,
        audience: Audience::Users(vec![CLEO, ADA]),
    }));
    for wanted in wanted {
        match events.next().await {
            Some(Delivery::Event(event)) => assert_eq!(*event, wanted),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn entities_answer_one_by_one() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "hers").await;
    domain.send(CLEO, "ben", "not hers").await;
    let answer = domain
        .ask(
            &member(ADA),
            r#"{ _entities(representations: [
                { __typename: "Message", id: "2" }, { __typename: "Message", id: "1" }, { __typename: "Message", id: "x" },
                { __typename: "User", id: "2" }, { __typename: "User", id: "1" }
            ]) { ... on Message { contents } ... on User { id unreadCount } } }"#,
        )
        .await;
    assert_eq!(
        answer["data"]["_entities"],
        json!([
            null, { "contents": "hers" }, null,
            { "id": "2", "unreadCount": null }, { "id": "1", "unreadCount": 1 },
        ])
    );
    assert_eq!(code(&answer), "FORBIDDEN");
}

#[tokio::test]
async fn the_sample_data_is_there_once() {
    let domain = MessagesDomain::new().await;
    let people = messages::demo::People {
        ada: ADA,
        ben: BEN,
        cleo: CLEO,
        dan: DAN,
    };
    for _ in 0..2 {
        messages::demo::seed(&domain.services, people).await.unwrap();
    }
    let mut total = 0;
    for person in [ADA, BEN, CLEO, DAN] {
        let inbox = domain.list(person, "inbox").await;
        assert!(!inbox.is_empty(), "{person}");
        total += inbox.len();
    }
    assert_eq!(total, 8);
    let (cleo, _) = domain.of_person(&member(CLEO), CLEO, "unreadCount").await;
    assert_eq!(cleo["unreadCount"], 2);
    assert_ne!(cleo, Value::Null);
}
