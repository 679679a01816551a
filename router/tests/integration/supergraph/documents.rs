//! The validity of documents on which the validating library and the specification disagree.

use agora::supergraph::{RequestError, Supergraph};
use serde_json::{Value, json};

use crate::world::{Graph, SUPERGRAPH, request};

fn verdict(graph: &Supergraph, document: &str) -> Result<(), RequestError> {
    graph.check_operation(document).map(drop)
}

fn assert_valid(graph: &Supergraph, document: &str) {
    let refused = verdict(graph, document).err();
    assert!(refused.is_none(), "{document}: {refused:?}");
}

fn assert_invalid(graph: &Supergraph, document: &str) {
    let code = verdict(graph, document).err().map(|refusal| refusal.code().as_str());
    assert_eq!(code, Some("GRAPHQL_VALIDATION_FAILED"), "{document}");
}

#[test]
fn a_subscription_has_one_root_field_which_may_be_repeated() {
    let graph = Graph::new().supergraph;
    for valid in [
        "subscription { personChanged { name } personChanged { id } }",
        "subscription { ...A ...B } fragment A on Subscription { personChanged { name } } fragment B on Subscription { personChanged { id } }",
        "subscription { ...A ...A } fragment A on Subscription { personChanged { name } }",
        "subscription { ... { personChanged { name } } ... on Subscription { personChanged { id } } }",
        "subscription { x: personChanged { name } x: personChanged { id @skip(if: true) } }",
    ] {
        assert_valid(&graph, valid);
    }
    for invalid in [
        "subscription { a: personChanged { name } b: personChanged { id } }",
        "subscription { personChanged { name } ...B } fragment B on Subscription { b: personChanged { id } }",
        "subscription { __typename }",
        "subscription { personChanged { name } __typename }",
        "subscription { a: __typename a: __typename }",
        "subscription { personChanged @skip(if: false) { name } }",
        "subscription { ... @include(if: true) { personChanged { name } } }",
        "subscription { ...A @include(if: true) } fragment A on Subscription { personChanged { name } }",
        "subscription { personChanged { name } personChanged { name: id } }",
    ] {
        assert_invalid(&graph, invalid);
    }
}

#[test]
fn a_variable_in_a_list_or_object_must_have_a_fitting_type() {
    let graph = Graph::new().supergraph;
    for valid in [
        "query($n: Int!) { echo(list: [1, $n]) }",
        "query($n: Int = 1) { echo(n: $n) }",
        "query($a: Int) { echo(input: { a: $a }) }",
        "query($b: [String!]) { echo(input: { b: $b }) }",
        "query($f: Boolean) { echo(flag: $f) }",
        "query($f: Boolean = null) { echo(flag: $f) }",
        "query($a: Int) { echo(any: { x: [$a, { y: $a }] }) }",
    ] {
        assert_valid(&graph, valid);
    }
    for invalid in [
        "query($n: Int) { echo(list: [1, $n]) }",
        "query($n: [Int!]) { echo(list: [$n]) }",
        "query($n: Int!) { echo(list: $n) }",
        "query($n: Int = null) { echo(list: [$n]) }",
        "query($a: [Int]) { echo(input: { a: $a }) }",
        "query($b: [String]) { echo(input: { b: $b }) }",
        "query($id: ID = null) { person(id: $id) { name } }",
        "query($f: Boolean = null) { me { name @skip(if: $f) } }",
        "{ echo(any: { x: $nothing }) }",
        "{ echo(any: { x: 1, x: 2 }) }",
        "{ echo(any: [{ x: { y: 1, y: 1 } }]) }",
        "query($any: Blob = { x: 1, x: 1 }) { echo(any: $any) }",
        "{ echo(input: { a: 1, a: 1 }) }",
        "{ echo(input: { c: { a: 1, a: 2 } }) }",
    ] {
        assert_invalid(&graph, invalid);
    }
}

#[test]
fn a_one_of_input_requires_exactly_one_field() {
    let sdl = SUPERGRAPH.replace(
        "input EchoInput @join__type(graph: PEOPLE)",
        "input EchoInput @join__type(graph: PEOPLE) @oneOf",
    );
    assert_ne!(sdl, SUPERGRAPH);
    let graph = Supergraph::without_subgraphs(&sdl, &contract::SCALARS).unwrap();
    for valid in [
        "{ echo(input: { a: 1 }) }",
        "{ echo(input: { c: { a: 1 } }) }",
        "query($a: Int!) { echo(input: { a: $a }) }",
    ] {
        assert_valid(&graph, valid);
    }
    for invalid in [
        "{ echo(input: {}) }",
        "{ echo(input: { a: null }) }",
        "{ echo(input: { a: 1, b: [\"x\"] }) }",
        "{ echo(input: { c: { a: 1, b: null } }) }",
        "query($a: Int) { echo(input: { a: $a }) }",
        "query($a: Int! $b: [String!]!) { echo(input: { a: $a, b: $b }) }",
        "query($i: EchoInput = {}) { echo(input: $i) }",
    ] {
        assert_invalid(&graph, invalid);
    }
}

