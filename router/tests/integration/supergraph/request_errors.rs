//! Request errors: every invalid operation is refused before execution, with a code and without side effects.

use agora::limits::Limits;
use agora::subgraph::ResponseKind;
use serde_json::json;

use crate::world::{Graph, request};

#[tokio::test]
async fn an_invalid_document_is_refused_with_a_code_and_a_location() {
    let graph = Graph::new();
    for (query, code) in [
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ me { name }", "GRAPHQL_PARSE_FAILED"),
        ("\u{0}\u{1}\u{feff}", "GRAPHQL_PARSE_FAILED"),
        ("{ me { name } } garbage", "GRAPHQL_PARSE_FAILED"),
        ("{ person(id: \"\\uZZZZ\") { name } }", "GRAPHQL_PARSE_FAILED"),
        ("{ me { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { name { x } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ person { name } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ person(id: [1]) { name } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ person(id: 1, x: 2) { name } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { ...F } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ me { ...F } } fragment F on Person { best { ...F } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "{ me { ...F } } fragment F on Person { ...G } fragment G on Person { ...F }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "{ me { name } } fragment F on Person { name }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("query($x: Int) { me { name } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { name @skip(if: $x) } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { name @nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { a: name a: id } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "query($x: Int) { person(id: $x) { name } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("type Query { x: Int }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ _entities(representations: []) { __typename } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{ _service { sdl } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { me { name } } query B { me { name } }", "OPERATION_NOT_FOUND"),
        ("subscription { personChanged { name } }", "SUBSCRIPTION_NOT_SUPPORTED"),
    ] {
        let (is, body) = graph.refused(request(query, json!({}))).await;
        assert_eq!(is, code, "{query}: {body}");
    }
    let (_, body) = graph.refused(request("{ me {\n  nothing } }", json!({}))).await;
    assert_eq!(body["errors"][0]["locations"], json!([{ "line": 2, "column": 3 }]));
}

#[tokio::test]
async fn a_syntax_error_is_reported_once() {
    let graph = Graph::new();
    for query in [
        "{",
        "{ me { name }",
        "{ me { name( } } }",
        "query { } }",
        "{ person(id: ) { name } ) }",
    ] {
        let (_, body) = graph.refused(request(query, json!({}))).await;
        assert_eq!(body["errors"].as_array().map(Vec::len), Some(1), "{query}: {body}");
    }
}

#[tokio::test]
async fn an_unknown_name_is_answered_with_names_like_it() {
    let graph = Graph::new();
    let long = format!("{{ {} }}", "m".repeat(10_000));
    for (query, suggested) in [
        ("{ me { nam } }", "; did you mean `name`?"),
        ("{ me { NICK } }", "; did you mean `nick`?"),
        ("{ persn(id: 1) { name } }", "; did you mean `person`?"),
        ("{ echo(txt: 1) }", "; did you mean `text`?"),
        ("{ echo(input: { e: 1 }) }", "; did you mean `a`, `b` or `c`?"),
        ("{ echo(mood: HAPY) }", "; did you mean `HAPPY`?"),
        ("query($x: Persn) { me { name } }", "; did you mean `Person` or `Part`?"),
        ("{ me { zzzzzzzz } }", ""),
        (&long, ""),
    ] {
        let (_, body) = graph.refused(request(query, json!({}))).await;
        let message = body["errors"][0]["message"].as_str().unwrap();
        let found = message.find("; did you mean").map_or("", |at| &message[at..]);
        assert_eq!(found, suggested, "{query}: {message}");
    }
    let closed = Graph::with(
        &[],
        Limits {
            introspection: false,
            ..Limits::default()
        },
    );
    let (_, body) = closed.refused(request("{ me { nam } }", json!({}))).await;
    assert!(
        !body.to_string().contains("did you mean"),
        "names of the schema: {body}"
    );
}

#[tokio::test]
async fn a_variable_of_a_wrong_type_is_refused_by_its_name() {
    let graph = Graph::new();
    let query = "query($n: Int, $l: [Int!], $i: EchoInput, $m: Mood, $id: ID, $t: String, $f: Boolean! = true) { echo(n: $n, list: $l, input: $i, mood: $m, id: $id, text: $t, flag: $f) }";
    for (variables, at) in [
        (json!({ "n": "1" }), "$n "),
        (json!({ "n": 1.5 }), "$n "),
        (json!({ "n": 3_000_000_000_i64 }), "$n "),
        (json!({ "n": true }), "$n "),
        (json!({ "n": [1] }), "$n "),
        (json!({ "l": [1, null] }), "$l[1] "),
        (json!({ "l": [[1]] }), "$l[0] "),
        (json!({ "l": "x" }), "$l "),
        (json!({ "i": 1 }), "$i "),
        (json!({ "i": { "z": 1 } }), "$i: EchoInput has no field \"z\""),
        (json!({ "i": { "c": { "c": { "a": "x" } } } }), "$i.c.c.a "),
        (json!({ "i": { "b": ["x", 1] } }), "$i.b[1] "),
        (json!({ "m": "ANGRY" }), "$m "),
        (json!({ "m": 1 }), "$m "),
        (json!({ "id": 1.5 }), "$id "),
        (json!({ "id": {} }), "$id "),
        (json!({ "t": 1 }), "$t "),
        (json!({ "f": null }), "$f "),
        (json!({ "f": "true" }), "$f "),
    ] {
        let (code, body) = graph.refused(request(query, variables)).await;
        assert_eq!(code, "INVALID_INPUT");
        let message = body["errors"][0]["message"].as_str().unwrap();
        assert!(message.starts_with(at), "{message}");
    }
    let (code, body) = graph
        .refused(request("query($id: ID!) { person(id: $id) { name } }", json!({})))
        .await;
    assert_eq!(
        (code, &body["errors"][0]["message"]),
        ("INVALID_INPUT", &json!("$id is missing, it has to be of type ID!"))
    );
    let conditional = "query($a: Boolean = true) { me { name @skip(if: $a) } }";
    assert_eq!(
        graph.refused(request(conditional, json!({ "a": null }))).await.0,
        "INVALID_INPUT"
    );
    let long = "x".repeat(1_000_000);
    let (_, body) = graph.refused(request(query, json!({ "n": long }))).await;
    assert!(body["errors"][0]["message"].as_str().unwrap().len() < 200);
    assert!(graph.asked.values().all(|asked| asked.lock().unwrap().is_empty()));
}

#[tokio::test]
async fn an_oversized_document_is_refused_before_it_is_traversed() {
    let graph = Graph::new();
    let nested = |levels: usize| {
        format!(
            "{{ me {} name {} }}",
            "{ best ".repeat(levels) + "{",
            "}".repeat(levels + 1)
        )
    };
    let repeat = |what: &str, times: usize| what.repeat(times);
    let mut doubling = String::from("{ me { ...F0 } } fragment F60 on Person { name }");
    let mut chain = String::from("{ me { ...F0 } } fragment F1500 on Person { name }");
    for n in 0..60 {
        doubling += &format!(
            " fragment F{n} on Person {{ a: best {{ ...F{next} }} b: best {{ ...F{next} }} }}",
            next = n + 1
        );
    }
    for n in 0..1500 {
        chain += &format!(" fragment F{n} on Person {{ ...F{} }}", n + 1);
    }
    let mut flat = String::from("{ me { ...F0 } } fragment F10 on Person { name }");
    for n in 0..10 {
        flat += &format!(" fragment F{n} on Person {{ {} }}", format!("...F{} ", n + 1).repeat(8));
    }
    for (what, query) in [
        ("200 levels", nested(200)),
        ("31 levels", nested(30)),
        ("100,000 open braces", repeat("{ me ", 100_000)),
        ("100,000 bare braces", repeat("{", 100_000)),
        (
            "deep lists",
            format!("{{ echo(any: {}1{}) }}", repeat("[", 50_000), repeat("]", 50_000)),
        ),
        (
            "deep objects",
            format!("{{ echo(any: {}1{}) }}", repeat("{a:", 3_000), repeat("}", 3_000)),
        ),
        (
            "deep types",
            format!(
                "query($x: {}Int{}) {{ me {{ name }} }}",
                repeat("[", 4_000),
                repeat("]", 4_000)
            ),
        ),
        (
            "deep inline fragments",
            format!("{{ me {} name {} }}", repeat("{ ... ", 500) + "{", repeat("}", 501)),
        ),
        ("doubling fragments", doubling),
        ("a fan of fragments", flat),
        ("a chain of fragments", chain),
        (
            "10,000 aliases",
            format!(
                "{{ {} }}",
                (0..10_000).map(|n| format!("a{n}: __typename ")).collect::<String>()
            ),
        ),
        (
            "300 aliases",
            format!(
                "{{ me {{ {} }} }}",
                (0..300).map(|n| format!("a{n}: name ")).collect::<String>()
            ),
        ),
        ("60 root fields", format!("{{ {} }}", repeat("me { name } ", 60))),
        ("6,000 fields", format!("{{ me {{ {} }} }}", repeat("name ", 6_000))),
        (
            "200 directives",
            format!("{{ me {{ name {} }} }}", repeat("@include(if: true) ", 200)),
        ),
        (
            "300 operations with 50 fields of one fragment",
            format!(
                "{} fragment F on Query {{ me {{ {} }} }}",
                (0..300).map(|n| format!("query A{n} {{...F}} ")).collect::<String>(),
                "name ".repeat(50)
            ),
        ),
        ("20,000 tokens", format!("{{ me {{ {} }} }}", repeat("name ", 20_000))),
    ] {
        let (code, body) = graph.refused(request(&query, json!({}))).await;
        assert_eq!(code, "QUERY_TOO_COMPLEX", "{what}: {body}");
    }
    assert_eq!(
        graph.answer(request(&nested(28), json!({}))).await.kind,
        ResponseKind::Data
    );
}

#[tokio::test]
async fn a_wrong_literal_is_refused_with_the_path_of_its_argument() {
    let graph = Graph::new();
    for (query, field, locations) in [
        (
            "{ person(id: true) { name } }",
            "id",
            json!([{ "line": 1, "column": 14 }]),
        ),
        (
            "{ person(id: null) { name } }",
            "id",
            json!([{ "line": 1, "column": 3 }]),
        ),
        ("{ person { name } }", "id", json!([{ "line": 1, "column": 3 }])),
        (
            "{ person(id: 1, x: 2) { name } }",
            "x",
            json!([{ "line": 1, "column": 17 }]),
        ),
        (
            "{ people(first: \"x\") { name } }",
            "first",
            json!([{ "line": 1, "column": 17 }]),
        ),
        (
            "{ people(first: 1.0) { name } }",
            "first",
            json!([{ "line": 1, "column": 17 }]),
        ),
        (
            "{ people(first: 99999999999) { name } }",
            "first",
            json!([{ "line": 1, "column": 17 }]),
        ),
        ("{ echo(text: 1) }", "text", json!([{ "line": 1, "column": 14 }])),
        ("{ echo(text: WORD) }", "text", json!([{ "line": 1, "column": 14 }])),
        (
            "{ echo(mood: \"HAPPY\") }",
            "mood",
            json!([{ "line": 1, "column": 14 }]),
        ),
        (
            "{ echo(mood: NONE_OF_THEM) }",
            "mood",
            json!([{ "line": 1, "column": 14 }]),
        ),
        (
            "{ echo(list: [1, \"x\"]) }",
            "list[1]",
            json!([{ "line": 1, "column": 18 }]),
        ),
        (
            "{ echo(list: [1, null]) }",
            "list[1]",
            json!([{ "line": 1, "column": 18 }]),
        ),
        ("{ echo(input: 1) }", "input", json!([{ "line": 1, "column": 15 }])),
        (
            "{ echo(input: { z: 1 }) }",
            "input.z",
            json!([{ "line": 1, "column": 20 }]),
        ),
        (
            "{ echo(input: { c: { a: \"x\" } }) }",
            "input.c.a",
            json!([{ "line": 1, "column": 25 }]),
        ),
        (
            "query($n: Int = \"x\") { echo(n: $n) }",
            "n",
            json!([{ "line": 1, "column": 17 }]),
        ),
        (
            "{ me { name @include(if: 1) } }",
            "if",
            json!([{ "line": 1, "column": 26 }]),
        ),
        (
            "{ ...F } fragment F on Query { person(id: {}) { name } }",
            "id",
            json!([{ "line": 1, "column": 43 }]),
        ),
    ] {
        let (code, body) = graph.refused(request(query, json!({}))).await;
        assert_eq!(code, "GRAPHQL_VALIDATION_FAILED", "{query}: {body}");
        assert_eq!(body["errors"][0]["extensions"]["field"], field, "{query}: {body}");
        assert_eq!(body["errors"][0]["locations"], locations, "{query}: {body}");
    }
    let (_, body) = graph.refused(request("{ me { nothing } }", json!({}))).await;
    assert!(body["errors"][0]["extensions"].get("field").is_none(), "{body}");
}

#[tokio::test]
async fn large_documents_within_the_limits_are_answered() {
    let limits = Limits {
        query_fields_max: 10_000,
        query_tokens_max: 100_000,
        ..Limits::default()
    };
    let graph = Graph::with(&[], limits);
    let same = format!("{{ me {{ {} }} }}", "name ".repeat(4_000));
    assert_eq!(
        &graph.answer(request(&same, json!({}))).await.body[..],
        br#"{"data":{"me":{"name":"Ada"}}}"#
    );
    let nested = format!("{{ me {{ {} }} }}", "best { name friends { name } } ".repeat(1_000));
    assert_eq!(graph.answer(request(&nested, json!({}))).await.kind, ResponseKind::Data);
}

#[tokio::test]
async fn disabled_introspection_is_refused_except_typename() {
    let limits = Limits {
        introspection: false,
        ..Limits::default()
    };
    let graph = Graph::with(&[], limits);
    for query in [
        "{ __schema { types { name } } }",
        "{ me { name } ... { __type(name: \"Person\") { name } } }",
        "{ ...F } fragment F on Query { __schema { types { name } } }",
    ] {
        assert_eq!(
            graph.refused(request(query, json!({}))).await.0,
            "INTROSPECTION_DISABLED"
        );
    }
    let answer = graph.query("{ __typename me { __typename } }", json!({})).await;
    assert_eq!(
        answer,
        json!({ "data": { "__typename": "Query", "me": { "__typename": "Person" } } })
    );
}

#[tokio::test]
async fn any_bytes_get_an_answer() {
    // A deterministic generator: the same texts in every run.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let pieces = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "!",
        "$",
        "@",
        "...",
        "\"",
        "\"\"\"",
        "#",
        "\n",
        "\\",
        "me",
        "name",
        "on",
        "Person",
        "fragment",
        "query",
        "mutation",
        "subscription",
        "best",
        "id",
        "1",
        "-",
        "1.5e9",
        "true",
        "null",
        "=",
        "&",
        "|",
        "F",
        "é",
        "\u{0}",
        ",",
        " ",
        "people",
        "reviews",
        "body",
        "@skip(if: true)",
        "anything",
        "__typename",
        "__schema",
    ];
    let graph = Graph::new();
    for _ in 0..2_000 {
        let text: String = (0..next(30))
            .map(|_| pieces[next(pieces.len())].to_owned() + " ")
            .collect();
        graph.answer(request(&text, json!({ "F": 1 }))).await;
    }
}
