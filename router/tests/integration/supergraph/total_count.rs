//! `totalCount` of the lists that have one.

use serde_json::{Value, json};
use testing::admin;

use crate::everything::Demo;

/// The counted lists of a person, each as a path of fields with arguments.
const LISTS: &[&str] = &[
    "authorizations(ARGUMENTS)",
    "authorizations(active: true, ARGUMENTS)",
    "holdings(ARGUMENTS)",
    "inbox(ARGUMENTS)",
    "inbox(unread: true, ARGUMENTS)",
    "sent(ARGUMENTS)",
    "shopOrders(ARGUMENTS)",
    "wallet { list: transactions(ARGUMENTS)",
    "wallet { list: transactions(type: DEPOSIT, ARGUMENTS)",
    "wallet { list: holds(ARGUMENTS)",
    "bookPurchases(ARGUMENTS)",
];

fn query(list: &str, first: usize, fields: &str) -> (String, &'static str) {
    let (open, path) = match list.split_once(" { list: ") {
        Some(_) => (list.to_owned(), "me.wallet.list"),
        None => (format!("list: {list}"), "me.list"),
    };
    let close = if path == "me.list" { "" } else { "}" };
    let open = open.replace("ARGUMENTS", &format!("first: {first}"));
    (format!("{{ me {{ {open} {{ {fields} }} {close} }} }}"), path)
}

#[tokio::test]
async fn a_counted_list_has_the_number_of_all_its_nodes() {
    let demo = Demo::new().await;
    let mut longest = 0;
    for list in LISTS {
        let (all, path) = query(list, 100, "nodes { id }");
        let all = demo.ada().query(&all, json!({})).await;
        let nodes = all.at(&format!("{path}.nodes")).as_array().unwrap().len();
        for first in [0, 1] {
            let (page, path) = query(list, first, "totalCount nodes { id }");
            let page = demo.ada().query(&page, json!({})).await;
            assert_eq!(page.at(&format!("{path}.totalCount")), nodes, "{list}");
        }
        longest = longest.max(nodes);
    }
    assert!(longest > 1, "some list is longer than its page");
}

#[tokio::test]
async fn a_list_is_counted_by_one_statement_and_only_if_its_number_is_selected() {
    let demo = Demo::new().await;
    for list in LISTS {
        let mut reads = Vec::new();
        for fields in ["nodes { id }", "nodes { id }", "totalCount nodes { id }"] {
            let (page, _) = query(list, 1, fields);
            let before = demo.reads();
            assert_eq!(demo.ada().query(&page, json!({})).await.code(), "OK");
            reads.push(demo.reads() - before);
        }
        assert_eq!(reads[2], reads[1] + 1, "{list}");
    }
}

#[tokio::test]
async fn the_messages_of_all_people_are_not_counted() {
    let demo = Demo::new().await;
    let all = "{ messages(favorite: false, first: 1) { totalCount nodes { id } } }";
    let answer = demo.client(admin()).query(all, json!({})).await;
    assert_eq!(answer.at("messages.totalCount"), &Value::Null);
    let of_one = "{ messages(to: \"ada\", first: 0) { totalCount } }";
    let answer = demo.client(admin()).query(of_one, json!({})).await;
    assert!(answer.at("messages.totalCount").is_i64());
}
