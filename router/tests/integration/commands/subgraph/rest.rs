//! The REST mounts and the pages of a router over `agora subgraph`: the same as in one process.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Distributed, embedded_answer, sign_in};
use crate::http::{exchange, send};
use crate::{Server, run, text};

/// The pages and documents of the main address that do not depend on the process.
const PAGES: [&str; 5] = ["/", "/console/", "/docs/errors", "/orders", "/no/such/page"];
/// Headers that differ between two answers to the same request.
const OF_ONE_ANSWER: [&str; 2] = ["date:", "x-request-id:"];

fn address_of(server: &Server) -> SocketAddr {
    server.url.trim_start_matches("http://").parse().expect("an address")
}

/// Returns the status, the headers and the body of the answer to a request, without what differs between two answers.
fn answer_to(server: &Server, line: &str, headers: &[(&str, &str)], body: &str) -> (BTreeSet<String>, String) {
    let (head, body) = exchange(address_of(server), line, headers, body);
    let kept = head.lines().filter(|line| {
        let line = line.to_ascii_lowercase();
        !OF_ONE_ANSWER.iter().any(|name| line.starts_with(name))
    });
    (kept.map(str::to_owned).collect(), body)
}

/// Returns the paths of every GET route of every mount, with 1 for each of their parameters, and the documents themselves.
fn documented_paths(server: &Server) -> Vec<String> {
    let mut paths: Vec<String> = PAGES.map(str::to_owned).to_vec();
    for mount in agora::rest::mounts() {
        let document = format!("{}/openapi.json", mount.prefix);
        let (status, body) = send(address_of(server), &format!("GET {document}"), &[], "");
        assert_eq!(status, 200, "{document}");
        let read: Value = serde_json::from_str(&body).expect("JSON");
        let routes = read["paths"].as_object().expect("paths").iter();
        let readable = routes.filter(|(_, route)| route.get("get").is_some());
        paths.extend(readable.map(|(path, _)| format!("{}{}", mount.prefix, with_ones(path))));
        paths.extend([
            document,
            format!("{}/docs", mount.prefix),
            format!("{}/nothing/here", mount.prefix),
        ]);
    }
    paths
}

/// Replaces `{id}` and the like.
fn with_ones(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Returns the answers to all of these paths, for a caller without a token and for one with a token.
fn answers(server: &Server, paths: &[String], token: &str) -> Vec<(String, (BTreeSet<String>, String))> {
    let bearer = format!("Bearer {token}");
    let callers: [&[(&str, &str)]; 2] = [&[], &[("authorization", &bearer)]];
    let requests = paths.iter().flat_map(|path| callers.map(|headers| (path, headers)));
    let answer = |(path, headers): (&String, &[(&str, &str)])| {
        let line = format!("GET {path}");
        (
            format!("{line} {}", headers.len()),
            answer_to(server, &line, headers, ""),
        )
    };
    requests.map(answer).collect()
}

#[test]
fn every_readable_route_and_page_has_the_answer_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    embedded_answer(folder.path(), "{ __typename }");
    let embedded = Server::start_with(folder.path(), &["serve", "--data", super::DATA], 0);
    let token = sign_in(&embedded, "ada");
    let paths = documented_paths(&embedded);
    assert!(paths.len() > 40, "{paths:?}");
    let expected = answers(&embedded, &paths, &token);
    assert!(embedded.stop());
    let agora = Distributed::start(folder.path());
    for (found, expected) in answers(&agora.router, &paths, &token).iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}

#[test]
fn a_write_over_rest_has_one_effect_for_one_key() {
    let folder = tempfile::tempdir().unwrap();
    embedded_answer(folder.path(), "{ __typename }");
    let agora = Distributed::start(folder.path());
    let address = address_of(&agora.router);
    let buy = |key: &str| send(address, "POST /bookstore/purchase/1", &[("idempotency-key", key)], "{}");
    let (status, bought) = buy("first");
    assert!(status == 200 && bought.contains("orderId"), "{status} {bought}");
    assert_eq!(buy("first"), (status, bought.clone()), "the key was forgotten");
    assert_ne!(buy("second").1, bought);
    let left = agora.router.graphql("{ book(id: 1) { quantity } }", None);
    assert_eq!(left["data"]["book"]["quantity"], 10 - 2, "{left}");
}

#[test]
fn a_person_acts_over_rest_with_the_token_of_the_graph() {
    let folder = tempfile::tempdir().unwrap();
    embedded_answer(folder.path(), "{ __typename }");
    let agora = Distributed::start(folder.path());
    let address = address_of(&agora.router);
    let token = format!("Bearer {}", sign_in(&agora.router, "ada"));
    let message = json!({ "userFrom": "ada", "userTo": "ben", "contents": "over REST" }).to_string();
    let sent = send(
        address,
        "POST /community/messages",
        &[("authorization", &token)],
        &message,
    );
    let refused = send(
        address,
        "POST /community/messages",
        &[("authorization", "Bearer nonsense")],
        &message,
    );
    assert_eq!(refused.0, 401, "{refused:?}");
    assert!((200..300).contains(&sent.0), "{sent:?}");
}

#[test]
fn an_unavailable_subgraph_process_is_a_503_in_the_format_of_the_mount() {
    let folder = tempfile::tempdir().unwrap();
    embedded_answer(folder.path(), "{ __typename }");
    let agora = Distributed::start(folder.path());
    assert!(agora.subgraphs.stop());
    let (head, body) = exchange(address_of(&agora.router), "GET /bookstore/info/1", &[], "");
    assert!(head.starts_with("HTTP/1.1 503"), "{head} {body}");
    assert!(
        head.to_ascii_lowercase().contains("agora-error-code: unavailable"),
        "{head}"
    );
}

#[test]
fn a_mount_of_the_router_can_have_an_address_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    embedded_answer(folder.path(), "{ __typename }");
    let agora = Distributed::start_with(folder.path(), &["--rest-listen", "bookstore=127.0.0.1:0"], 1);
    let [(_, url)] = &agora.router.rest_listeners[..] else {
        panic!("one listener")
    };
    let address: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
    let own = send(address, "GET /info/1", &[], "");
    assert_eq!(own.0, 200, "{own:?}");
    assert_eq!(own, send(address_of(&agora.router), "GET /bookstore/info/1", &[], ""));
}

#[test]
fn mounts_need_the_keys_of_an_installation() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "router",
        "--supergraph",
        "a.graphql",
        "--rest-listen",
        "bookstore=127.0.0.1:0",
    ];
    let refused = run(folder.path(), &arguments, "");
    let said = text(&refused.stderr);
    assert!(!refused.status.success() && said.contains("--internal-keys"), "{said}");
}
