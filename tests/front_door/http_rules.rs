//! The rules for methods, expectations and hosts, at every kind of path.

use axum::http::{Request, header};
use tests::TestApp;
use tokio::net::TcpStream;

use crate::raw::exchange;

/// A path of each kind, and its methods.
const PATHS: &[(&str, &str)] = &[
    ("/", "GET,HEAD"),
    ("/health", "GET,HEAD"),
    ("/graphiql/", "GET,HEAD"),
    ("/graphql", "GET, HEAD, POST, OPTIONS"),
    ("/bazaar/stocks/GameStart", "GET, HEAD"),
    ("/bazaar/docs", "GET, HEAD"),
    ("/bazaar/openapi.json", "GET, HEAD"),
    ("/bookstore/purchase/1", "POST"),
    ("/bookstore/catalog/books/1", "GET, HEAD, PUT, DELETE"),
    ("/brokerage/users/login", "POST"),
    ("/community/votes/1/upvotes", "POST"),
    ("/shop/api/user/1", "GET, HEAD, PUT, DELETE"),
];

#[tokio::test]
async fn an_unsupported_method_is_405_with_the_allowed_ones() {
    let app = TestApp::new().await;
    let address = app.address();
    for (path, allow) in PATHS {
        for method in ["TRACE", "CONNECT", "PATCH", "BREW", "OPTIONS"] {
            let request =
                format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nX-Secret: 1\r\nConnection: close\r\n\r\n");
            let answer = exchange(address, request).await;
            let status = if allow.contains(method) { 204 } else { 405 };
            assert_eq!(
                (answer.status(), answer.header("allow")),
                (status, Some(*allow)),
                "{method} {path}"
            );
            assert!(
                !answer.body().contains("X-Secret"),
                "{method} {path} sends nothing back"
            );
        }
        let head = exchange(
            address,
            format!("HEAD {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert_eq!(head.status() == 405, !allow.contains("HEAD"), "HEAD {path}");
        assert_eq!(head.body(), "", "HEAD {path}");
    }
    for target in ["CONNECT example.com:443", "OPTIONS *"] {
        let answer = exchange(
            address,
            format!("{target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert_eq!(answer.status(), 404, "{target}");
    }
}

#[tokio::test]
async fn an_unknown_expectation_is_417_everywhere() {
    let app = TestApp::new().await;
    let address = app.address();
    for (path, _) in PATHS {
        for expectation in ["200-ok", "100-continue, 200-ok", ""] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nExpect: {expectation}\r\nConnection: close\r\n\r\n");
            let answer = exchange(address, request).await;
            assert_eq!(answer.status(), 417, "{path} {expectation:?}");
            assert!(answer.body().contains("100-continue"), "{path}: {}", answer.body());
        }
    }
}

#[tokio::test]
async fn over_http_2_the_host_is_the_authority() {
    let app = TestApp::new().await;
    for (host, status) in [(None, 200), (Some(app.address()), 200), (Some("evil.example"), 400)] {
        for path in ["/health", "/bookstore/info/1", "/graphql?query=%7B__typename%7D"] {
            let stream = TcpStream::connect(app.address()).await.expect("a connection");
            let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
            let connection = tokio::spawn(connection);
            let mut request = Request::builder().uri(format!("http://{}{path}", app.address()));
            if let Some(host) = host {
                request = request.header(header::HOST, host);
            }
            let mut client = client.ready().await.expect("a stream");
            let request = request.body(()).expect("a request");
            let (answer, _) = client.send_request(request, true).expect("a stream");
            assert_eq!(answer.await.expect("an answer").status(), status, "{host:?} {path}");
            connection.abort();
        }
    }
}
