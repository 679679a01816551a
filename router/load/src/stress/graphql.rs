//! Attacks on GraphQL.

use serde_json::json;

use super::attack::{Attack, Body};
use super::raw::Manner;
use super::text;

/// Levels of a query that is too deep, and of one that no parser should follow.
const DEEP: usize = 200;
const ABSURDLY_DEEP: usize = 20_000;
/// Bytes that are more than a body may have.
const TOO_LONG: usize = 2 * 1024 * 1024;

const TOO_COMPLEX: &[&str] = &["QUERY_TOO_COMPLEX"];
const INVALID: &[&str] = &["INVALID_INPUT"];
const NOT_VALID: &[&str] = &["GRAPHQL_VALIDATION_FAILED"];
const NOT_PARSED: &[&str] = &["GRAPHQL_PARSE_FAILED"];

fn query(document: impl Into<String>) -> Body {
    text(json!({ "query": document.into() }).to_string())
}

fn nested(levels: usize) -> String {
    format!(
        "{{ me {}id{} }}",
        "{ posts { nodes { author ".repeat(levels),
        "} } } ".repeat(levels)
    )
}

/// Returns the attacks.
pub(super) fn attacks() -> Vec<Attack> {
    let mut attacks = of_the_body();
    attacks.extend(of_the_document());
    attacks.extend(of_the_values());
    attacks.extend(of_the_caller());
    attacks
}

