//! The compression of answers by `Accept-Encoding` (RFC 9110, section 12.5.3), and pages of other sites that call
//! (the Fetch standard, CORS).

use std::io::Read;

use agora::config::{AllowedOrigins, Settings};
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use serde_json::json;
use tests::TestApp;

/// Requests with long answers of each kind: GraphQL, documents, pages and REST.
const LONG: &[(&str, &str)] = &[
    ("POST", "/graphql"),
    ("GET", "/bookstore/openapi.json"),
    ("GET", "/bookstore/docs"),
    ("GET", "/community/posts"),
];
const INTROSPECTION: &str = "{ __schema { types { name description fields { name description } } } }";

/// Sends a request without a client that decodes, and returns the headers and the bytes of its answer.
async fn send(url: &str, (method, path): (&str, &str), headers: &[(&str, &str)]) -> (u16, HeaderMap, Bytes) {
    let method: Method = method.parse().expect("as sent");
    let mut request = reqwest::Client::new().request(method.clone(), format!("{url}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if path == "/graphql" && method == Method::POST {
        request = request.json(&json!({ "query": INTROSPECTION }));
    }
    let response = request.send().await.expect("as sent");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.expect("as sent"))
}

fn decoded(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain),
        "br" => brotli::Decompressor::new(bytes, 4_096).read_to_end(&mut plain),
        "zstd" => zstd::Decoder::new(bytes).expect("as sent").read_to_end(&mut plain),
        other => panic!("{other}"),
    }
    .expect("as sent");
    plain
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().expect("as sent"))
}

#[tokio::test]
async fn long_answers_are_compressed_as_the_client_accepts() {
    let app = TestApp::new().await;
    let cleo = app.signed_in("cleo").await;
    for number in 0..8 {
        let post = json!({ "title": format!("Post {number}"), "text": "word ".repeat(40), "community": "Books" });
        let create = "mutation($post: PostInput!) { createPost(input: $post) { id } }";
        cleo.query(create, json!({ "post": post })).await.at("createPost.id");
    }
    let url = format!("http://{}", app.address());
    for request in LONG.iter().copied() {
        let (status, headers, plain) = send(&url, request, &[]).await;
        assert_eq!(
            (status, header(&headers, "content-encoding")),
            (200, None),
            "{request:?}"
        );
        assert!(plain.len() > 1_024, "{request:?}: {} bytes", plain.len());
        for encoding in ["gzip", "br", "zstd"] {
            let (status, headers, bytes) = send(&url, request, &[("accept-encoding", encoding)]).await;
            assert_eq!(
                (status, header(&headers, "content-encoding")),
                (200, Some(encoding)),
                "{request:?}"
            );
            assert!(
                headers.get_all("vary").iter().any(|value| value == "accept-encoding"),
                "{headers:?}"
            );
            let length = bytes.len().to_string();
            assert_eq!(header(&headers, "content-length"), Some(&*length), "{request:?}");
            assert!(bytes.len() < plain.len(), "{request:?}");
            assert_eq!(decoded(encoding, &bytes), plain, "{request:?}");
        }
        for (accepted, encoding) in [
            ("gzip;q=0.5, br", Some("br")),
            ("br;q=0, gzip", Some("gzip")),
            ("identity", None),
            ("*;q=0", None),
            ("unknown", None),
        ] {
            let (_, headers, _) = send(&url, request, &[("accept-encoding", accepted)]).await;
            assert_eq!(header(&headers, "content-encoding"), encoding, "{request:?} {accepted}");
        }
    }
}

