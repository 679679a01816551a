//! POST and GET: every rule of the GraphQL-over-HTTP specification that has a status.

use agora::http::FrontConfig;
use agora::limits::Limits;
use serde_json::json;

use crate::test_server::{TestServer, post, request};

const RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// A request and the expected response.
struct Case {
    name: &'static str,
    line: (&'static str, &'static str),
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    status: u16,
    code: Option<&'static str>,
}

const fn case(
    name: &'static str,
    line: (&'static str, &'static str),
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    status: u16,
    code: Option<&'static str>,
) -> Case {
    Case {
        name,
        line,
        headers,
        body,
        status,
        code,
    }
}

const POST: (&str, &str) = ("POST", "/graphql");
const BODY: &[(&str, &str)] = &[("content-type", JSON)];
const LEGACY: &[(&str, &str)] = &[("content-type", JSON), ("accept", JSON)];
const MODERN: &[(&str, &str)] = &[("content-type", JSON), ("accept", RESPONSE)];
const HELLO: &str = r#"{"query":"{ hello }"}"#;
const BAD: Option<&str> = Some("INVALID_INPUT");
const INVALID: Option<&str> = Some("GRAPHQL_VALIDATION_FAILED");

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("a query", POST, BODY, HELLO, 200, None),
    case("a query, to json", POST, LEGACY, HELLO, 200, None),
    case("null members", POST, BODY, r#"{"query":"{ hello }","variables":null,"operationName":null,"extensions":null}"#, 200, None),
    case("unknown members", POST, BODY, r#"{"query":"{ hello }","more":[1]}"#, 200, None),
    case("a field that fails", POST, MODERN, r#"{"query":"{ hello fails }"}"#, 200, Some("NOT_FOUND")),
    case("a failure that reaches the root", POST, MODERN, r#"{"query":"{ failsAtTheRoot }"}"#, 200, Some("NOT_FOUND")),
    case("no graphql", POST, MODERN, r#"{"query":"{"}"#, 400, INVALID),
    case("no graphql, to json", POST, LEGACY, r#"{"query":"{"}"#, 200, INVALID),
    case("no such field", POST, MODERN, r#"{"query":"{ nope }"}"#, 400, INVALID),
    case("no such field, to anything", POST, BODY, r#"{"query":"{ nope }"}"#, 400, INVALID),
    case("no such field, to json", POST, LEGACY, r#"{"query":"{ nope }"}"#, 200, INVALID),
    case("no such operation", POST, MODERN, r#"{"query":"query A { hello }","operationName":"B"}"#, 400, INVALID),
    case("a variable of another type", POST, MODERN, r#"{"query":"query($n: Int) { hello(n: $n) }","variables":{"n":"x"}}"#, 400, INVALID),
    case("no json", POST, BODY, "NONSENSE", 400, BAD),
    case("half of a json", POST, BODY, r#"{"query":"#, 400, BAD),
    case("no json, to json", POST, LEGACY, "NONSENSE", 400, BAD),
    case("nothing", POST, BODY, "", 400, BAD),
    case("no utf-8", POST, BODY, "{\"query\":\"\\ud800\"}", 400, BAD),
    case("a text", POST, BODY, r#""{ hello }""#, 400, BAD),
    case("a batch", POST, BODY, r#"[{"query":"{ hello }"}]"#, 400, BAD),
    case("the members as a list", POST, BODY, r#"["{ hello }"]"#, 400, BAD),
    case("no query", POST, BODY, r#"{"qeury":"{ hello }"}"#, 400, BAD),
    case("no query, to json", POST, LEGACY, r#"{"variables":{}}"#, 400, BAD),
    case("a query twice", POST, BODY, r#"{"query":"{ hello }","query":"{ who }"}"#, 400, BAD),
    case("a query that is no text", POST, BODY, r#"{"query":1}"#, 400, BAD),
    case("a query that is null", POST, BODY, r#"{"query":null}"#, 400, BAD),
    case("a name that is no text", POST, BODY, r#"{"query":"{ hello }","operationName":1}"#, 400, BAD),
    case("variables in a list", POST, BODY, r#"{"query":"{ hello }","variables":[7]}"#, 400, BAD),
    case("variables in a text", POST, BODY, r#"{"query":"{ hello }","variables":"{}"}"#, 400, BAD),
    case("extensions in a text", POST, BODY, r#"{"query":"{ hello }","extensions":"{}"}"#, 400, BAD),
    case("a hash instead of a query", POST, BODY, r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}"#, 200, Some("PERSISTED_QUERY_NOT_SUPPORTED")),
    case("a hash and a null query", POST, MODERN, r#"{"query":null,"extensions":{"persistedQuery":{}}}"#, 200, Some("PERSISTED_QUERY_NOT_SUPPORTED")),
    case("no hash and no query", POST, BODY, r#"{"extensions":{"persistedQuery":null}}"#, 400, BAD),
    case("a hash by get", ("GET", "/graphql?extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%2200%22%7D%7D"), &[], "", 200, Some("PERSISTED_QUERY_NOT_SUPPORTED")),
    case("extensions in a list", POST, BODY, r#"{"query":"{ hello }","extensions":[]}"#, 400, BAD),
    case("a byte order mark", POST, BODY, "\u{feff}{\"query\":\"{ hello }\"}", 200, None),
    case("an unknown expectation", POST, &[("content-type", JSON), ("expect", "200-ok")], HELLO, 417, Some("EXPECTATION_FAILED")),
    case("an effect on condition that nothing is there", POST, &[("content-type", JSON), ("if-none-match", "*")], HELLO, 412, Some("PRECONDITION_FAILED")),
    case("an effect on an entity tag", POST, &[("content-type", JSON), ("if-match", "\"a\"")], HELLO, 412, Some("PRECONDITION_FAILED")),
    case("an effect on what is there", POST, &[("content-type", JSON), ("if-match", "*"), ("if-none-match", "\"a\"")], HELLO, 200, None),
    case("no content type", POST, &[], HELLO, 415, Some("UNSUPPORTED_MEDIA_TYPE")),
    case("a form", POST, &[("content-type", "application/x-www-form-urlencoded")], "query=%7Bhello%7D", 415, Some("UNSUPPORTED_MEDIA_TYPE")),
    case("plain text", POST, &[("content-type", "text/plain")], HELLO, 415, Some("UNSUPPORTED_MEDIA_TYPE")),
    case("another charset", POST, &[("content-type", "application/json; charset=utf-16")], HELLO, 415, Some("UNSUPPORTED_MEDIA_TYPE")),
    case("our charset", POST, &[("content-type", "Application/JSON; Charset=\"UTF-8\"")], HELLO, 200, None),
    case("an image", POST, &[("content-type", JSON), ("accept", "image/png")], HELLO, 406, Some("NOT_ACCEPTABLE")),
    case("json forbidden", POST, &[("content-type", JSON), ("accept", "application/json;q=0")], HELLO, 406, Some("NOT_ACCEPTABLE")),
    case("json in utf-16", POST, &[("content-type", JSON), ("accept", "application/json;charset=utf-16")], HELLO, 406, Some("NOT_ACCEPTABLE")),
    case("another multipart", POST, &[("content-type", JSON), ("accept", "multipart/mixed;deferSpec=20220824")], HELLO, 406, Some("NOT_ACCEPTABLE")),
    case("a subscription for one answer", POST, MODERN, r#"{"query":"subscription { count(to: 1) }"}"#, 406, Some("NOT_ACCEPTABLE")),
    case("a mutation", POST, BODY, r#"{"query":"mutation { change }"}"#, 200, None),
    case("a get", ("GET", "/graphql?query=%7Bhello%7D"), &[], "", 200, None),
    case("a get with everything", ("GET", "/graphql?query=query+A($n:Int)%7Bhello(n:$n)%7D&operationName=A&variables=%7B%22n%22:2%7D&extensions=%7B%7D"), &[], "", 200, None),
    case("a get with empty parameters", ("GET", "/graphql?query=%7Bhello%7D&operationName=&variables=&extensions="), &[], "", 200, None),
    case("a get without query", ("GET", "/graphql"), &[], "", 400, BAD),
    case("a get with two queries", ("GET", "/graphql?query=%7Bhello%7D&query=%7Bwho%7D"), &[], "", 400, BAD),
    case("a get with variables that are no json", ("GET", "/graphql?query=%7Bhello%7D&variables=x"), &[], "", 400, BAD),
    case("a get with variables in a list", ("GET", "/graphql?query=%7Bhello%7D&variables=[1]"), &[], "", 400, BAD),
    case("a get with extensions that are no map", ("GET", "/graphql?query=%7Bhello%7D&extensions=1"), &[], "", 400, BAD),
    case("a mutation by get", ("GET", "/graphql?query=mutation%7Bchange%7D"), &[], "", 405, Some("METHOD_NOT_ALLOWED")),
    case("a mutation by get, to json", ("GET", "/graphql?query=mutation%7Bchange%7D"), &[("accept", JSON)], "", 405, Some("METHOD_NOT_ALLOWED")),
    case("a subscription by get", ("GET", "/graphql?query=subscription%7Bcount(to:1)%7D"), &[], "", 406, Some("NOT_ACCEPTABLE")),
    case("a put", ("PUT", "/graphql"), BODY, HELLO, 405, Some("METHOD_NOT_ALLOWED")),
    case("a delete", ("DELETE", "/graphql"), &[], "", 405, Some("METHOD_NOT_ALLOWED")),
    case("elsewhere", ("GET", "/nowhere"), &[], "", 404, Some("NOT_FOUND")),
    case("a post to a page", ("POST", "/health"), &[], "", 405, Some("METHOD_NOT_ALLOWED")),
    case("no token of ours", POST, &[("content-type", JSON), ("authorization", "Bearer nonsense")], HELLO, 401, Some("UNAUTHENTICATED")),
    case("another scheme", POST, &[("content-type", JSON), ("authorization", "Basic YWRhOmFkYQ==")], HELLO, 401, Some("UNAUTHENTICATED")),
    case("no token after Bearer", POST, &[("content-type", JSON), ("authorization", "Bearer")], HELLO, 401, Some("UNAUTHENTICATED")),
    case("two tokens", POST, &[("content-type", JSON), ("authorization", "Bearer a"), ("authorization", "Bearer b")], HELLO, 401, Some("UNAUTHENTICATED")),
    case("a bad token before a bad body", POST, &[("authorization", "Bearer nonsense")], "NONSENSE", 401, Some("UNAUTHENTICATED")),
    case("a resolver that panics", POST, BODY, r#"{"query":"{ panics }"}"#, 500, Some("INTERNAL")),
];

#[tokio::test]
async fn every_request_has_its_status_and_every_error_its_code() {
    let server = TestServer::open().await;
    for Case {
        name,
        line: (method, path),
        headers,
        body,
        status,
        code,
    } in CASES
    {
        let got = server.send(request(method, path, headers, *body)).await;
        assert_eq!(got.status.as_u16(), *status, "{name}: {}", got.text);
        assert_eq!(got.code().as_deref(), *code, "{name}: {}", got.text);
        let json = got.json();
        if code.is_some() {
            assert!(
                json["errors"][0]["message"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{name}"
            );
        }
        assert_eq!(
            json.get("data").is_some(),
            *status == 200 && *code != INVALID && *code != Some("PERSISTED_QUERY_NOT_SUPPORTED"),
            "{name}: {json}"
        );
        assert!(got.header("x-request-id").is_some(), "{name}");
    }
}

#[tokio::test]
async fn the_response_has_the_requested_media_type() {
    let server = TestServer::open().await;
    let table = [
        (None, RESPONSE),
        (Some(""), RESPONSE),
        (Some("*/*"), JSON),
        (Some("*/*;q=0.5"), JSON),
        (Some("text/html,application/xhtml+xml,*/*;q=0.8"), JSON),
        (Some("application/graphql-response+json, */*;q=0.1"), RESPONSE),
        (Some("application/json;q=0, */*"), RESPONSE),
        (Some("application/*"), RESPONSE),
        (Some(RESPONSE), RESPONSE),
        (Some(JSON), JSON),
        (Some("application/json; charset=utf-8"), JSON),
        (
            Some("application/graphql-response+json, application/json;q=0.9"),
            RESPONSE,
        ),
        (
            Some("application/json;q=0.9, application/graphql-response+json"),
            RESPONSE,
        ),
        (Some("application/json, application/graphql-response+json;q=0.9"), JSON),
        (Some("application/json, application/graphql-response+json"), JSON),
        (Some("application/graphql-response+json;q=0, */*"), JSON),
        (Some("text/html, */*;q=0.1"), JSON),
        (Some("application/json, text/event-stream;q=0.5"), JSON),
        (Some("text/event-stream, application/json"), "text/event-stream"),
    ];
    for (accept, expected) in table {
        let headers: Vec<_> = accept.map(|accept| ("accept", accept)).into_iter().collect();
        let got = server.send(post("{ hello }", &headers)).await;
        assert_eq!(
            got.header("content-type").unwrap(),
            format!("{expected}; charset=utf-8"),
            "{accept:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_names_the_accepted_alternatives() {
    let server = TestServer::open().await;
    let bad_token = server.send(post("{ hello }", &[("authorization", "Bearer x")])).await;
    assert_eq!(bad_token.header("www-authenticate"), Some("Bearer"));
    let put = server.send(request("PUT", "/graphql", &[], "")).await;
    assert_eq!(put.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    let mutation = server
        .send(request("GET", "/graphql?query=mutation%7Bchange%7D", &[], ""))
        .await;
    assert_eq!(mutation.header("allow"), Some("POST"));
    let form = server
        .send(request("POST", "/graphql", &[("content-type", "text/plain")], HELLO))
        .await;
    assert_eq!(form.header("accept-post"), Some("application/json"));
    let handshake = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "8"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let refused = server.send(request("GET", "/graphql", &handshake, "")).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("sec-websocket-version")),
        (426, Some("13"))
    );
    assert_eq!(refused.header("upgrade"), Some("websocket"));
    assert!(refused.text.contains("graphql-transport-ws"), "{}", refused.text);
    for key in [
        "x",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZSE=",
        "dGhlIHNhbXBsZSBub25jZ!==",
    ] {
        let handshake = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", key),
        ];
        let refused = server.send(request("GET", "/graphql", &handshake, "")).await;
        assert_eq!(refused.status.as_u16(), 400, "{key}");
        assert!(refused.text.contains("16 bytes in base64"), "{}", refused.text);
    }
    let page = server.send(request("POST", "/health", &[], "")).await;
    assert_eq!(page.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn options_lists_the_methods_and_head_has_no_body() {
    let server = TestServer::open().await;
    let options = server.send(request("OPTIONS", "/graphql", &[], "")).await;
    assert_eq!(
        (options.status.as_u16(), options.header("allow")),
        (204, Some("GET, HEAD, POST, OPTIONS"))
    );
    let head = server
        .send(request("HEAD", "/graphql?query=%7Bhello%7D", &[], ""))
        .await;
    assert_eq!(head.status.as_u16(), 200);
    let head = server.send(request("HEAD", "/health", &[], "")).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn a_token_identifies_its_user_until_it_expires_or_is_revoked() {
    let mut server = TestServer::open().await;
    let (ada, ben) = (server.bearer(1), server.bearer(2));
    let viewer_of =
        async |server: &TestServer, bearer: &str| server.send(post("{ who }", &[("authorization", bearer)])).await;
    assert_eq!(
        server.send(post("{ who }", &[])).await.json(),
        json!({ "data": { "who": "Anonymous" } })
    );
    assert_eq!(
        viewer_of(&server, &ada).await.json(),
        json!({ "data": { "who": "user 1" } })
    );

    // Ben subscribes: the end of his stream shows that the server has processed the end of his session.
    let headers = [("authorization", ben.as_str()), ("accept", "text/event-stream")];
    let watching = server.raw(post("subscription { news }", &headers)).await;
    assert_eq!(server.signs.recv().await, Some("subscribed"));
    server.end_sessions_of(2, Some(2));
    assert_eq!(server.signs.recv().await, Some("gone"));
    drop(watching);
    assert_eq!(viewer_of(&server, &ben).await.status.as_u16(), 401);
    assert_eq!(viewer_of(&server, &ada).await.status.as_u16(), 200);

    server.outlive_tokens();
    let expired = viewer_of(&server, &ada).await;
    assert_eq!(expired.status.as_u16(), 401);
    assert_eq!(expired.json()["errors"][0]["message"], "the token has expired");
}

#[tokio::test]
async fn a_body_may_have_the_maximum_size_and_not_a_byte_more() {
    let limits = Limits {
        body_bytes_max: 100,
        ..Limits::default()
    };
    let server = TestServer::with(limits, FrontConfig::default()).await;
    let body = |bytes: usize| format!("{HELLO:<bytes$}");
    let fits = server.send(request("POST", "/graphql", BODY, body(100))).await;
    assert_eq!(fits.status.as_u16(), 200);
    let exceeds = server.send(request("POST", "/graphql", BODY, body(101))).await;
    assert_eq!(
        (exceeds.status.as_u16(), exceeds.code().as_deref()),
        (413, Some("PAYLOAD_TOO_LARGE"))
    );
    // A body without a length that the server could check first.
    let pieces = (0..3).map(|_| Ok::<_, std::io::Error>(" ".repeat(50)));
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    let exceeds = server.send(request("POST", "/graphql", BODY, body)).await;
    assert_eq!(exceeds.status.as_u16(), 413);
}

#[tokio::test]
async fn a_body_that_never_arrives_ends_in_time() {
    let limits = Limits {
        body_grace_ms: 1,
        ..Limits::default()
    };
    let server = TestServer::with(limits, FrontConfig::default()).await;
    let body = axum::body::Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
    let got = server.send(request("POST", "/graphql", BODY, body)).await;
    assert_eq!((got.status.as_u16(), got.code().as_deref()), (408, Some("TIMEOUT")));
}

#[tokio::test]
async fn a_request_above_the_concurrency_limit_must_retry_later() {
    let limits = Limits {
        requests_max: 1,
        ..Limits::default()
    };
    let mut server = TestServer::with(limits, FrontConfig::default()).await;
    let router = server.router.clone();
    let held = tokio::spawn(tower::ServiceExt::oneshot(router, post("{ hold }", &[])));
    assert_eq!(server.signs.recv().await, Some("held"));
    let refused = server.send(post("{ hello }", &[])).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_deref()),
        (503, Some("UNAVAILABLE"))
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(
        server.send(request("GET", "/health", &[], "")).await.status.as_u16(),
        200
    );
    server.release.notify_one();
    assert_eq!(held.await.unwrap().unwrap().status().as_u16(), 200);
    assert_eq!(server.send(post("{ hello }", &[])).await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_request_keeps_a_valid_id_and_replaces_an_invalid_one() {
    let server = TestServer::open().await;
    let id = async |given: &str| {
        let got = server.send(post("{ hello }", &[("x-request-id", given)])).await;
        got.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("load-balancer.42").await, "load-balancer.42");
    assert_eq!(id("two words").await.len(), 16);
    assert_eq!(id(&"x".repeat(65)).await.len(), 16);
}

#[tokio::test]
async fn only_configured_origins_may_send_cross_site_requests() {
    let preflight = |origin: &'static str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        request("OPTIONS", "/graphql", &headers, "")
    };
    let closed = TestServer::open().await;
    let got = closed.send(preflight("https://app.example")).await;
    assert_eq!(got.header("access-control-allow-origin"), None);

    let front = FrontConfig {
        allowed_origins: vec!["https://app.example".parse().unwrap()],
        ..FrontConfig::default()
    };
    let open = TestServer::with(Limits::default(), front).await;
    let got = open.send(preflight("https://app.example")).await;
    assert_eq!(got.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(
        open.send(preflight("https://other.example"))
            .await
            .header("access-control-allow-origin"),
        None
    );
}

#[tokio::test]
async fn responses_are_not_cached_by_intermediaries() {
    let server = TestServer::open().await;
    let got = server.send(post("{ hello }", &[])).await;
    assert_eq!(got.header("cache-control"), Some("no-store"));
    assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
    assert!(
        got.headers
            .get_all("vary")
            .iter()
            .any(|vary| vary == "accept, authorization")
    );
}
