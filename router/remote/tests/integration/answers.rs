//! Right and wrong answers of a subgraph.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use remote::RemoteSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{failure, fetch, subgraph, subgraph_with};
use super::server::{TestServer, json, raw};

const JSON: &str = "application/json";

/// The settings with small bounds on answers.
fn bounded() -> RemoteSettings {
    RemoteSettings {
        subgraph_answer_bytes_max: 1_000,
        subgraph_answer_depth_max: 20,
        subgraph_answer_values_max: 100,
        ..RemoteSettings::default()
    }
}

#[tokio::test]
async fn a_response_has_the_data_and_the_errors_of_the_subgraph() {
    let body = r#"{"data":{"me":{"id":"1","name":null}},"errors":[{"message":"no name","path":["me","name"],
        "extensions":{"code":"NOT_FOUND","since":2}}]}"#;
    let server = TestServer::answering(200, JSON, body).await;
    let response = fetch(&subgraph(&server.url), "{ me { id name } }").await;
    assert_eq!(
        serde_json::to_value(&response).unwrap(),
        serde_json::from_str::<serde_json::Value>(body).unwrap()
    );
}

#[tokio::test]
async fn errors_hide_their_extensions_and_name_their_subgraph_by_setting() {
    let body = r#"{"errors":[{"message":"no","extensions":{"code":"NOT_FOUND"}}]}"#;
    let server = TestServer::answering(200, JSON, body).await;
    let settings = RemoteSettings {
        subgraph_error_extensions: false,
        subgraph_error_service: true,
        ..RemoteSettings::default()
    };
    let response = fetch(&subgraph_with(&server.url, settings), "{ me }").await;
    let error = serde_json::to_value(&response.errors[0]).unwrap();
    assert_eq!(
        error,
        serde_json::json!({ "message": "no", "extensions": { "service": "reviews" } })
    );
}

#[tokio::test]
async fn a_graphql_response_counts_with_any_status_and_json_media_type() {
    let body = r#"{"data":null,"errors":[{"message":"from the subgraph"}]}"#;
    for status in [200, 400, 500, 503] {
        for media_type in [
            JSON,
            "application/graphql-response+json; charset=utf-8",
            "APPLICATION/JSON",
        ] {
            let server = TestServer::answering(status, media_type, body).await;
            let response = fetch(&subgraph(&server.url), "{ me }").await;
            assert_eq!(response.errors[0].message, "from the subgraph", "{status} {media_type}");
        }
    }
}

