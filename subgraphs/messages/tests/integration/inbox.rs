//! Lists of messages, and their favourite and read flags.

use contract::{Audience, Delivery, DemoPeople, Event};
use futures_util::stream::StreamExt;
use serde_json::json;

use crate::support::{
    ADA, BEN, CLEO, DAN, DELETE, FAVORITE, INBOX, MARK_READ, MESSAGE, MessagesDomain, SEND, member, texts,
};

const MARK_OR_UNMARK: &str =
    "mutation($id: ID!, $favorite: Boolean!) { favoriteMessage(id: $id, favorite: $favorite) { favorite } }";
const FAVORITE_AND_READ: &str = "mutation { favoriteMessage(id: 2) { id } markRead(ids: [1, 2]) }";
const ENTITIES: &str = "query($of: [_Any!]!) { _entities(representations: $of) {
    ... on Message { contents }
    ... on User { id unreadCount }
} }";

#[tokio::test]
async fn the_newest_message_comes_first() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "one").await;
    domain.send(DAN, "ada", "two").await;
    domain.send(CLEO, "dan", "three").await;
    domain.send(ADA, "ada", "to myself").await;
    assert_eq!(domain.inbox(ADA, json!({})).await, ["to myself", "two", "one"]);
    assert_eq!(domain.sent(CLEO).await, ["three", "one"]);
    assert_eq!(domain.sent(ADA).await, ["to myself"]);
}

