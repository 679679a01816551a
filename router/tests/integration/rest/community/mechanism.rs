//! The features of every mount, in the community's error format.

use agora::limits::Limits;
use agora::rest::service_router;
use agora::rest_access::AnonymousAccess;
use axum::body::Body;

use super::app::{CommunityApp, NEW_POST, NEW_USER, ROUTES, said};
use crate::app::{RestApp, graph_without_subgraphs, send};

#[tokio::test]
async fn every_route_answers_under_the_documents_prefix_too() {
    let (plain, prefixed) = (CommunityApp::open().await, CommunityApp::open().await);
    for (line, body, status) in ROUTES.into_iter().filter(|(line, ..)| !line.contains("openapi")) {
        // The account that this test created: a caller without a token cannot change dan's.
        let line = &line
            .replace("/users/dan/", "/users/eve/")
            .replace("DELETE /users/dan", "DELETE /users/eve");
        let (method, path) = line.split_once(' ').unwrap();
        let here = plain.call(line, body).await;
        let there = prefixed.call(&format!("{method} /api/v1.0{path}"), body).await;
        assert_eq!((here.status, here.line()), (status, there.line()), "{line}");
        let location = here.header("location").replace("/community", "/community/api/v1.0");
        assert_eq!(there.header("location"), location, "{line}");
        if status == 201 {
            for (community, made) in [(&plain, &here), (&prefixed, &there)] {
                let location = made.header("location");
                let read = community.app.call(&format!("GET {location}")).await;
                assert_eq!((read.status, read.text), (200, made.text.clone()), "{location}");
            }
        }
    }
}

