//! Creating posts, and the limits of a post.

use std::sync::Arc;

use contract::{Audience, Event};
use futures_util::future::join_all;
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{ADA, BEN, CLEO, COMMUNITIES, DAN, POST, PostsDomain, create, create_with_key, member, service};

const COMMUNITY: &str = "query($name: String!) { community(name: $name) { name posts { nodes { title } } } }";
const AUTHORS: &str = "{ recentPosts { nodes { username author { id } } } }";

/// The input of a valid post with these members beside, or instead of, its own.
fn hello(members: Value) -> Value {
    let mut input = json!({ "title": "Hello", "text": "World", "community": "Books" });
    for (name, value) in members.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

#[tokio::test]
async fn a_post_is_its_authors_and_is_read_as_it_was_written() {
    let domain = PostsDomain::new().await;
    let input = json!({
        "title": " Hello ", "text": "  Good\nmorning ", "community": " Books ",
        "url": " HTTPS://example.com/ä?b=1#c ",
    });
    let made = create(&domain, &member(ADA), &input).await;
    let post = json!({
        "id": "post_1", "title": "Hello", "text": "Good\nmorning", "url": "HTTPS://example.com/ä?b=1#c",
        "community": { "name": "Books" }, "username": "Ada", "author": { "id": "user_1" },
        "at": "2026-01-01T00:00:00+00:00",
    });
    assert_eq!(made, json!({ "data": { "createPost": post } }));
    let read = domain.member(DAN).query(POST, json!({ "id": 1 })).await;
    assert_eq!(read, json!({ "data": { "post": post } }));
}

#[tokio::test]
async fn a_community_is_shown_as_it_was_first_spelled() {
    let domain = PostsDomain::new().await;
    for (spelling, title) in [
        ("Straße", "one"),
        (" STRASSE", "two"),
        ("strasse", "three"),
        ("Books", "four"),
    ] {
        let input = json!({ "title": title, "text": "a", "community": spelling });
        let made = create(&domain, &member(CLEO), &input).await;
        let wanted = if spelling == "Books" { "Books" } else { "Straße" };
        assert_eq!(made.at("createPost.community.name"), wanted);
    }
    assert_eq!(
        domain.titles(json!({ "community": "STRASSE " })).await,
        ["three", "two", "one"]
    );
    let all = domain.member(DAN).query(COMMUNITIES, json!({})).await;
    let names = json!([{ "name": "Straße" }, { "name": "Books" }]);
    assert_eq!(all, json!({ "data": { "communities": { "nodes": names } } }));
}

#[tokio::test]
async fn a_community_is_found_in_any_case_from_its_first_post_on() {
    let domain = PostsDomain::new().await;
    let find = async |name: &str| {
        let found = domain.member(DAN).query(COMMUNITY, json!({ "name": name })).await;
        found.at("community").clone()
    };
    assert_eq!(find("books").await, Value::Null);
    let id = domain.post(CLEO, "Books", "one").await;
    let found = json!({ "name": "Books", "posts": { "nodes": [{ "title": "one" }] } });
    assert_eq!(find(" bOOKS ").await, found);
    assert_eq!(find("ｂｏｏｋｓ").await, found, "full-width letters");
    assert_eq!(find("bo\u{200b}oks").await, found, "a code point that is not displayed");
    assert_eq!(find("").await, Value::Null);
    domain.delete(&id).await;
    let found = json!({ "name": "Books", "posts": { "nodes": [] } });
    assert_eq!(find("books").await, found, "it stays");
}

#[tokio::test]
async fn an_invalid_post_is_not_created() {
    let domain = PostsDomain::new().await;
    let text = |length: usize| "ä".repeat(length);
    let of = |title: &str, text: &str, community: &str| json!({ "title": title, "text": text, "community": community });
    for (input, field) in [
        (of(" ", "b", "c"), "input.title"),
        (of(&text(301), "b", "c"), "input.title"),
        (of("a\0", "b", "c"), "input.title"),
        (of("a", "\n", "c"), "input.text"),
        (of("a", &text(40_001), "c"), "input.text"),
        (of("a", "b\u{1b}", "c"), "input.text"),
        (of("a", "b", ""), "input.community"),
        (of("a", "b", "."), "input.community"),
        (of("a", "b", " .."), "input.community"),
        (hello(json!({ "username": ".." })), "input.username"),
        (of("a", "b", "\u{200b} \u{2060}"), "input.community"),
        (of("a", "b", &text(65)), "input.community"),
        (of("a", "b", "c\nd"), "input.community"),
        (hello(json!({ "username": "" })), "input.username"),
        (hello(json!({ "username": text(65) })), "input.username"),
        (hello(json!({ "username": "a\tb" })), "input.username"),
        (hello(json!({ "at": "1969-12-31T23:59:59Z" })), "input.at"),
        (hello(json!({ "url": "ftp://example.com/" })), "input.url"),
        (hello(json!({ "url": "javascript:alert(1)" })), "input.url"),
        (hello(json!({ "url": "mailto:cleo@example.com" })), "input.url"),
        (hello(json!({ "url": "example.com:80/path" })), "input.url"),
        (hello(json!({ "url": "cleo@example.com" })), "input.url"),
        (hello(json!({ "url": "example..com" })), "input.url"),
        (hello(json!({ "url": "//example.com/" })), "input.url"),
        (hello(json!({ "url": "/path.html" })), "input.url"),
        (hello(json!({ "url": "http:example.com" })), "input.url"),
        (hello(json!({ "url": "http:///a" })), "input.url"),
        (hello(json!({ "url": "https://exa mple.com/" })), "input.url"),
        (hello(json!({ "url": "https://example.com/\n<script>" })), "input.url"),
        (hello(json!({ "url": "ä" })), "input.url"),
        (
            hello(json!({ "url": format!("http://example.com/{}", text(2_000)) })),
            "input.url",
        ),
    ] {
        let answer = create(&domain, &service(), &input).await;
        let shown: String = input.to_string().chars().take(60).collect();
        assert_eq!(answer.code(), "INVALID_INPUT", "{shown}");
        assert_eq!(answer["errors"][0]["extensions"]["field"], field, "{shown}");
    }
    for input in [
        json!({ "text": "b", "community": "c" }),
        json!({ "title": "a", "text": 1, "community": "c" }),
        hello(json!({ "at": "soon" })),
    ] {
        let answer = create(&domain, &service(), &input).await;
        assert_eq!(answer.code(), "INVALID_INPUT", "{input}");
    }
    assert!(domain.titles(json!({})).await.is_empty());
    let none = domain.member(DAN).query(COMMUNITIES, json!({})).await;
    assert_eq!(none.at("communities.nodes"), &json!([]), "nor a community");
    let mut longest = of(&text(300), &text(40_000), &text(64));
    longest["url"] = json!(format!("https://example.com/{}", text(1_980)));
    let answer = create(&domain, &member(CLEO), &longest).await;
    assert_eq!(answer.at("createPost.text"), &text(40_000));
}

#[tokio::test]
async fn a_url_without_a_scheme_is_kept_as_it_was_sent() {
    let domain = PostsDomain::new().await;
    for url in [
        "www.example.com",
        "Example.com/a:b?c=d@e",
        "www.example.com/ä#1",
        "http://localhost:80",
    ] {
        let made = create(&domain, &member(CLEO), &hello(json!({ "url": url }))).await;
        assert_eq!(made.at("createPost.url"), url);
    }
}

#[tokio::test]
async fn a_blank_url_is_null() {
    let domain = PostsDomain::new().await;
    for url in [Value::Null, json!(" ")] {
        let made = create(&domain, &member(CLEO), &hello(json!({ "url": url }))).await;
        assert_eq!(made.at("createPost.url"), &Value::Null, "{url}");
    }
}

#[tokio::test]
async fn operators_post_for_others_and_date_it() {
    let domain = PostsDomain::new().await;
    let input = |name: &str| hello(json!({ "username": name, "at": "2025-12-24T18:00:00+02:00" }));
    domain.deactivate(DAN).await;
    for (name, author) in [
        ("CLEO", json!({ "id": "user_3" })),
        ("nobody", Value::Null),
        ("dan", Value::Null),
    ] {
        let made = create(&domain, &service(), &input(name)).await;
        let post = made.at("createPost");
        assert_eq!(post["username"], name, "as it was given: {made}");
        assert_eq!(post["author"], author, "{name}");
        assert_eq!(post["at"], "2025-12-24T16:00:00+00:00", "{name}");
    }
}

#[tokio::test]
async fn twenty_calls_with_one_key_make_one_post() {
    let domain = Arc::new(PostsDomain::new().await);
    let answers = join_all((0..20).map(|_| {
        let domain = domain.clone();
        tokio::spawn(async move { create_with_key(&domain, &member(CLEO), &hello(json!({})), "k").await })
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.unwrap().at("createPost.id"), "post_1");
    }
    assert_eq!(domain.titles(json!({})).await, ["Hello"]);
}

#[tokio::test]
async fn a_replay_repeats_the_response_after_post_changes() {
    let domain = PostsDomain::new().await;
    domain.post(BEN, "books", "before").await;
    let plain = hello(json!({}));
    let first = create_with_key(&domain, &member(CLEO), &plain, "k").await;
    assert_eq!(first.at("createPost.community.name"), "books");
    domain.delete("2").await;
    domain.deactivate(CLEO).await;
    let mut events = domain.services.bus.subscribe();
    assert_eq!(create_with_key(&domain, &member(CLEO), &plain, "k").await, first);
    assert_eq!(received_events(&mut events), [], "there is nothing new to tell");
    assert_eq!(domain.titles(json!({})).await, ["before"]);
    let other = hello(json!({ "url": "https://example.com/" }));
    let mismatch = create_with_key(&domain, &member(CLEO), &other, "k").await;
    assert_eq!(mismatch.code(), "IDEMPOTENCY_MISMATCH");
    // A key belongs to one user, and a request that failed stores no key.
    for (input, wanted) in [(hello(json!({ "username": "ada" })), "FORBIDDEN"), (plain, "OK")] {
        let answer = create_with_key(&domain, &member(BEN), &input, "k").await;
        assert_eq!(answer.code(), wanted, "{input}");
    }
}

#[tokio::test]
async fn an_erasure_removes_an_email_username_from_its_posts() {
    let domain = PostsDomain::new().await;
    domain.add_user("Eve@example.com").await;
    let own = create_with_key(&domain, &member(5), &hello(json!({})), "k").await;
    assert_eq!(own.at("createPost.username"), "Eve@example.com");
    let given = hello(json!({ "username": "eve@EXAMPLE.com" }));
    assert_eq!(create(&domain, &service(), &given).await.code(), "OK");
    domain.post(CLEO, "Books", "hers").await;
    for gone in [5, CLEO] {
        domain.erase(gone).await;
    }
    let names = domain.service().query(AUTHORS, json!({})).await;
    let by = |username: &str, id: &str| json!({ "username": username, "author": { "id": id } });
    assert_eq!(
        names.at("recentPosts.nodes"),
        &json!([by("cleo", "user_3"), by("erased-5", "user_5"), by("erased-5", "user_5")])
    );
    let again = create_with_key(&domain, &member(5), &hello(json!({})), "k").await;
    assert_eq!(again.at("createPost.username"), "erased-5");
}

#[tokio::test]
async fn the_creation_and_deletion_of_a_post_are_announced_to_all() {
    let domain = PostsDomain::new().await;
    let mut events = domain.services.bus.subscribe();
    let id = domain.post(CLEO, "Books", "one").await;
    domain.delete(&id).await;
    let invalidated = |version| Event::Invalidated {
        typename: "Post",
        key: "post_1".to_owned(),
        version,
        audience: Audience::Everyone,
    };
    let created = Event::PostCreated {
        id: 1,
        community: "books".to_owned(),
    };
    assert_eq!(received_events(&mut events), [created, invalidated(1), invalidated(2)]);
}