#[tokio::test]
async fn messages_of_one_time_are_sorted_by_id_on_every_page() {
    let domain = MessagesDomain::new().await;
    for number in 1..=5 {
        let message = json!({ "to": "ada", "contents": number.to_string() });
        assert_eq!(domain.member(CLEO).query(SEND, message).await.code(), "OK");
    }
    let mut seen = Vec::new();
    let mut args = json!({ "first": 2 });
    loop {
        let page = domain.of_person(&member(ADA), ADA, INBOX, args.clone()).await;
        seen.extend(texts(page.all("_entities.0.inbox.nodes.*.contents")));
        // A message that arrives meanwhile goes in front of the pages that are being read.
        domain.send(DAN, "ada", "new").await;
        let info = page.at("_entities.0.inbox.pageInfo");
        if info["hasNextPage"] == false {
            break;
        }
        args["after"] = info["endCursor"].clone();
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1"]);
    assert_eq!(domain.inbox(ADA, json!({ "last": 2 })).await, ["2", "1"]);
}

#[tokio::test]
async fn every_page_between_two_cursors_is_a_slice_of_the_list() {
    let domain = MessagesDomain::new().await;
    // Pairs of messages sent at the same time, one second between pairs.
    for pair in 1..=3 {
        domain.send(CLEO, "ada", &format!("{pair}a")).await;
        let twin = json!({ "to": "ada", "contents": format!("{pair}b") });
        assert_eq!(domain.member(DAN).query(SEND, twin).await.code(), "OK");
    }
    let all = ["3b", "3a", "2b", "2a", "1b", "1a"];
    let whole = domain.of_person(&member(ADA), ADA, INBOX, json!({})).await;
    let cursors = whole.all("_entities.0.inbox.edges.*.cursor");
    for after in 0..all.len() {
        for before in after + 1..all.len() {
            let between = &all[after + 1..before];
            let mut args = json!({ "after": cursors[after], "before": cursors[before], "first": 2 });
            let first = domain.inbox(ADA, args.clone()).await;
            assert_eq!(first, between[..between.len().min(2)], "{after} {before}");
            args["first"] = json!(null);
            args["last"] = json!(2);
            let last = domain.inbox(ADA, args).await;
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
    domain.member(ADA).query(FAVORITE_AND_READ, json!({})).await;
    for (filter, wanted) in [
        (json!({ "favorite": true }), vec!["two"]),
        (json!({ "favorite": false }), vec!["three", "one"]),
        (json!({ "unread": true }), vec!["three"]),
        (json!({ "unread": false }), vec!["two", "one"]),
        (json!({ "unread": false, "favorite": false }), vec!["one"]),
        (json!({ "unread": true, "favorite": true }), vec![]),
        (json!({ "unread": null, "favorite": null, "first": 1 }), vec!["three"]),
    ] {
        assert_eq!(domain.inbox(ADA, filter.clone()).await, wanted, "{filter}");
    }
}

#[tokio::test]
async fn marking_as_read_counts_the_newly_read_messages() {
    let domain = MessagesDomain::new().await;
    for contents in ["one", "two", "three"] {
        domain.send(CLEO, "ada", contents).await;
    }
    domain.send(CLEO, "ben", "not hers").await;
    assert_eq!(domain.unread(ADA).await, 3);
    for (ids, wanted, left) in [
        (json!([1, 2, 4, 99, "x", 1]), 2, 1),
        (json!([1, 2]), 0, 1),
        (json!([]), 0, 1),
        (json!([3]), 1, 0),
    ] {
        let marked = domain.member(ADA).query(MARK_READ, json!({ "ids": ids })).await;
        assert_eq!(marked, json!({ "data": { "markRead": wanted } }), "{ids}");
        assert_eq!(domain.unread(ADA).await, left, "{ids}");
    }
    assert_eq!(domain.unread(BEN).await, 1);
    let many = json!({ "ids": vec!["1"; 101] });
    let refused = domain.member(ADA).query(MARK_READ, many).await;
    assert_eq!(refused.code(), "INVALID_INPUT");
}

#[tokio::test]
async fn a_favourite_can_be_set_and_unset() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "one").await;
    for (document, args, wanted) in [
        (FAVORITE, json!({ "id": 1 }), true),
        (MARK_OR_UNMARK, json!({ "id": 1, "favorite": true }), true),
        (MARK_OR_UNMARK, json!({ "id": 1, "favorite": false }), false),
        (MARK_OR_UNMARK, json!({ "id": 1, "favorite": false }), false),
    ] {
        let marked = domain.member(ADA).query(document, args.clone()).await;
        assert_eq!(marked.at("favoriteMessage.favorite"), wanted, "{args}");
    }
}

#[tokio::test]
async fn a_deleted_message_is_gone_for_both() {
    let domain = MessagesDomain::new().await;
    domain.send(CLEO, "ada", "one").await;
    domain.send(CLEO, "ada", "two").await;
    let one = json!({ "id": 1 });
    let deleted = domain.member(ADA).query(DELETE, one.clone()).await;
    assert_eq!(deleted, json!({ "data": { "deleteMessage": true } }));
    let missing = domain.member(ADA).query(DELETE, one.clone()).await;
    assert_eq!(missing.code(), "NOT_FOUND");
    assert_eq!(domain.inbox(ADA, json!({})).await, ["two"]);
    assert_eq!(domain.sent(CLEO).await, ["two"]);
    let gone = domain.admin().query(MESSAGE, one).await;
    assert_eq!(gone, json!({ "data": { "message": null } }));
}

#[tokio::test]
async fn message_changes_are_announced_to_its_two_parties_only() {
    let domain = MessagesDomain::new().await;
    let mut events = domain.services.bus.subscribe();
    domain.send(CLEO, "ada", "one").await;
    for (change, args) in [
        (FAVORITE, json!({ "id": 1 })),
        (FAVORITE, json!({ "id": 1 })),
        (MARK_READ, json!({ "ids": [1] })),
        (MARK_READ, json!({ "ids": [1] })),
        (DELETE, json!({ "id": 1 })),
    ] {
        let done = domain.member(ADA).query(change, args).await;
        assert_eq!(done.code(), "OK");
    }
    // A mutation that changes nothing sends no event.
    let mut wanted = vec![Event::MessageSent { id: 1, to: ADA }];
    wanted.extend((1..=4).map(|version| Event::Invalidated {
        typename: "Message",
        key: "message_1".to_owned(),
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
    let message = |id: &str| json!({ "__typename": "Message", "id": id });
    let user = |id: &str| json!({ "__typename": "User", "id": id });
    let of = json!([message("2"), message("1"), message("x"), user("2"), user("1")]);
    let answer = domain.member(ADA).query(ENTITIES, json!({ "of": of })).await;
    assert_eq!(
        answer["data"]["_entities"],
        json!([
            null, { "contents": "hers" }, null,
            { "id": "user_2", "unreadCount": null }, { "id": "user_1", "unreadCount": 1 },
        ])
    );
    assert_eq!(answer.code(), "FORBIDDEN");
}

#[tokio::test]
async fn the_sample_data_is_there_once() {
    let domain = MessagesDomain::new().await;
    let people = DemoPeople {
        ada: ADA,
        ben: BEN,
        cleo: CLEO,
        dan: DAN,
        admin: 0,
    };
    for _ in 0..2 {
        messages::demo::seed(&domain.services, people).await.unwrap();
    }
    let mut total = 0;
    for person in [ADA, BEN, CLEO, DAN] {
        let inbox = domain.inbox(person, json!({})).await;
        assert!(!inbox.is_empty(), "{person}");
        total += inbox.len();
    }
    assert_eq!(total, 8);
    assert_eq!(domain.unread(CLEO).await, 2);
}
