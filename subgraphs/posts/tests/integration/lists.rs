//! Lists of posts: newest first, page by page.

use serde_json::{Value, json};

use crate::support::{ADA, BEN, CLEO, DAN, POSTS_OF_PERSON, PostsDomain, RECENT, create, service, titles};

const OF_COMMUNITY: &str = r#"query($first: Int, $after: String) {
    community(name: "books") {
        posts(first: $first, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } }
    }
}"#;
const ONE_COMMUNITY: &str = "query($after: String) {
    communities(first: 1, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } }
}";
const OLDEST: &str = "{ recentPosts(last: 1) { nodes { id } } }";
const NEWEST_DATE: &str = "{ recentPosts(first: 1) { nodes { at } } }";
const ENTITIES: &str = "query($of: [_Any!]!) { _entities(representations: $of) {
    ... on Post { title }
    ... on Community { name }
    ... on User { posts { nodes { id } } }
} }";

#[tokio::test]
async fn the_newest_post_comes_first() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    domain.post(DAN, "Outdoors", "two").await;
    domain.post(CLEO, "books", "three").await;
    assert_eq!(domain.titles(json!({})).await, ["three", "two", "one"]);
    for (args, wanted) in [
        (json!({ "community": "BOOKS" }), vec!["three", "one"]),
        (json!({ "community": null, "first": 1 }), vec!["three"]),
        (json!({ "community": "nowhere" }), vec![]),
        (json!({ "community": "" }), vec![]),
    ] {
        assert_eq!(domain.titles(args.clone()).await, wanted, "{args}");
    }
    let cleo = domain.posts_of(CLEO, json!({})).await;
    assert_eq!(titles(cleo.at("_entities.0.posts")), ["three", "one"]);
    let unknown = domain.posts_of(99, json!({})).await;
    assert_eq!(unknown.at("_entities.0.id"), "user_99");
    assert_eq!(unknown.at("_entities.0.posts.nodes"), &json!([]));
}

#[tokio::test]
async fn newest_is_by_date_and_then_by_id() {
    let domain = PostsDomain::new().await;
    for (title, at) in [
        ("second", "2026-03-01T00:00:00Z"),
        ("first", "2026-02-01T00:00:00Z"),
        ("third", "2026-03-01T00:00:00Z"),
        ("epoch", "1970-01-01T00:00:00Z"),
        ("last", "9999-12-31T23:59:59.999999Z"),
    ] {
        let input = json!({ "title": title, "text": "a", "community": "b", "username": "c", "at": at });
        assert_eq!(create(&domain, &service(), &input).await.code(), "OK", "{title}");
    }
    let newest = ["last", "third", "second", "first", "epoch"];
    assert_eq!(domain.titles(json!({})).await, newest);
    let oldest = domain.titles(json!({ "community": "b", "last": 2 })).await;
    assert_eq!(oldest, ["first", "epoch"]);
    let last = domain.anonymous().query(NEWEST_DATE, json!({})).await;
    let newest = json!({ "nodes": [{ "at": "9999-12-31T23:59:59.999999+00:00" }] });
    assert_eq!(last, json!({ "data": { "recentPosts": newest } }));
}

