//! Every spelling of a value or an operation reaches the subgraphs with its meaning, however it is written, named or nested.

use agora::limits::Limits;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{Graph, SubgraphBehavior, request};

fn graph() -> Graph {
    Graph::with(
        &["people", "products", "reviews", "shipping"].map(|name| (name, SubgraphBehavior::Well)),
        Limits::default(),
    )
}

async fn answer(graph: &Graph, query: &str) -> Value {
    let answer = graph.answer(request(query, json!({}))).await;
    serde_json::from_slice(&answer.body).unwrap()
}

/// Returns the value of the argument `any` that `echo` returned.
fn echoed(answer: &Value) -> Value {
    let shown = answer["data"]["echo"].as_str().unwrap_or_else(|| panic!("{answer}"));
    serde_json::from_str::<Value>(shown).unwrap()["any"].take()
}

/// Generates a literal and the value that it means.
fn literal() -> impl Strategy<Value = (String, Value)> {
    let sign = prop_oneof![Just(""), Just("-")];
    let exponent = (prop_oneof!["e", "E"], prop_oneof!["", "[+-]"], 0_u32..3, 0_u32..200)
        .prop_map(|(e, sign, zeros, power)| format!("{e}{sign}{}{power}", "0".repeat(zeros as usize)));
    let fraction = "\\.[0-9]{1,6}";
    let float = (
        sign,
        0_u32..100_000,
        prop_oneof![
            (Just(String::new()), exponent.clone()),
            (fraction, Just(String::new())),
            (fraction, exponent)
        ],
    )
        .prop_map(|(sign, whole, (fraction, exponent))| format!("{sign}{whole}{fraction}{exponent}"))
        .prop_filter_map("a finite number", |text| {
            let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
            Some((text, json!(number)))
        });
    let text = any::<String>().prop_map(|text| (graphql_string(&text), json!(text)));
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| (number.to_string(), json!(number))),
        float,
        text,
        Just(("null".to_owned(), Value::Null)),
        any::<bool>().prop_map(|truth| (truth.to_string(), json!(truth))),
        prop_oneof![
            Just("HAPPY"),
            Just("on"),
            Just("fragment"),
            Just("query"),
            Just("truer"),
            Just("_")
        ]
        .prop_map(|word| (word.to_owned(), json!(word))),
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(|items| {
            let (texts, values): (Vec<_>, Vec<_>) = items.into_iter().unzip();
            (format!("[{}]", texts.join(" ")), Value::Array(values))
        });
        let key = "[_a-zA-Z][_a-zA-Z0-9]{0,6}";
        let object = prop::collection::btree_map(key, inner, 0..4).prop_map(|members| {
            let texts: Vec<_> = members
                .iter()
                .map(|(key, (text, _))| format!("{key}: {text}"))
                .collect();
            let values = members.into_iter().map(|(key, (_, value))| (key, value));
            (format!("{{{}}}", texts.join(", ")), Value::Object(values.collect()))
        });
        prop_oneof![list, object]
    })
}

fn graphql_string(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => written += "\\\"",
            '\\' => written += "\\\\",
            '\u{8}' => written += "\\b",
            character if character < ' ' => written += &format!("\\u{:04x}", u32::from(character)),
            character => written.push(character),
        }
    }
    written + "\""
}

/// Whether two values are equal; the tests' own number parser may be wrong in the last bit.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            let (Some(one), Some(other)) = (one.as_f64(), other.as_f64()) else {
                return false;
            };
            one == other || ((one - other) / other).abs() < 1e-14
        }
        (Value::Array(some), Value::Array(others)) => {
            some.len() == others.len() && some.iter().zip(others).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(some), Value::Object(others)) => {
            let alike = |(key, one)| others.get(key).is_some_and(|other| is_same(one, other));
            some.len() == others.len() && some.iter().all(alike)
        }
        (one, other) => one == other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_literal_reaches_its_subgraph_as_its_value((text, value) in literal()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let graph = graph();
            for query in [
                format!("{{ echo(any: {text}) }}"),
                format!("query ($any: Blob = {text}) {{ echo(any: $any) }}"),
            ] {
                let answer = answer(&graph, &query).await;
                let echoed = echoed(&answer);
                prop_assert!(is_same(&echoed, &value), "{query}: {echoed} is not {value}");
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_deep_document_is_answered_or_is_too_complex() {
    let graph = graph();
    for depth in [10, 20, 40, 48, 50, 60, 64, 70, 75, 76, 90, 150, 200] {
        let lists = format!("{{ echo(any: {}1{}) }}", "[".repeat(depth), "]".repeat(depth));
        let objects = format!("{{ echo(any: {}1{}) }}", "{a:".repeat(depth), "}".repeat(depth));
        let inputs = format!(
            "{{ echo(input: {}{{}}{}) }}",
            "{c:".repeat(depth - 1),
            "}".repeat(depth - 1)
        );
        let inline = format!(
            "{{ me {}{{ name karma }}{} }}",
            "{ ... on Person ".repeat(depth),
            "}".repeat(depth)
        );
        let bare = format!(
            "{{ me {}{{ name karma }}{} }}",
            "{ ... ".repeat(depth),
            "}".repeat(depth)
        );
        let any = format!(
            "{{ named {}{{ name }}{} }}",
            "{ ... on Person { ... on Named ".repeat(depth / 2),
            "} }".repeat(depth / 2)
        );
        let spread: String = (0..depth)
            .map(|level| format!("fragment f{level} on Person {{ ...f{} }} ", level + 1))
            .collect();
        let spread = format!("{{ me {{ ...f0 }} }} {spread} fragment f{depth} on Person {{ name karma }}");
        for query in [lists, objects, inputs, inline, bare, any, spread] {
            let answer = answer(&graph, &query).await;
            match answer["errors"][0]["extensions"]["code"].as_str() {
                None => assert!(answer.get("errors").is_none(), "{query}: {answer}"),
                Some(code) => {
                    assert_eq!(code, "QUERY_TOO_COMPLEX", "{query}: {answer}");
                    assert!(depth > 50, "{query}: {answer}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_operation_as_deep_as_allowed_is_answered() {
    let depth = Limits::default().query_depth_max;
    let graph = graph();
    let query = format!(
        "{{ me {} {{ karma name }} {} }}",
        "{ best ".repeat(depth - 2),
        "}".repeat(depth - 2)
    );
    let answer = answer(&graph, &query).await;
    assert!(answer.get("errors").is_none(), "{answer}");
}

#[tokio::test]
async fn the_same_field_under_many_aliases_is_fetched_once() {
    let graph = graph();
    let query = "{ a: me { n: name karma } b: me { m: name karma } c: me { name x: karma } }";
    let answer = answer(&graph, query).await;
    assert_eq!(answer["data"]["a"]["n"], answer["data"]["b"]["m"], "{answer}");
    for name in ["people", "reviews"] {
        assert_eq!(graph.asked[name].lock().unwrap().len(), 1, "{:?}", graph.asked[name]);
    }
}

#[tokio::test]
async fn a_mutation_field_runs_once_per_alias() {
    let graph = graph();
    let query = r#"mutation { a: note(text: "x") b: note(text: "x") c: note(text: "y") }"#;
    let answer = answer(&graph, query).await;
    let count = |key: &str| answer["data"][key].as_array().map(Vec::len);
    assert_eq!(
        [count("a"), count("b"), count("c")],
        [Some(1), Some(2), Some(3)],
        "{answer}"
    );
}
