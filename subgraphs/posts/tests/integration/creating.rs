//! Creating posts, and the limits of a post.

use std::sync::Arc;

use contract::{Audience, Event};
use futures_util::future::join_all;
use serde_json::{Value, json};
use testing::received_events;

use crate::support::{ADA, BEN, CLEO, DAN, PostsDomain, code, create, create_with, member, service};

const HELLO: &str = r#"title: "Hello", text: "World", community: "Books""#;

#[tokio::test]
async fn a_post_is_its_authors_and_is_read_as_it_was_written() {
    let domain = PostsDomain::new().await;
    let made = create(
        &domain,
        &member(ADA),
        r#"title: " Hello ", text: "  Good\nmorning ", community: " Books ", url: " HTTPS://example.com/ä?b=1#c ""#,
    )
    .await;
    let post = json!({
        "id": "1", "title": "Hello", "text": "Good\nmorning", "url": "HTTPS://example.com/ä?b=1#c",
        "community": { "name": "Books" }, "username": "Ada", "author": { "id": "1" },
        "at": "2026-01-01T00:00:00+00:00",
    });
    assert_eq!(made, json!({ "data": { "createPost": post } }));
    let fields = "id title text url community { name } username author { id } at";
    let read = domain
        .ask(&member(DAN), &format!("{{ post(id: 1) {{ {fields} }} }}"))
        .await;
    assert_eq!(read["data"]["post"], post);
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
        let input = format!(r#"title: "{title}", text: "a", community: "{spelling}""#);
        let made = create(&domain, &member(CLEO), &input).await;
        let wanted = if spelling == "Books" { "Books" } else { "Straße" };
        assert_eq!(made["data"]["createPost"]["community"]["name"], wanted, "{made}");
    }
    assert_eq!(
        domain.titles(r#"recentPosts(community: "STRASSE ")"#).await,
        ["three", "two", "one"]
    );
    let all = domain.ask(&member(DAN), "{ communities { nodes { name } } }").await;
    let names = json!([{ "name": "Straße" }, { "name": "Books" }]);
    assert_eq!(all["data"]["communities"]["nodes"], names);
}

#[tokio::test]
async fn a_community_is_found_in_any_case_from_its_first_post_on() {
    let domain = PostsDomain::new().await;
    let find = async |name: &str| {
        let document = format!(r#"{{ community(name: "{name}") {{ name posts {{ nodes {{ title }} }} }} }}"#);
        domain.ask(&member(DAN), &document).await["data"]["community"].clone()
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
    let with = |member: &str| format!(r#"title: "a", text: "b", community: "c", {member}"#);
    let of = |title: &str, text: &str, community: &str| {
        format!(r#"title: "{title}", text: "{text}", community: "{community}""#)
    };
    for (input, field) in [
        (of(" ", "b", "c"), "input.title"),
        (of(&text(301), "b", "c"), "input.title"),
        (of("a\\u0000", "b", "c"), "input.title"),
        (of("a", "\\n", "c"), "input.text"),
        (of("a", &text(40_001), "c"), "input.text"),
        (of("a", "b\\u001b", "c"), "input.text"),
        (of("a", "b", ""), "input.community"),
        (of("a", "b", "."), "input.community"),
        (of("a", "b", " .."), "input.community"),
        (with(r#"username: "..""#), "input.username"),
        (of("a", "b", "\\u200b \\u2060"), "input.community"),
        (of("a", "b", &text(65)), "input.community"),
        (of("a", "b", "c\\nd"), "input.community"),
        (with(r#"username: """#), "input.username"),
        (with(&format!(r#"username: "{}""#, text(65))), "input.username"),
        (with(r#"username: "a\tb""#), "input.username"),
        (with(r#"at: "1969-12-31T23:59:59Z""#), "input.at"),
        (with(r#"url: "ftp://example.com/""#), "input.url"),
        (with(r#"url: "javascript:alert(1)""#), "input.url"),
        (with(r#"url: "mailto:cleo@example.com""#), "input.url"),
        (with(r#"url: "example.com:80/path""#), "input.url"),
        (with(r#"url: "cleo@example.com""#), "input.url"),
        (with(r#"url: "example..com""#), "input.url"),
        (with(r#"url: "//example.com/""#), "input.url"),
        (with(r#"url: "/path.html""#), "input.url"),
        (with(r#"url: "http:example.com""#), "input.url"),
        (with(r#"url: "http:///a""#), "input.url"),
        (with(r#"url: "https://exa mple.com/""#), "input.url"),
        (with(r#"url: "https://example.com/\n<script>""#), "input.url"),
        (with(r#"url: "ä""#), "input.url"),
        (
            with(&format!(r#"url: "http://example.com/{}""#, text(2_000))),
            "input.url",
        ),
    ] {
        let answer = create(&domain, &service(), &input).await;
        let shown: String = input.chars().take(60).collect();
        assert_eq!(code(&answer), "INVALID_INPUT", "{shown}");
        assert_eq!(answer["errors"][0]["extensions"]["field"], field, "{shown}");
    }
    for input in [
        r#"text: "b", community: "c""#,
        r#"title: "a", text: 1, community: "c""#,
        &with(r#"at: "soon""#),
    ] {
        let answer = create(&domain, &service(), input).await;
        assert_eq!(code(&answer), "INVALID_INPUT", "{input}");
    }
    assert!(domain.titles("recentPosts").await.is_empty());
    let none = domain.ask(&member(DAN), "{ communities { nodes { name } } }").await;
    assert_eq!(none["data"]["communities"]["nodes"], json!([]), "nor a community");
    let longest = format!(
        r#"title: "{}", text: "{}", community: "{}", url: "https://example.com/{}""#,
        text(300),
        text(40_000),
        text(64),
        text(1_980)
    );
    let answer = create(&domain, &member(CLEO), &longest).await;
    assert_eq!(answer["data"]["createPost"]["text"], text(40_000));
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
        let made = create(&domain, &member(CLEO), &format!(r#"{HELLO}, url: "{url}""#)).await;
        assert_eq!(made["data"]["createPost"]["url"], *url, "{made}");
    }
}

#[tokio::test]
async fn a_blank_url_is_null() {
    let domain = PostsDomain::new().await;
    for url in ["null", r#"" ""#] {
        let made = create(&domain, &member(CLEO), &format!("{HELLO}, url: {url}")).await;
        assert_eq!(code(&made), "OK", "{made}");
        assert_eq!(made["data"]["createPost"]["url"], Value::Null, "{url}");
    }
}

#[tokio::test]
async fn operators_post_for_others_and_date_it() {
    let domain = PostsDomain::new().await;
    let input = |name: &str| format!(r#"{HELLO}, username: "{name}", at: "2025-12-24T18:00:00+02:00""#);
    domain.deactivate(DAN).await;
    for (name, author) in [
        ("CLEO", json!({ "id": "3" })),
        ("unknown", Value::Null),
        ("dan", Value::Null),
    ] {
        let made = create(&domain, &service(), &input(name)).await;
        let post = &made["data"]["createPost"];
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
        tokio::spawn(async move { create_with(&domain, &member(CLEO), HELLO, r#", idempotencyKey: "k""#).await })
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.unwrap()["data"]["createPost"]["id"], "1");
    }
    assert_eq!(domain.titles("recentPosts").await, ["Hello"]);
}

#[tokio::test]
async fn a_replay_repeats_the_response_after_post_changes() {
    let domain = PostsDomain::new().await;
    let key = r#", idempotencyKey: "k""#;
    domain.post(BEN, "books", "before").await;
    let first = create_with(&domain, &member(CLEO), HELLO, key).await;
    assert_eq!(first["data"]["createPost"]["community"]["name"], "books");
    domain.delete("2").await;
    domain.deactivate(CLEO).await;
    let mut events = domain.services.bus.subscribe();
    assert_eq!(create_with(&domain, &member(CLEO), HELLO, key).await, first);
    assert_eq!(received_events(&mut events), [], "there is nothing new to tell");
    assert_eq!(domain.titles("recentPosts").await, ["before"]);
    let other = format!(r#"{HELLO}, url: "https://example.com/""#);
    let mismatch = create_with(&domain, &member(CLEO), &other, key).await;
    assert_eq!(code(&mismatch), "IDEMPOTENCY_MISMATCH");
    // A key belongs to one user, and a request that failed stores no key.
    let refused = format!(r#"{HELLO}, username: "ada""#);
    assert_eq!(
        code(&create_with(&domain, &member(BEN), &refused, key).await),
        "FORBIDDEN"
    );
    assert_eq!(code(&create_with(&domain, &member(BEN), HELLO, key).await), "OK");
}

#[tokio::test]
async fn an_erasure_removes_an_email_username_from_its_posts() {
    let domain = PostsDomain::new().await;
    domain.add_user("Eve@example.com").await;
    let key = r#", idempotencyKey: "k""#;
    let own = create_with(&domain, &member(5), HELLO, key).await;
    assert_eq!(own["data"]["createPost"]["username"], "Eve@example.com");
    let given = format!(r#"{HELLO}, username: "eve@EXAMPLE.com""#);
    assert_eq!(code(&create(&domain, &service(), &given).await), "OK");
    domain.post(CLEO, "Books", "hers").await;
    for gone in [5, CLEO] {
        domain.erase(gone).await;
    }
    let names = domain
        .ask(&service(), "{ recentPosts { nodes { username author { id } } } }")
        .await;
    let by = |username: &str, id: &str| json!({ "username": username, "author": { "id": id } });
    assert_eq!(
        names["data"]["recentPosts"]["nodes"],
        json!([by("cleo", "3"), by("erased-5", "5"), by("erased-5", "5")])
    );
    let again = create_with(&domain, &member(5), HELLO, key).await;
    assert_eq!(again["data"]["createPost"]["username"], "erased-5");
}

#[tokio::test]
async fn the_creation_and_deletion_of_a_post_are_announced_to_all() {
    let domain = PostsDomain::new().await;
    let mut events = domain.services.bus.subscribe();
    let id = domain.post(CLEO, "Books", "one").await;
    domain.delete(&id).await;
    let invalidated = |version| Event::Invalidated {
        typename: "Post",
        key: "1".to_owned(),
        version,
        audience: Audience::Everyone,
    };
    let created = Event::PostCreated {
        id: 1,
        community: "books".to_owned(),
    };
    assert_eq!(received_events(&mut events), [created, invalidated(1), invalidated(2)]);
}
