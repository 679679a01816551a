//! Lists of posts: newest first, page by page.

use contract::Viewer;
use serde_json::{Value, json};

use crate::support::{ADA, BEN, CLEO, DAN, PostsDomain, code, create, service, titles};

#[tokio::test]
async fn the_newest_post_comes_first() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    domain.post(DAN, "Outdoors", "two").await;
    domain.post(CLEO, "books", "three").await;
    assert_eq!(domain.titles("recentPosts").await, ["three", "two", "one"]);
    assert_eq!(
        domain.titles(r#"recentPosts(community: "BOOKS")"#).await,
        ["three", "one"]
    );
    assert_eq!(domain.titles("recentPosts(community: null, first: 1)").await, ["three"]);
    assert_eq!(domain.titles(r#"recentPosts(community: "nowhere")"#).await, [""; 0]);
    assert_eq!(domain.titles(r#"recentPosts(community: "")"#).await, [""; 0]);
    let (cleo, _) = domain.of_person(CLEO, "posts { nodes { title } }").await;
    assert_eq!(titles(&cleo["posts"]), ["three", "one"]);
    let (unknown, _) = domain.of_person(99, "id posts { nodes { title } }").await;
    assert_eq!(unknown, json!({ "id": "99", "posts": { "nodes": [] } }));
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
        let input = format!(r#"title: "{title}", text: "a", community: "b", username: "c", at: "{at}""#);
        assert_eq!(code(&create(&domain, &service(), &input).await), "OK", "{title}");
    }
    let newest = ["last", "third", "second", "first", "epoch"];
    assert_eq!(domain.titles("recentPosts").await, newest);
    assert_eq!(
        domain.titles(r#"recentPosts(community: "b", last: 2)"#).await,
        ["first", "epoch"]
    );
    let last = domain
        .ask(&Viewer::Anonymous, "{ recentPosts(first: 1) { nodes { at } } }")
        .await;
    assert_eq!(
        last["data"]["recentPosts"]["nodes"][0]["at"],
        "9999-12-31T23:59:59.999999+00:00"
    );
}

/// Reads a list in pages of two while posts are created and deleted in between. Returns the titles.
async fn read_among_writers(domain: &PostsDomain, list: &str, community: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut after = String::new();
    for round in 0.. {
        let list = list.replace("ARGS", &format!("first: 2{after}"));
        let document = format!("{{ {list} }}");
        let answer = domain.ask(&Viewer::Anonymous, &document).await;
        let mut page = &answer["data"];
        while page.get("nodes").is_none() {
            page = page
                .as_object()
                .and_then(|object| object.values().next())
                .or_else(|| page.get(0))
                .unwrap_or_else(|| panic!("{answer}"));
        }
        seen.extend(titles(page));
        // A post created meanwhile goes in front of the pages that are being read. A deleted one has been read
        // already.
        domain.post(DAN, community, &format!("new {round}")).await;
        if round == 1 {
            let first = domain
                .ask(&Viewer::Anonymous, "{ recentPosts(last: 1) { nodes { id } } }")
                .await;
            assert_eq!(first["data"]["recentPosts"]["nodes"][0]["id"], "1");
            domain.delete("5").await;
            domain.delete("4").await;
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
    }
    seen
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_posts_during_changes() {
    const PAGE: &str = "nodes { title } pageInfo { hasNextPage endCursor }";
    let person = format!(
        r#"_entities(representations: [{{ __typename: "User", id: "3" }}]) {{ ... on User {{ posts(ARGS) {{ {PAGE} }} }} }}"#
    );
    for (list, community) in [
        (format!("recentPosts(ARGS) {{ {PAGE} }}"), "elsewhere"),
        (
            format!(r#"recentPosts(community: "books", ARGS) {{ {PAGE} }}"#),
            "Books",
        ),
        (
            format!(r#"community(name: "books") {{ posts(ARGS) {{ {PAGE} }} }}"#),
            "Books",
        ),
        (person, "Books"),
    ] {
        let domain = PostsDomain::new().await;
        // All of these posts have the same date, so their ids order them.
        for number in 1..=5 {
            domain.post_at_once(CLEO, "Books", &number.to_string()).await;
        }
        let seen = read_among_writers(&domain, &list, community).await;
        assert_eq!(seen, ["5", "4", "3", "2", "1"], "{list}");
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
    let list = domain
        .ask(
            &Viewer::Anonymous,
            r#"{ recentPosts(community: "Books") { edges { cursor } } }"#,
        )
        .await;
    let cursor = |index: usize| list["data"]["recentPosts"]["edges"][index]["cursor"].to_string();
    for after in 0..all.len() {
        for before in after + 1..all.len() {
            let between = &all[after + 1..before];
            let within = format!(
                r#"community: "Books", after: {}, before: {}"#,
                cursor(after),
                cursor(before)
            );
            let first = domain.titles(&format!("recentPosts(first: 2, {within})")).await;
            assert_eq!(first, between[..between.len().min(2)], "{after} {before}");
            let last = domain.titles(&format!("recentPosts(last: 2, {within})")).await;
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
            "nodes { text title }",
            json!({ "nodes": [{ "text": "about one", "title": "one" }] }),
        ),
        (
            "edges { node { ... on Post { said: text } } }",
            json!({ "edges": [{ "node": { "said": "about one" } }] }),
        ),
        (
            "nodes { id } edges { node { text } }",
            json!({ "nodes": [{ "id": "1" }], "edges": [{ "node": { "text": "about one" } }] }),
        ),
        (
            "nodes { id title url username at community { name } author { id } }",
            json!({ "nodes": [{
                "id": "1", "title": "one", "url": null, "username": "cleo", "at": "2026-01-01T00:00:01+00:00",
                "community": { "name": "Books" }, "author": { "id": "3" },
            }] }),
        ),
    ] {
        let answer = domain
            .ask(&Viewer::Anonymous, &format!("{{ recentPosts {{ {asked} }} }}"))
            .await;
        assert_eq!(answer, json!({ "data": { "recentPosts": wanted } }), "{asked}");
    }
}

#[tokio::test]
async fn invalid_list_arguments_null_the_list_and_not_its_user() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    for (args, wanted) in [
        ("first: -1", "first"),
        ("first: 101", "first"),
        (r#"after: "x""#, "after"),
    ] {
        let (person, found) = domain
            .of_person(CLEO, &format!("id posts({args}) {{ nodes {{ id }} }}"))
            .await;
        assert_eq!(found, "INVALID_INPUT", "{args}");
        assert_eq!(person, json!({ "id": "3", "posts": null }), "{args}");
        let list = domain
            .ask(
                &Viewer::Anonymous,
                &format!("{{ recentPosts({args}) {{ nodes {{ id }} }} }}"),
            )
            .await;
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
    let mut after = String::new();
    loop {
        let document =
            format!("{{ communities(first: 1{after}) {{ nodes {{ name }} pageInfo {{ hasNextPage endCursor }} }} }}");
        let answer = domain.ask(&Viewer::Anonymous, &document).await;
        let page = &answer["data"]["communities"];
        seen.push(page["nodes"][0]["name"].clone());
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(seen, ["zebras", "Apes", "mice"]);
}

#[tokio::test]
async fn entities_answer_one_by_one() {
    let domain = PostsDomain::new().await;
    domain.post(CLEO, "Books", "one").await;
    let answer = domain
        .ask(
            &Viewer::Anonymous,
            r#"{ _entities(representations: [
                { __typename: "Post", id: "2" }, { __typename: "Post", id: "1" }, { __typename: "Post", id: "01" },
                { __typename: "Community", name: "BOOKS" }, { __typename: "Community", name: "nowhere" },
                { __typename: "User", id: "3" }
            ]) { ... on Post { title } ... on Community { name } ... on User { posts { nodes { id } } } } }"#,
        )
        .await;
    assert_eq!(
        answer,
        json!({ "data": { "_entities": [
            null, { "title": "one" }, null, { "name": "Books" }, null, { "posts": { "nodes": [{ "id": "1" }] } },
        ] } })
    );
    assert_ne!(answer["data"], Value::Null);
}
