//! A client that is still sending a too large body can read the whole refusal, over HTTP/1.1 and HTTP/2.

use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use serde_json::Value;
use tests::TestApp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::raw::RawResponse;

const PATIENCE: Duration = Duration::from_secs(30);
/// Three times the largest body, and more than the system buffers for a socket.
const BYTES: usize = 6 * 1024 * 1024;
const CHUNK: &[u8] = &[b' '; 64 * 1024];

/// The paths that read bodies: GraphQL, and a route of each mount.
const PATHS: &[&str] = &[
    "/graphql",
    "/bazaar/orders",
    "/bookstore/catalog/books",
    "/brokerage/users/register",
    "/community/posts",
    "/shop/api/users",
];

fn is_told(path: &str, body: &str) {
    let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {body:?}"));
    let in_envelope = match path.split('/').nth(1) {
        Some("graphql") => body["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE",
        Some("bazaar") => body["error"]["code"] == 413,
        Some("brokerage") => body["error"]["reason"] == "PAYLOAD_TOO_LARGE",
        Some("bookstore") => body["success"] == false && body["error"].is_string(),
        Some("community") => body["status"] == 413 && body["error"] == "Content Too Large",
        _ => body["response"].is_string(),
    };
    assert!(in_envelope, "{path}: {body}");
}

/// Sends the whole body and only then reads.
async fn over_http1(address: &str, path: &str, chunked: bool) -> RawResponse {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut reader, mut writer) = stream.into_split();
    let length = if chunked {
        "Transfer-Encoding: chunked".to_owned()
    } else {
        format!("Content-Length: {BYTES}")
    };
    let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{length}\r\n\r\n");
    writer.write_all(head.as_bytes()).await.expect("a head is sent");
    for _ in 0..BYTES / CHUNK.len() {
        if chunked {
            let size = format!("{:x}\r\n", CHUNK.len());
            writer.write_all(size.as_bytes()).await.expect("the server reads on");
        }
        writer.write_all(CHUNK).await.expect("the server reads on");
        if chunked {
            writer.write_all(b"\r\n").await.expect("the server reads on");
        }
    }
    let mut read = Vec::new();
    reader.read_to_end(&mut read).await.expect("an end without a reset");
    RawResponse(String::from_utf8_lossy(&read).into_owned())
}

#[tokio::test]
async fn a_client_that_keeps_sending_over_http_1_1_reads_the_refusal() {
    let app = TestApp::new().await;
    for path in PATHS {
        for chunked in [false, true] {
            let answer = timeout(PATIENCE, over_http1(app.address(), path, chunked)).await;
            let answer = answer.expect("an answer in time");
            assert_eq!(answer.status(), 413, "{path}: {answer:?}");
            assert_eq!(answer.header("connection"), Some("close"), "{path}");
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            assert_eq!(length, Some(answer.body().len()), "{path}");
            is_told(path, answer.body());
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_refused_instead() {
    let app = TestApp::new().await;
    for path in PATHS {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {BYTES}\r\n\
             Expect: 100-continue\r\n\r\n",
            app.address()
        );
        let mut stream = TcpStream::connect(app.address()).await.expect("a connection");
        stream.write_all(head.as_bytes()).await.expect("a head is sent");
        let mut read = Vec::new();
        let end = timeout(PATIENCE, stream.read_to_end(&mut read)).await;
        end.expect("the server closes").expect("an end without a reset");
        let answer = RawResponse(String::from_utf8_lossy(&read).into_owned());
        assert_eq!(answer.status(), 413, "{path}: {answer:?}");
        is_told(path, answer.body());
    }
}

/// Sends for as long as the server accepts data. Returns the status and the body of the response.
async fn over_http2(address: &str, path: &str) -> (u16, String) {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method("POST")
        .uri(format!("http://{address}{path}"))
        .header("content-type", "application/json");
    let mut client = client.ready().await.expect("a stream");
    let request = request.body(()).expect("a request");
    let (answer, mut body) = client.send_request(request, false).expect("a stream");
    let mut left = BYTES;
    while left > 0 {
        body.reserve_capacity(CHUNK.len());
        // The server accepts no more data after its response.
        let Some(Ok(capacity)) = std::future::poll_fn(|cx| body.poll_capacity(cx)).await else {
            break;
        };
        let size = capacity.min(CHUNK.len()).min(left);
        if body
            .send_data(Bytes::from_static(&CHUNK[..size]), size == left)
            .is_err()
        {
            break;
        }
        left -= size;
    }
    let (head, mut stream) = answer.await.expect("an answer").into_parts();
    let mut read = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.expect("all of the answer");
        let _ = stream.flow_control().release_capacity(data.len());
        read.extend_from_slice(&data);
    }
    connection.abort();
    (head.status.as_u16(), String::from_utf8(read).expect("text"))
}

#[tokio::test]
async fn a_client_that_keeps_sending_over_http_2_reads_the_refusal() {
    let app = TestApp::new().await;
    for path in PATHS {
        let (status, body) = timeout(PATIENCE, over_http2(app.address(), path))
            .await
            .expect("an answer in time");
        assert_eq!(status, 413, "{path}: {body}");
        is_told(path, &body);
    }
}
