//! The host that a request names, and whether the request then counts as a loopback call
//! (docs/rest-contract/common.md#loopback-callers; RFC 9112, section 3.2).

use tests::TestApp;

use crate::raw::{RawResponse, address_of, exchange};

/// Sends `GET target` in that HTTP version with these header lines.
async fn get(address: &str, target: &str, version: &str, lines: &[&str]) -> RawResponse {
    let mut request = format!("GET {target} {version}\r\nconnection: close\r\n");
    for line in lines {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    exchange(address, request).await
}

#[tokio::test]
async fn http_1_1_has_one_well_formed_host_at_every_listener() {
    let app = TestApp::new().await;
    let mount = app.serve_mount("bookstore").await;
    let main = app.address();
    let listeners = [
        (main, "/health"),
        (main, "/bookstore/info/1"),
        (address_of(&mount), "/info/1"),
    ];
    for (address, path) in listeners {
        let status = async |lines: &[&str]| get(address, path, "HTTP/1.1", lines).await.status();
        assert_eq!(status(&["host: localhost"]).await, 200, "{path}");
        assert_eq!(status(&[]).await, 400, "{path}: none");
        assert_eq!(
            status(&["host: localhost", "host: localhost"]).await,
            400,
            "{path}: two"
        );
        assert_eq!(
            status(&["Host: 127.0.0.1", "HOST: evil.example"]).await,
            400,
            "{path}: two"
        );
        for host in [
            "",
            "[::1].evil.com",
            "[127.0.0.1]x",
            "evil.localhost:80@x",
            "localhost:notaport",
            "local host",
            "a/b",
            "a:1:2",
        ] {
            assert_eq!(status(&[&format!("host: {host}")]).await, 400, "{path}: {host}");
        }
    }
    let refused = get(main, "/bookstore/info/1", "HTTP/1.1", &[]).await;
    assert!(
        refused.body().contains(r#""success":false"#),
        "in the mount's envelope: {refused:?}"
    );
    let refused = get(address_of(&mount), "/info/1", "HTTP/1.1", &[]).await;
    assert!(
        refused.body().contains(r#""success":false"#),
        "in the mount's envelope: {refused:?}"
    );
    assert_eq!(refused.header("content-type"), Some("application/json"));
    let refused = get(main, "/graphql?query=%7B__typename%7D", "HTTP/1.1", &[]).await;
    assert!(refused.body().contains("INVALID_INPUT"), "{refused:?}");
}

#[tokio::test]
async fn an_open_route_requires_a_loopback_host_and_no_proxy() {
    let app = TestApp::new().await;
    let mount = app.serve_mount("bookstore").await;
    let address = address_of(&mount);
    let status =
        async |target: &str, version: &str, lines: &[&str]| get(address, target, version, lines).await.status();
    let here = "host: localhost";
    for host in [
        "localhost",
        "localhost:4000",
        "LOCALHOST",
        "app.localhost",
        "127.0.0.1:1",
        "127.9.9.9",
        "[::1]",
        "[::1]:80",
    ] {
        assert_eq!(
            status("/info/1", "HTTP/1.1", &[&format!("host: {host}")]).await,
            200,
            "{host}"
        );
    }
    for host in [
        "evil.example",
        "localhost.",
        "localhost:",
        "127.1",
        "0x7f.1",
        "2130706433",
        "127.0.0.01",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[::]",
        "localhost.evil.com",
        "evil..localhost",
        "a,b.localhost",
    ] {
        assert_eq!(
            status("/info/1", "HTTP/1.1", &[&format!("host: {host}")]).await,
            401,
            "{host}"
        );
    }
    assert_eq!(status("/info/1", "HTTP/1.0", &[here]).await, 401, "an old proxy");
    assert_eq!(
        status("/info/1", "HTTP/1.0", &[]).await,
        401,
        "an old proxy that names no host"
    );
    for header in [
        "Forwarded: for=127.0.0.1",
        "Via: 1.1 proxy",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: localhost",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 443",
        "X-Forwarded-Server: proxy",
        "X-Forwarded-Prefix: /",
        "X-Forwarded-Scheme: https",
        "X-Forwarded: for=1.2.3.4",
        "Forwarded-For: 1.2.3.4",
        "X-Real-IP: 1.2.3.4",
        "X-Client-IP: 1.2.3.4",
        "Client-IP: 1.2.3.4",
        "True-Client-IP: 1.2.3.4",
        "CF-Connecting-IP: 1.2.3.4",
        "CF-Connecting-IPv6: ::2",
        "CF-Ray: 1",
        "Fly-Client-IP: 1.2.3.4",
        "Fastly-Client-IP: 1.2.3.4",
        "X-Original-Forwarded-For: 1.2.3.4",
        "X-Original-Host: shop.example",
        "X-Cluster-Client-IP: 1.2.3.4",
        "X-ProxyUser-Ip: 1.2.3.4",
        "X-Envoy-External-Address: 1.2.3.4",
        "X-Azure-ClientIP: 1.2.3.4",
        "Proxy-Connection: keep-alive",
        "CDN-Loop: cdn",
        "X-Vercel-Forwarded-For: 1.2.3.4",
        "X-Vercel-IP-Country: CH",
        "Proxy-Client-IP: 1.2.3.4",
        "WL-Proxy-Client-IP: 1.2.3.4",
        "X-Client-Ip-Address: 1.2.3.4",
        "X-Sucuri-ClientIP: 1.2.3.4",
        "Incap-Client-IP: 1.2.3.4",
        "X-Request-Via: proxy",
        "X-HTTP-Via: proxy",
        "Akamai-Origin-Hop: 1",
        "X-Appengine-Country: CH",
        "X-Remote-Addr: 1.2.3.4",
        "X-Originating-IP: 1.2.3.4",
        "Remote-Addr: 1.2.3.4",
        "X-Host: shop.example",
        "Front-End-Https: on",
        "x-forwarded-for:",
    ] {
        assert_eq!(status("/info/1", "HTTP/1.1", &[here, header]).await, 401, "{header}");
    }
}

#[tokio::test]
async fn the_host_of_an_absolute_target_counts_before_the_header() {
    let app = TestApp::new().await;
    let mount = app.serve_mount("bookstore").await;
    let address = address_of(&mount);
    let status = async |target: &str, lines: &[&str]| get(address, target, "HTTP/1.1", lines).await.status();
    assert_eq!(status("http://localhost/info/1", &["host: localhost"]).await, 200);
    assert_eq!(
        status("http://localhost/info/1", &["host: evil.example"]).await,
        200,
        "the header is ignored"
    );
    assert_eq!(status("http://evil.example/info/1", &["host: localhost"]).await, 401);
    assert_eq!(
        status("http://localhost/info/1", &[]).await,
        400,
        "a Host is needed all the same"
    );
    assert_eq!(
        status("http://localhost/info/1", &["host: localhost", "host: localhost"]).await,
        400
    );
    assert_eq!(
        status("http://me@localhost/info/1", &["host: localhost"]).await,
        400,
        "user information"
    );
}