#[tokio::test]
async fn nonsense_is_one_error_that_names_the_subgraph_and_the_fault() {
    let nested = format!(r#"{{"data":{{"a":{}{}}}}}"#, "[".repeat(20), "]".repeat(20));
    let many = format!(r#"{{"data":{{"a":[{}0]}}}}"#, "0,".repeat(100));
    let long = format!(r#"{{"data":{{"a":"{}"}}}}"#, "a".repeat(1_000));
    let table: &[(u16, &str, &str, &str)] = &[
        (
            200,
            "text/html",
            "<html></html>",
            "answered with the media type text/html, which must be JSON",
        ),
        (
            200,
            JSON,
            "<html></html>",
            "answered with invalid JSON: a value is expected at byte 0",
        ),
        (
            200,
            JSON,
            r#"{"data":{"me"#,
            "answered with invalid JSON: the text ends within a string at byte 12",
        ),
        (200, JSON, "", "answered with an empty body"),
        (
            200,
            JSON,
            "[]",
            "answered with JSON that is no GraphQL response: it must be an object",
        ),
        (
            200,
            JSON,
            "{}",
            "answered with JSON that is no GraphQL response: it must have `data` or `errors`",
        ),
        (
            200,
            JSON,
            r#"{"data":null}"#,
            "answered with JSON that is no GraphQL response: it must have `data` or `errors`",
        ),
        (
            200,
            JSON,
            r#"{"data":[1]}"#,
            "answered with JSON that is no GraphQL response: `data` must be an object or null",
        ),
        (
            200,
            JSON,
            r#"{"data":"a"}"#,
            "answered with JSON that is no GraphQL response: `data` must be an object or null",
        ),
        (
            200,
            JSON,
            r#"{"data":{},"errors":{}}"#,
            "answered with JSON that is no GraphQL response: `errors` must be a list",
        ),
        (
            200,
            JSON,
            r#"{"errors":["a"]}"#,
            "answered with JSON that is no GraphQL response: an error must be an object",
        ),
        (
            200,
            JSON,
            r#"{"errors":[{"message":1}]}"#,
            "answered with JSON that is no GraphQL response: an error must have a `message` that is a string",
        ),
        (
            500,
            "text/html",
            "<html></html>",
            "answered with the HTTP status 500 and no GraphQL response",
        ),
        (
            502,
            JSON,
            r#"{"error":"bad gateway"}"#,
            "answered with the HTTP status 502 and no GraphQL response",
        ),
        (
            503,
            JSON,
            "",
            "answered with the HTTP status 503 and no GraphQL response",
        ),
        (200, JSON, &nested, "answered with more than 20 levels of nested values"),
        (200, JSON, &many, "answered with more than 100 values"),
        (200, JSON, &long, "answered with more than 1000 bytes"),
    ];
    for (status, media_type, body, fault) in table {
        let server = TestServer::answering(*status, media_type, *body).await;
        let response = fetch(&subgraph_with(&server.url, bounded()), "{ me }").await;
        let expected = (format!("the subgraph `reviews` {fault}"), "UNAVAILABLE".to_owned());
        assert_eq!(failure(&response), expected, "{status} {media_type} {body}");
    }
}

#[tokio::test]
async fn a_long_answer_is_read_to_its_end() {
    let body = format!(r#"{{"data":{{"a":["{}"]}}}}"#, "a".repeat(4_000_000));
    let server = TestServer::answering(200, JSON, body.clone()).await;
    let response = fetch(&subgraph(&server.url), "{ a }").await;
    assert!(serde_json::to_string(&response).unwrap() == body);
}

#[tokio::test]
async fn an_answer_without_a_length_is_read_to_its_bound() {
    let url = raw(|_, mut stream| async move {
        read_request(&mut stream).await;
        let begin = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"data\":{\"a\":\"";
        stream.write_all(begin.as_bytes()).await.unwrap();
        // It never ends by itself.
        while stream.write_all(&[b'a'; 1_024]).await.is_ok() {}
    })
    .await;
    let response = fetch(&subgraph_with(&url, bounded()), "{ a }").await;
    assert_eq!(
        failure(&response).0,
        "the subgraph `reviews` answered with more than 1000 bytes"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let url = raw(|_, mut stream| async move {
        read_request(&mut stream).await;
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"data\":{";
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let response = fetch(&subgraph(&url), "{ a }").await;
    let (message, code) = failure(&response);
    assert_eq!(
        message,
        "the subgraph `reviews` closed the connection before its answer was complete"
    );
    assert_eq!(code, "UNAVAILABLE");
}

#[tokio::test]
async fn an_answer_of_another_protocol_is_an_error() {
    let url = raw(|_, mut stream| async move {
        stream.write_all(b"220 mail.example.com ESMTP\r\n").await.unwrap();
        let mut rest = Vec::new();
        let _ended = stream.read_to_end(&mut rest).await;
    })
    .await;
    let response = fetch(&subgraph(&url), "{ a }").await;
    assert_eq!(failure(&response).0, "the subgraph `reviews` did not answer by HTTP");
}

#[tokio::test]
async fn a_compressed_answer_that_was_not_asked_for_is_an_error() {
    let url = raw(|_, mut stream| async move {
        read_request(&mut stream).await;
        let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\n{";
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let response = fetch(&subgraph(&url), "{ a }").await;
    let expected = "the subgraph `reviews` answered with a content encoding that the request does not accept";
    assert_eq!(failure(&response).0, expected);
}

#[tokio::test]
async fn answers_are_decompressed_to_their_bound_when_the_setting_is_on() {
    let body = format!(r#"{{"data":{{"a":"{}"}}}}"#, "a".repeat(900));
    let server = TestServer::start({
        let body = body.clone();
        move |number| {
            let padding = if number == 0 { 0 } else { 100 };
            let body = gzip(&format!("{body}{}", " ".repeat(padding)));
            async move {
                let mut answer = json(body);
                answer.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
                answer
            }
        }
    })
    .await;
    let settings = RemoteSettings {
        subgraph_gzip: true,
        ..bounded()
    };
    let subgraph = subgraph_with(&server.url, settings);
    let response = fetch(&subgraph, "{ a }").await;
    assert_eq!(serde_json::to_string(&response).unwrap(), body);
    assert_eq!(server.received()[0].headers["accept-encoding"], "gzip");
    let response = fetch(&subgraph, "{ a }").await;
    assert_eq!(
        failure(&response).0,
        "the subgraph `reviews` answered with more than 1000 bytes"
    );
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Reads a request, which must come in one piece.
async fn read_request(stream: &mut TcpStream) {
    assert!(stream.read(&mut [0; 4_096]).await.unwrap() > 0);
}