#[tokio::test]
async fn a_separate_service_has_only_its_own_routes() {
    let community = CommunityApp::open().await;
    let reads = [
        ("posts", "/posts/3"),
        ("posts", "/communities/Books/posts"),
        ("votes", "/votes/3"),
        ("users", "/users/dan"),
        ("messages", "/messages/1"),
    ];
    for service in ["posts", "votes", "users", "messages"] {
        let alone = service_router(
            &community.app.gateway,
            AnonymousAccess::Anyone,
            "community",
            Some(service),
        )
        .unwrap();
        for (of, path) in reads {
            for prefix in ["", "/api/v1.0"] {
                let line = format!("GET {prefix}{path}");
                let answered = send(&alone, &line, &[], Body::empty()).await;
                assert_eq!(
                    answered.status,
                    if of == service { 200 } else { 404 },
                    "{service}: {line}"
                );
            }
        }
    }
    let posts = service_router(
        &community.app.gateway,
        AnonymousAccess::Anyone,
        "community",
        Some("posts"),
    )
    .unwrap();
    for (line, location) in [
        ("POST /posts", "/posts/7"),
        ("POST /api/v1.0/posts", "/api/v1.0/posts/8"),
    ] {
        assert_eq!(send(&posts, line, &[], NEW_POST).await.header("location"), location);
    }
    let whole = service_router(&community.app.gateway, AnonymousAccess::Anyone, "community", None).unwrap();
    for (_, path) in reads {
        assert_eq!(
            send(&whole, &format!("GET {path}"), &[], Body::empty()).await.status,
            200
        );
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_the_envelope() {
    let community = CommunityApp::open().await;
    for path in [
        "/nowhere",
        "/communities",
        "/posts/3/text",
        "/users/dan/karma",
        "/api/v1.1/posts",
        "",
        "/",
    ] {
        let answered = community.get(path).await;
        assert_eq!(answered.line(), said(404, "there is no such path"), "{path}");
        assert_eq!(answered.header("content-type"), "application/json", "{path}");
    }
    for (line, allow) in [
        ("DELETE /posts", "GET, HEAD, POST"),
        ("PUT /posts/3", "GET, HEAD, DELETE"),
        ("POST /communities/Books/posts", "GET, HEAD"),
        ("GET /votes/3/upvotes", "POST"),
        ("DELETE /votes/3/downvotes", "POST"),
        ("POST /votes/3", "GET, HEAD"),
        ("POST /votes/top", "GET, HEAD"),
        ("POST /votes", "GET, HEAD"),
        ("GET /users", "POST"),
        ("PUT /users/dan", "GET, HEAD, DELETE"),
        ("GET /users/dan/email", "PUT"),
        ("POST /users/dan/karma/increment", "PUT"),
        ("PUT /messages", "GET, HEAD, POST"),
        ("GET /messages/1/favorite", "PUT"),
        ("PATCH /messages/1", "GET, HEAD, DELETE"),
    ] {
        let answered = community.call(line, "").await;
        assert_eq!((answered.status, answered.header("allow")), (405, allow), "{line}");
        assert_eq!(
            answered.line(),
            said(405, &format!("this path answers {allow}")),
            "{line}"
        );
    }
    for path in ["/posts/3/", "/votes/top/", "/api/v1.0/users/dan/"] {
        let headed = community.call(&format!("HEAD {path}"), "").await;
        assert_eq!((headed.status, headed.text.as_str()), (200, ""), "{path}");
    }
}

#[tokio::test]
async fn a_required_body_must_be_a_json_object() {
    let limits = Limits {
        body_bytes_max: 500,
        ..Limits::default()
    };
    let app = RestApp::with(AnonymousAccess::Anyone, limits).await;
    let too_large = format!("{{\"x\":\"{}\"}}", "x".repeat(500));
    for line in ["POST /posts", "POST /users", "PUT /users/dan/email", "POST /messages"] {
        let (method, path) = line.split_once(' ').unwrap();
        let line = format!("{method} /community{path}");
        for body in ["", "{", "[]", "null", "\"a\"", "7", "{}x"] {
            let answered = app.send(&line, &[], body).await;
            assert_eq!(
                answered.line(),
                said(400, "the body must be a JSON object"),
                "{line}: {body}"
            );
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let answered = app.send(&line, &[("content-type", kind)], "{}").await;
            assert_eq!(
                answered.line(),
                said(415, "the body must be application/json"),
                "{line}: {kind}"
            );
        }
        let answered = app.send(&line, &[], too_large.clone()).await;
        assert_eq!(answered.line(), said(413, "a body has at most 500 bytes"), "{line}");
    }
}

#[tokio::test]
async fn a_body_on_a_route_without_body_is_ignored() {
    let community = CommunityApp::open().await;
    assert_eq!(community.call("POST /users", NEW_USER).await.status, 201);
    for line in [
        "POST /votes/3/upvotes",
        "POST /votes/3/downvotes",
        "PUT /users/eve/karma/increment",
        "PUT /users/eve/karma/decrement",
        "PUT /messages/4/favorite",
        "DELETE /messages/4",
    ] {
        let answered = community
            .called_by(&[("content-type", "text/plain")], line, "{ nonsense")
            .await;
        assert!(matches!(answered.status, 200 | 201), "{line}: {}", answered.text);
    }
}

#[tokio::test]
async fn no_answer_starts_a_session() {
    let community = CommunityApp::open().await;
    for (line, body, _) in ROUTES {
        let answered = community.call(line, body).await;
        assert!(answered.headers.get("set-cookie").is_none(), "{line}");
        assert_eq!(answered.header("content-type"), "application/json", "{line}");
    }
}

#[tokio::test]
async fn an_unavailable_service_is_503() {
    let community = CommunityApp::open().await;
    let gateway = community
        .app
        .gateway
        .with_graph(std::sync::Arc::new(graph_without_subgraphs()));
    let router = agora::rest::router(&gateway, AnonymousAccess::Anyone);
    for (line, body, _) in ROUTES.into_iter().filter(|(line, ..)| !line.contains("openapi")) {
        let (method, path) = line.split_once(' ').unwrap();
        let answered = send(&router, &format!("{method} /community{path}"), &[], body).await;
        assert_eq!(answered.line(), said(503, "this service does not answer"), "{line}");
        assert_eq!(answered.header("retry-after"), "1", "{line}");
    }
}