#[tokio::test]
async fn fields_with_different_list_arguments_cannot_be_merged() {
    let graph = Graph::new().supergraph;
    for valid in [
        "{ echo(list: [1, 2]) echo(list: [1, 2]) }",
        "{ a: echo(list: [1, 2]) b: echo(list: [1]) }",
        "{ me { name } ...F } fragment F on Query { echo(list: [1]) echo(list: [1]) }",
    ] {
        assert_valid(&graph, valid);
    }
    for invalid in [
        "{ echo(list: [1, 2]) echo(list: [1]) }",
        "{ echo(list: []) echo(list: [1]) }",
        "{ echo(input: { b: [\"x\"] }) echo(input: { b: [\"x\", \"y\"] }) }",
        "{ echo(list: [1]) ...F } fragment F on Query { echo(list: [1, 2]) }",
        "{ echo(any: [[1]]) ... { echo(any: [[1, 2]]) } }",
    ] {
        assert_invalid(&graph, invalid);
    }
}

#[tokio::test]
async fn descriptions_in_a_document_are_ignored() {
    let graph = Graph::new();
    let described = "\"\"\"what it\nis for\"\"\" query Q(\"whose\" $id: ID = \"1\" \"unused\" $t: String) { ...F }\n\"part\" fragment F on Query { person(id: $id) { name } echo(text: $t) }";
    let answer = graph.query(described, json!({})).await;
    assert_eq!(answer["data"]["person"]["name"], "Ada", "{answer}");
    let wrong = graph.answer(request("\"ö\" query { me { nothing } }", json!({}))).await;
    let wrong: Value = serde_json::from_slice(&wrong.body).unwrap();
    assert_eq!(wrong["errors"][0]["locations"], json!([{ "line": 1, "column": 18 }]));
    for refused in [
        "\"d\" { me { name } }",
        "\"d\" \"e\" query { me { name } }",
        "{ \"d\" me { name } }",
    ] {
        let code = graph.supergraph.check_operation(refused).unwrap_err().code().as_str();
        assert_eq!(code, "GRAPHQL_PARSE_FAILED", "{refused}");
    }
}

#[tokio::test]
async fn strings_may_have_every_unicode_character() {
    let graph = Graph::new();
    for (written, read) in [
        (r#""\u{1F600}""#, "\u{1F600}"),
        (r#""\uD83D\uDE00""#, "\u{1F600}"),
        (r#""\u00e9\u{e9}\n""#, "éé\n"),
        ("\"\"\"\n  two\n    lines \\\"\"\"\n\"\"\"", "two\n  lines \"\"\""),
    ] {
        let answer = graph.query(&format!("{{ echo(text: {written}) }}"), json!({})).await;
        let echo: Value = serde_json::from_str(answer["data"]["echo"].as_str().unwrap()).unwrap();
        assert_eq!(echo["text"], read, "{written}");
    }
    for wrong in [
        r#""\uD83D""#,
        r#""\u{110000}""#,
        r#""\u{}""#,
        r#""\uDE00\uD83D""#,
        r#""\x""#,
    ] {
        let code = graph
            .supergraph
            .check_operation(&format!("{{ echo(text: {wrong}) }}"))
            .unwrap_err()
            .code()
            .as_str();
        assert_eq!(code, "GRAPHQL_PARSE_FAILED", "{wrong}");
    }
}

#[tokio::test]
async fn introspection_has_the_fields_of_the_newest_specification() {
    let sdl = SUPERGRAPH.replace(
        "input EchoInput @join__type(graph: PEOPLE)",
        "input EchoInput @join__type(graph: PEOPLE) @oneOf",
    );
    let one_of = Supergraph::without_subgraphs(&sdl, &contract::SCALARS).unwrap();
    for (graph, is_one_of) in [(&*Graph::new().supergraph, false), (&one_of, true)] {
        let query = r#"query($n: String!) { input: __type(name: "EchoInput") { isOneOf ...T isOneOf } other: __type(name: $n) { name isOneOf }
            __type(name: "__Type") { fields { name type { isOneOf } } }
            __schema { directives(includeDeprecated: true) { name isDeprecated why: deprecationReason } } }
            fragment T on __Type { again: isOneOf name inputFields { type { isOneOf name } } }"#;
        let answer = agora::subgraph::Subgraph::fetch(graph, request(query, json!({ "n": "Person" }))).await;
        let answer: Value = serde_json::from_slice(&answer.into_encoded().body).unwrap();
        let data = &answer["data"];
        assert!(answer.get("errors").is_none(), "{answer}");
        assert_eq!(data["input"]["isOneOf"], is_one_of);
        assert_eq!(data["input"]["again"], is_one_of);
        assert_eq!(data["input"]["name"], "EchoInput");
        assert_eq!(data["other"], json!({ "name": "Person", "isOneOf": null }));
        let fields = data["__type"]["fields"].as_array().unwrap();
        assert!(fields.iter().any(|field| field["name"] == "isOneOf"));
        let directives = data["__schema"]["directives"].as_array().unwrap();
        let one_of = json!({ "name": "oneOf", "isDeprecated": false, "why": null });
        assert!(directives.contains(&one_of), "{directives:?}");
    }
}