/// Reads a list, which is at `path` of the answers, in pages of two while posts are created and deleted in between.
/// Returns the titles.
async fn read_among_writers(
    domain: &PostsDomain,
    (document, path, mut args): (&str, &str, Value),
    community: &str,
) -> Vec<String> {
    args["first"] = json!(2);
    let mut seen = Vec::new();
    for round in 0.. {
        let answer = domain.anonymous().query(document, args.clone()).await;
        let page = answer.at(path);
        seen.extend(titles(page));
        // A post created meanwhile goes in front of the pages that are being read. A deleted one has been read
        // already.
        domain.post(DAN, community, &format!("new {round}")).await;
        if round == 1 {
            let first = domain.anonymous().query(OLDEST, json!({})).await;
            assert_eq!(first.at("recentPosts.nodes.0.id"), "post_1");
            domain.delete("5").await;
            domain.delete("4").await;
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        args["after"] = page["pageInfo"]["endCursor"].clone();
    }
    seen
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_posts_during_changes() {
    let cleo = json!([{ "__typename": "User", "id": "user_3" }]);
    for (list, community) in [
        ((RECENT, "recentPosts", json!({})), "elsewhere"),
        ((RECENT, "recentPosts", json!({ "community": "books" })), "Books"),
        ((OF_COMMUNITY, "community.posts", json!({})), "Books"),
        ((POSTS_OF_PERSON, "_entities.0.posts", json!({ "of": cleo })), "Books"),
    ] {
        let domain = PostsDomain::new().await;
        // All of these posts have the same date, so their ids order them.
        for number in 1..=5 {
            domain.post_at_once(CLEO, "Books", &number.to_string()).await;
        }
        let seen = read_among_writers(&domain, list.clone(), community).await;
        assert_eq!(seen, ["5", "4", "3", "2", "1"], "{list:?}");
    }
}

#[tokio::test]
async fn every_page_between_two_cursors_is_a_slice_of_the_list() {
    let domain = PostsDomain::new().await;
    // Pairs of posts with the same date, one second between pairs, among posts in other communities.
    for pair in 1..=3 {
        domain.post(CLEO, "Books", &format!("{pair}a")).await;
        domain.post_at_once(CLEO, "Outdoors", "elsewhere").await;
        domain.post_at_once(DAN, "Books", &format!("{pair}b")).await;
    }
    let all = ["3b", "3a", "2b", "2a", "1b", "1a"];
    let list = domain.anonymous().query(RECENT, json!({ "community": "Books" })).await;
    let cursors = list.all("recentPosts.edges.*.cursor");
    for after in 0..all.len() {
        for before in after + 1..all.len() {
            let between = &all[after + 1..before];
            let within = |count: &str| {
                let mut args = json!({ "community": "Books", "after": cursors[after], "before": cursors[before] });
                args[count] = json!(2);
                args
            };
            let first = domain.titles(within("first")).await;
            assert_eq!(first, between[..between.len().min(2)], "{after} {before}");
            let last = domain.titles(within("last")).await;
            assert_eq!(last, between[between.len().saturating_sub(2)..], "{after} {before}");
        }
    }
}

#[tokio::test]
async fn a_list_reads_the_texts_only_when_selected() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    for (asked, wanted) in [
        (
            "{ recentPosts { nodes { text title } } }",
            json!({ "nodes": [{ "text": "about one", "title": "one" }] }),
        ),
        (
            "{ recentPosts { edges { node { ... on Post { said: text } } } } }",
            json!({ "edges": [{ "node": { "said": "about one" } }] }),
        ),
        (
            "{ recentPosts { nodes { id } edges { node { text } } } }",
            json!({ "nodes": [{ "id": "post_1" }], "edges": [{ "node": { "text": "about one" } }] }),
        ),
        (
            "{ recentPosts { nodes { id title url username at community { name } author { id } } } }",
            json!({ "nodes": [{
                "id": "post_1", "title": "one", "url": null, "username": "cleo", "at": "2026-01-01T00:00:01+00:00",
                "community": { "name": "Books" }, "author": { "id": "user_3" },
            }] }),
        ),
    ] {
        let answer = domain.anonymous().query(asked, json!({})).await;
        assert_eq!(answer, json!({ "data": { "recentPosts": wanted } }), "{asked}");
    }
}

#[tokio::test]
async fn invalid_list_arguments_null_the_list_and_not_its_user() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    for (args, wanted) in [
        (json!({ "first": -1 }), "first"),
        (json!({ "first": 101 }), "first"),
        (json!({ "after": "x" }), "after"),
    ] {
        let person = domain.posts_of(CLEO, args.clone()).await;
        assert_eq!(person.code(), "INVALID_INPUT", "{args}");
        let without_posts = json!({ "id": "user_3", "posts": null });
        assert_eq!(person.partial("_entities.0"), &without_posts, "{args}");
        let list = domain.anonymous().query(RECENT, args.clone()).await;
        assert_eq!(list["errors"][0]["extensions"]["field"], wanted, "{args}");
    }
}

#[tokio::test]
async fn communities_are_listed_in_pages_by_creation() {
    let domain = PostsDomain::new().await;
    for (author, name) in [(CLEO, "zebras"), (DAN, "Apes"), (ADA, "ZEBRAS"), (BEN, "mice")] {
        domain.post(author, name, "a").await;
    }
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = domain.anonymous().query(ONE_COMMUNITY, json!({ "after": after })).await;
        let page = answer.at("communities");
        seen.push(page["nodes"][0]["name"].clone());
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, ["zebras", "Apes", "mice"]);
}

#[tokio::test]
async fn entities_answer_one_by_one() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    let post = |id: &str| json!({ "__typename": "Post", "id": id });
    let community = |name: &str| json!({ "__typename": "Community", "name": name });
    let user = json!({ "__typename": "User", "id": "user_3" });
    let of = json!([
        post("2"),
        post("1"),
        post("01"),
        community("BOOKS"),
        community("nowhere"),
        user
    ]);
    let answer = domain.anonymous().query(ENTITIES, json!({ "of": of })).await;
    assert_eq!(
        answer,
        json!({ "data": { "_entities": [
            null, { "title": "one" }, null, { "name": "Books" }, null, { "posts": { "nodes": [{ "id": "post_1" }] } },
        ] } })
    );
}