fn of_the_body() -> Vec<Attack> {
    vec![
        Attack::graphql(
            "hostile: malformed JSON",
            text(r#"{"query": "{ topics }"#),
            &[400],
            INVALID,
        ),
        Attack::graphql("hostile: no JSON at all", text("query { topics }"), &[400], INVALID),
        Attack::graphql("hostile: a batch", text(r#"[{"query":"{ topics }"}]"#), &[400], INVALID),
        Attack::graphql("hostile: a number as the body", text("42"), &[400], INVALID),
        Attack::graphql("hostile: an empty body", text(""), &[400], INVALID),
        Attack::graphql(
            "hostile: a query that is a number",
            text(r#"{"query":7}"#),
            &[400],
            INVALID,
        ),
        Attack::graphql(
            "hostile: invalid UTF-8",
            Body::Bytes(b"{\"query\":\"{ topics \xff\xfe }\"}".to_vec()),
            &[400],
            INVALID,
        ),
        Attack::graphql(
            "hostile: a body that is too long",
            query("x".repeat(TOO_LONG)),
            &[413],
            &["PAYLOAD_TOO_LARGE"],
        )
        .or_closed(),
        Attack::graphql(
            "hostile: deep JSON",
            text(format!(
                r#"{{"query":"{{ topics }}","variables":{{"a":{}{}}}}}"#,
                "[".repeat(ABSURDLY_DEEP),
                "]".repeat(ABSURDLY_DEEP)
            )),
            &[400],
            INVALID,
        ),
        Attack::graphql(
            "hostile: too many JSON values",
            text(format!(
                r#"{{"query":"{{ topics }}","variables":{{"a":[{}0]}}}}"#,
                "0,".repeat(20_000)
            )),
            &[400],
            INVALID,
        ),
        Attack::graphql(
            "hostile: another media type",
            query("{ topics }"),
            &[415],
            &["UNSUPPORTED_MEDIA_TYPE"],
        )
        .with_headers("content-type: text/plain\r\n"),
        Attack::graphql(
            "hostile: a compressed body",
            query("{ topics }"),
            &[415],
            &["UNSUPPORTED_MEDIA_TYPE"],
        )
        .with_headers("content-type: application/json\r\ncontent-encoding: gzip\r\n"),
        Attack::graphql(
            "hostile: an answer as an image",
            query("{ topics }"),
            &[406],
            &["NOT_ACCEPTABLE"],
        )
        .with_headers("content-type: application/json\r\naccept: image/png\r\n"),
        Attack::graphql("hostile: half of a body", query("{ topics }"), &[400, 408], &[]).sent(Manner::Truncated),
        Attack::graphql("hostile: a slow body, dropped", query("{ topics }"), &[], &[]).sent(Manner::SlowThenDropped),
        Attack::graphql("hostile: a half-closed connection", query("{ topics }"), &[200], &[]).sent(Manner::HalfClosed),
        Attack::bare(
            "hostile: a mutation by GET",
            "GET /graphql?query=mutation%7Blogout%7D",
            &[405],
        ),
        Attack::bare("hostile: DELETE of the graph", "DELETE /graphql", &[405]),
    ]
}

fn of_the_document() -> Vec<Attack> {
    let aliases: String = (0..5_000).map(|alias| format!("a{alias}: topics ")).collect();
    let fragments = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    vec![
        Attack::graphql("hostile: a syntax error", query("{ topics"), &[400], NOT_PARSED),
        Attack::graphql("hostile: an unknown field", query("{ passwords }"), &[400], NOT_VALID),
        Attack::graphql(
            "hostile: an unknown argument",
            query("{ books(hack: 1) { nodes { id } } }"),
            &[400],
            NOT_VALID,
        ),
        Attack::graphql("hostile: fragments in a circle", query(fragments), &[400], NOT_VALID),
        Attack::graphql(
            "hostile: two operations without a name",
            query("{ topics } { topics }"),
            &[400],
            &[],
        ),
        Attack::graphql("hostile: a deep query", query(nested(DEEP)), &[400], TOO_COMPLEX),
        Attack::graphql(
            "hostile: an absurdly deep query",
            query("{a".repeat(ABSURDLY_DEEP)),
            &[400],
            &["QUERY_TOO_COMPLEX", "GRAPHQL_PARSE_FAILED"],
        ),
        Attack::graphql(
            "hostile: too many aliases",
            query(format!("{{ {aliases} }}")),
            &[400],
            TOO_COMPLEX,
        ),
        Attack::graphql(
            "hostile: pages in pages",
            query(
                "{ users(first: 100) { nodes { posts(first: 100) { nodes { community { posts(first: 100) { nodes { text } } } } } } } }",
            ),
            &[400],
            TOO_COMPLEX,
        ),
        Attack::graphql(
            "hostile: a subscription without a stream",
            query("subscription { stockChanged { id } }"),
            &[406],
            &["NOT_ACCEPTABLE"],
        ),
        Attack::graphql(
            "hostile: a persisted query",
            text(r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}"#),
            &[200],
            &["PERSISTED_QUERY_NOT_FOUND", "PERSISTED_QUERY_NOT_SUPPORTED"],
        ),
    ]
}

fn of_the_values() -> Vec<Attack> {
    let book = "query($id: ID!) { book(id: $id) { id } }";
    let with = |variables: serde_json::Value| text(json!({ "query": book, "variables": variables }).to_string());
    let deposit = |amount: &str| {
        query(format!(
            "mutation {{ deposit(amount: {{ amount: \"{amount}\" }}) {{ id }} }}"
        ))
    };
    let signed_in = "content-type: application/json\r\nauthorization: Bearer {token}\r\n";
    vec![
        Attack::graphql(
            "hostile: a variable of another type",
            with(json!({ "id": { "a": 1 } })),
            &[400],
            &[],
        ),
        Attack::graphql("hostile: a missing variable", with(json!({})), &[400], &[]),
        Attack::graphql(
            "hostile: an id of another type",
            query("{ book(id: \"user_1\") { id } }"),
            &[200],
            INVALID,
        ),
        Attack::graphql(
            "hostile: a page that is too long",
            query("{ books(first: 1000000) { nodes { id } } }"),
            &[200, 400],
            &["INVALID_INPUT", "QUERY_TOO_COMPLEX"],
        ),
        Attack::graphql(
            "hostile: a cursor of nothing",
            query("{ books(after: \"' OR 1=1 --\") { nodes { id } } }"),
            &[200, 400],
            INVALID,
        ),
        Attack::graphql(
            "hostile: SQL in a text",
            query("{ books(topic: \"' OR 1=1; DROP TABLE book --\") { nodes { id } } }"),
            &[200],
            &[],
        ),
        Attack::graphql("hostile: a deposit below zero", deposit("-1.00"), &[200, 400], INVALID)
            .with_headers(signed_in),
        Attack::graphql(
            "hostile: a deposit without end",
            deposit("99999999999999999999.00"),
            &[200, 400],
            INVALID,
        )
        .with_headers(signed_in),
        Attack::graphql(
            "hostile: a deposit of parts of a cent",
            deposit("0.001"),
            &[200, 400],
            INVALID,
        )
        .with_headers(signed_in),
        Attack::graphql("hostile: a deposit of no number", deposit("NaN"), &[200, 400], INVALID)
            .with_headers(signed_in),
    ]
}

fn of_the_caller() -> Vec<Attack> {
    let trade = "mutation { trade(stock: \"GameStart\", side: BUY, quantity: 1) { number } }";
    let login = "mutation { login(login: \"stranger of the load test\", password: \"a wrong password\") { token } }";
    vec![
        Attack::graphql(
            "hostile: a forged token",
            query("{ topics }"),
            &[401],
            &["UNAUTHENTICATED"],
        )
        .with_headers(
            "content-type: application/json\r\nauthorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.\r\n",
        ),
        Attack::graphql(
            "hostile: a token of another scheme",
            query("{ topics }"),
            &[401],
            &["UNAUTHENTICATED"],
        )
        .with_headers("content-type: application/json\r\nauthorization: Basic YWRtaW46YWRtaW4=\r\n"),
        Attack::graphql(
            "hostile: a trade without a sign-in",
            query(trade),
            &[200, 401, 403],
            &["UNAUTHENTICATED", "FORBIDDEN"],
        ),
        Attack::graphql(
            "hostile: a trade without the right",
            query(trade),
            &[200, 403],
            &["FORBIDDEN"],
        )
        .with_headers("content-type: application/json\r\nauthorization: Bearer {token}\r\n"),
        Attack::graphql(
            "hostile: money for oneself",
            query("mutation { setBalance(userId: \"user_1\", balance: { amount: \"1.00\" }) { id } }"),
            &[200, 403],
            &["FORBIDDEN"],
        )
        .with_headers("content-type: application/json\r\nauthorization: Bearer {token}\r\n"),
        Attack::graphql(
            "hostile: a wrong password",
            query(login),
            &[200, 401],
            &["UNAUTHENTICATED", "RATE_LIMITED"],
        ),
    ]
}