#[tokio::test]
async fn short_answers_and_streams_are_not_compressed() {
    let app = TestApp::new().await;
    let url = format!("http://{}", app.address());
    let accepted = ("accept-encoding", "gzip, br, zstd");
    let (status, headers, _) = send(&url, ("GET", "/health"), &[accepted]).await;
    assert_eq!((status, header(&headers, "content-encoding")), (200, None));

    let subscription = json!({ "query": "subscription { cacheInvalidated { ids } }" });
    let stream = reqwest::Client::new()
        .post(format!("{url}/graphql"))
        .json(&subscription);
    let stream = stream
        .header("accept", "text/event-stream")
        .header(accepted.0, accepted.1);
    let stream = stream.send().await.expect("as sent");
    assert_eq!(
        header(stream.headers(), "content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(header(stream.headers(), "content-encoding"), None);
}

#[tokio::test]
async fn a_head_request_claims_no_length_that_a_get_would_not_have() {
    let app = TestApp::new().await;
    let url = format!("http://{}", app.address());
    for path in ["/bookstore/openapi.json", "/graphiql/"] {
        let length = async |method: &str, accepted: &[(&str, &str)]| {
            let (status, headers, _) = send(&url, (method, path), accepted).await;
            assert_eq!(status, 200, "{method} {path}");
            header(&headers, "content-length").map(ToOwned::to_owned)
        };
        assert_eq!(length("HEAD", &[]).await, length("GET", &[]).await, "{path}");
        let accepted = [("accept-encoding", "gzip")];
        let (head, get) = (length("HEAD", &accepted).await, length("GET", &accepted).await);
        assert!(head.is_none() || head == get, "{path}: {head:?} and {get:?}");
    }
}

fn allowing(origins: &str) -> Settings {
    let mut settings = Settings::default();
    settings.server.allowed_origins = origins.parse::<AllowedOrigins>().expect("as sent");
    settings
}

const PURCHASE: (&str, &str) = ("POST", "/bookstore/purchase/2");

#[tokio::test]
async fn pages_of_allowed_origins_use_the_graph_and_every_mount() {
    let app = TestApp::with_settings(allowing("https://app.example")).await;
    let url = format!("http://{}", app.address());
    let paths = [
        "/graphql",
        "/bazaar/orders",
        "/brokerage/wallet",
        "/bookstore/purchase/2",
        "/community/posts",
        "/shop/api/orders",
    ];
    for path in paths {
        for (origin, allowed) in [("https://app.example", true), ("https://other.example", false)] {
            let headers = [
                ("origin", origin),
                ("access-control-request-method", "PUT"),
                (
                    "access-control-request-headers",
                    "authorization,content-type,idempotency-key,apollographql-client-name,traceparent",
                ),
            ];
            let (_, headers, _) = send(&url, ("OPTIONS", path), &headers).await;
            let found = header(&headers, "access-control-allow-origin");
            assert_eq!(found, allowed.then_some(origin), "{path}");
            if allowed {
                assert!(
                    header(&headers, "access-control-allow-methods")
                        .expect("as sent")
                        .contains("PUT"),
                    "{path}"
                );
                let names = header(&headers, "access-control-allow-headers").expect("as sent");
                for name in ["idempotency-key", "apollographql-client-name", "traceparent"] {
                    assert!(names.split(',').any(|allowed| allowed == name), "{path}: {name}");
                }
            }
        }
    }
    let site = ("sec-fetch-site", "cross-site");
    let (status, headers, _) = send(&url, PURCHASE, &[("origin", "https://app.example"), site]).await;
    assert_eq!(
        (status, header(&headers, "access-control-allow-origin")),
        (200, Some("https://app.example"))
    );
    let (status, headers, _) = send(&url, PURCHASE, &[("origin", "https://other.example"), site]).await;
    assert_eq!((status, header(&headers, "access-control-allow-origin")), (403, None));
    assert_eq!(header(&headers, "agora-error-code"), Some("FORBIDDEN"));
}

#[tokio::test]
async fn allowing_all_origins_opens_no_route_without_a_token() {
    let app = TestApp::with_settings(allowing("*")).await;
    let url = format!("http://{}", app.address());
    let site = ("sec-fetch-site", "cross-site");
    let (status, headers, _) = send(&url, PURCHASE, &[("origin", "https://any.example"), site]).await;
    assert_eq!(
        (status, header(&headers, "access-control-allow-origin")),
        (403, Some("*"))
    );
    let token = format!("Bearer {}", app.signed_in("cleo").await.token().expect("as sent"));
    let signed_in = [
        ("origin", "https://any.example"),
        site,
        ("authorization", token.as_str()),
    ];
    let (status, _, _) = send(&url, ("GET", "/brokerage/users"), &signed_in).await;
    assert_ne!(status, 403);
}
