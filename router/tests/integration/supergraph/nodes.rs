//! `node` and `nodes`: any object by its id.

use agora::supergraph::Supergraph;
use contract::{EntityType, Viewer};
use serde_json::{Value, json};
use testing::{admin, member};

use crate::everything::Demo;

const NODE: &str = "query($id: ID!) { node(id: $id) { __typename id } }";

#[tokio::test]
async fn every_object_is_found_by_its_id_alone() {
    let demo = Demo::new().await;
    let buy = "mutation { placeOrder(input: { side: BUY, stock: \"stock_1\", quantity: 1, automated: true, limitPrice: { amount: \"0.01\" } }) { id } }";
    demo.ada().query(buy, json!({})).await.at("placeOrder.id");
    let client = demo.client(admin());
    for entity in EntityType::ALL {
        let id = match entity {
            EntityType::Community => entity.id("books"),
            entity => entity.id(1),
        };
        let answer = client.query(NODE, json!({ "id": *id })).await;
        let found = json!({ "__typename": entity.name(), "id": *id });
        assert_eq!(answer.at("node"), &found);
        let unknown = client.query(NODE, json!({ "id": entity.text_id(999_999) })).await;
        assert_eq!(unknown.at("node"), &Value::Null, "{entity:?}");
    }
}

#[tokio::test]
async fn nodes_of_all_domains_come_in_the_order_of_their_ids() {
    let demo = Demo::new().await;
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id
        ... on Book { title }
        ... on Product { name }
        ... on Post { title score author { username } }
        ... on User { username bookPurchases(first: 1) { nodes { title } } }
    } }";
    let ids = json!(["book_2", "user_9999", "post_1", "product_1", "book_2", "book_99"]);
    let answer = demo.client(admin()).query(query, json!({ "ids": ids })).await;
    let book = json!({ "id": "book_2", "title": "RPCs for Noobs" });
    assert_eq!(answer.at("nodes.0"), &book);
    assert_eq!(answer.at("nodes.1"), &Value::Null);
    assert_eq!(answer.at("nodes.2.id"), "post_1");
    assert!(answer.at("nodes.2.score").is_i64(), "{answer}");
    assert_eq!(answer.at("nodes.3.id"), "product_1");
    assert_eq!(answer.at("nodes.4"), &book);
    assert_eq!(answer.at("nodes.5"), &Value::Null);
}

#[tokio::test]
async fn a_node_that_the_viewer_may_not_see_is_null() {
    let demo = Demo::new().await;
    let mine = "{ me { wallet { id } inbox(first: 1) { nodes { id } } authorizations(first: 1) { nodes { id } }
        brokerageOrders(first: 1) { nodes { id } } holdings(first: 1) { nodes { id } } } }";
    let answer = demo.ada().query(mine, json!({})).await;
    let paths = [
        "wallet",
        "inbox.nodes.0",
        "authorizations.nodes.0",
        "brokerageOrders.nodes.0",
        "holdings.nodes.0",
    ];
    for path in paths {
        let id = answer.at(&format!("me.{path}.id"));
        let own = demo.ada().query(NODE, json!({ "id": id })).await;
        assert_eq!(own.at("node.id"), id);
        for viewer in [Viewer::Anonymous, member(999_999)] {
            let refused = demo.client(viewer).query(NODE, json!({ "id": id })).await;
            assert_eq!(refused, json!({ "data": { "node": null } }), "{id}");
        }
    }
}

#[tokio::test]
async fn votes_on_an_id_without_a_post_are_no_node() {
    let demo = Demo::new().await;
    let vote = "mutation { upvote(postId: \"post_4000\") { score } }";
    assert_eq!(demo.ada().query(vote, json!({})).await.at("upvote.score"), 1);
    let score = "{ node(id: \"post_4000\") { ... on Post { score } } }";
    assert_eq!(
        demo.ada().query(score, json!({})).await,
        json!({ "data": { "node": null } })
    );
}

#[tokio::test]
async fn a_text_that_is_no_id_is_refused_naming_the_argument() {
    let demo = Demo::new().await;
    for (query, argument) in [
        ("query($id: ID!) { it: node(id: $id) { id } }", "id"),
        ("query($id: ID!) { it: nodes(ids: [\"book_1\", $id]) { id } }", "ids"),
    ] {
        for id in ["1", "", "robot_1", "book_", "book_x"] {
            let refused = demo.ada().query(query, json!({ "id": id })).await;
            assert_eq!((refused.code(), refused.field()), ("INVALID_INPUT", argument), "{id}");
        }
    }
    let many = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let refused = demo.ada().query(many, json!({ "ids": vec!["book_1"; 101] })).await;
    assert_eq!((refused.code(), refused.field()), ("INVALID_INPUT", "ids"));
}

#[tokio::test]
async fn lists_below_nodes_count_for_each_id() {
    let demo = Demo::new().await;
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { posts(first: 100) { nodes { community { posts(first: 100) { nodes { id } } } } } } } }";
    let one = demo.ada().query(query, json!({ "ids": ["user_1"] })).await;
    assert_eq!(one.code(), "OK", "{one}");
    let many = demo.ada().query(query, json!({ "ids": vec!["user_1"; 100] })).await;
    assert_eq!(many.code(), "QUERY_TOO_COMPLEX");
}

#[test]
fn a_node_is_found_before_its_fields_are_fetched() {
    let supergraph = Supergraph::without_subgraphs(agora::domains::SUPERGRAPH_SDL, &contract::SCALARS).unwrap();
    let query = "{ node(id: \"post_1\") { id ... on Book { title } ... on Post { title score } } }";
    insta::assert_snapshot!(supergraph.plan_text(query, None).unwrap(), @"
    Sequence
      Fetch nodes  query($a0:ID!) { node(id: $a0) { __typename id ...on Book { id } ...on Post { id } } }
      Parallel
        Fetch bookstore  Book(id) => { title }   at node|[Book]
        Fetch posts  Post(id) => { title }   at node|[Post]
        Fetch votes  Post(id) => { score }   at node|[Post]
    ");
}
