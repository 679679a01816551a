//! Subgraphs that fail, and values that violate the schema.

use agora::limits::Limits;
use serde_json::{Value, json};
use testing::Answer;

use crate::world::{Graph, SubgraphBehavior};

fn graph_without(name: &str, behavior: SubgraphBehavior) -> Graph {
    let limits = Limits {
        request_ms_max: 200,
        ..Limits::default()
    };
    Graph::with(&[(name, behavior)], limits)
}

fn codes(answer: &Answer) -> Vec<&str> {
    let errors = answer["errors"].as_array().map_or(&[][..], |errors| errors);
    errors
        .iter()
        .map(|error| error["extensions"]["code"].as_str().unwrap_or("none"))
        .collect()
}

#[tokio::test]
async fn fields_of_a_subgraph_that_is_down_are_null_with_errors() {
    let graph = graph_without("products", SubgraphBehavior::Down);
    let answer = graph
        .query(
            "{ me { name reviews { body product { upc name } } } products { name } }",
            json!({}),
        )
        .await;
    assert_eq!(
        answer,
        json!({
            "data": null,
            "errors": [
                // This error does not remove the list of reviews: a review's `product` is nullable, although its `name` is not.
                { "message": "down for repair", "path": ["me", "reviews", 0, "product", "name"], "extensions": { "code": "UNAVAILABLE", "retryAfter": 3 } },
                { "message": "down for repair", "path": ["products"], "extensions": { "code": "UNAVAILABLE", "retryAfter": 3 } },
            ],
        })
    );
    let answer = graph
        .query("{ me { name reviews { body product { upc name } } } }", json!({}))
        .await;
    assert_eq!(
        answer["data"],
        json!({ "me": { "name": "Ada", "reviews": [{ "body": "good", "product": null }, { "body": "so so", "product": null }] } })
    );
}

#[tokio::test]
async fn a_failing_subgraph_does_not_affect_the_others() {
    for (behavior, code) in [
        (SubgraphBehavior::Down, "UNAVAILABLE"),
        (SubgraphBehavior::Silent, "TIMEOUT"),
        (SubgraphBehavior::Garbled, "UNAVAILABLE"),
        (SubgraphBehavior::Panicking, "INTERNAL"),
        (SubgraphBehavior::Forgetful, "NOT_FOUND"),
    ] {
        let graph = graph_without("reviews", behavior);
        let answer = graph
            .query("{ people { name favourite { __typename } } must { name } }", json!({}))
            .await;
        let person = |name: &str| json!({ "name": name, "favourite": null });
        assert_eq!(
            answer["data"],
            json!({ "people": [person("Ada"), person("Ben \"the\" Böb\n"), person("Cleo")], "must": { "name": "Cleo" } }),
            "{answer}"
        );
        assert_eq!(codes(&answer), [code; 3], "{answer}");
        assert_eq!(answer["errors"][2]["path"], json!(["people", 2, "favourite"]));
    }
}

#[tokio::test]
async fn a_field_that_requires_a_failed_field_reports_an_error() {
    let graph = graph_without("products", SubgraphBehavior::Forgetful);
    let answer = graph.query("{ depots { city holds { shipping } } }", json!({})).await;
    assert_eq!(
        answer["data"]["depots"][0],
        json!({ "city": "Lyon", "holds": [null, null, null, null] })
    );
    assert_eq!(codes(&answer), ["NOT_FOUND"; 3], "{answer}");
    assert_eq!(
        answer["errors"][0]["path"],
        json!(["depots", 0, "holds", 0, "shipping"])
    );
}

#[tokio::test]
async fn an_entity_at_several_paths_is_fetched_once() {
    let graph = Graph::new();
    graph
        .query(
            "{ topReviews { author { name } replies { author { name } } } depots { holds { name } } }",
            json!({}),
        )
        .await;
    let asked = graph.asked["people"].lock().unwrap().clone();
    let [(text, variables)] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert!(text.contains("_entities"), "{text}");
    let person = |id: &str| json!({ "__typename": "Person", "id": id });
    let people: Vec<_> = variables.as_object().unwrap().values().collect();
    assert!(people.contains(&&json!([person("1"), person("2")])), "{people:?}");
    let asked = graph.asked["products"].lock().unwrap().clone();
    let product = |upc: &str| json!({ "__typename": "Product", "upc": upc });
    assert_eq!(asked[0].1["representations"], json!([product("b"), product("a")]));
}

#[tokio::test]
async fn a_number_as_an_id_is_returned_as_a_string() {
    let answer = Graph::new().query("{ people { code } }", json!({})).await;
    assert_eq!(
        answer["data"]["people"],
        json!([{ "code": "42" }, { "code": "x" }, { "code": "c3" }])
    );
}

#[tokio::test]
async fn errors_above_the_limit_are_counted_and_not_listed() {
    let limits = Limits {
        errors_max: 2,
        ..Limits::default()
    };
    let graph = Graph::with(&[("reviews", SubgraphBehavior::Down)], limits);
    let answer = graph
        .query(
            "{ people { name favourite { __typename } liked { __typename } } }",
            json!({}),
        )
        .await;
    assert_eq!(codes(&answer), ["UNAVAILABLE"; 2]);
    assert_eq!(answer["extensions"], json!({ "errorsOmitted": 4 }));
}

#[tokio::test]
async fn entities_above_the_limit_are_not_fetched() {
    let limits = Limits {
        entities_max: 2,
        ..Limits::default()
    };
    let answer = Graph::with(&[], limits)
        .query("{ people { favourite { __typename } } }", json!({}))
        .await;
    assert_eq!(codes(&answer), ["QUERY_TOO_COMPLEX"], "{answer}");
    assert_eq!(answer["errors"][0]["path"], json!(["people", 2, "favourite"]));
}

#[tokio::test]
async fn a_mutation_stops_at_a_null_that_propagates_to_the_root() {
    let graph = Graph::new();
    let answer = graph
        .query(
            r#"mutation { write(product: "b", body: "new") { author { vital } } note(text: "never") }"#,
            json!({}),
        )
        .await;
    assert_eq!(answer["data"], Value::Null, "{answer}");
    assert_eq!(answer["errors"][0]["path"], json!(["write", "author", "vital"]));
    let answer = graph.query(r#"mutation { note(text: "first") }"#, json!({})).await;
    assert_eq!(answer, json!({ "data": { "note": ["note first"] } }));
}

fn paths(answer: &Answer) -> Vec<Value> {
    let errors = answer["errors"].as_array().map_or(&[][..], |errors| errors);
    errors.iter().map(|error| error["path"].clone()).collect()
}

#[tokio::test]
async fn an_error_of_an_added_field_has_the_path_that_requires_it() {
    let graph = Graph::new();
    for (query, data, expected) in [
        (
            r#"{ p: product(upc: "d") { x: shipping } }"#,
            json!({ "p": null }),
            vec![json!(["p", "x"])],
        ),
        (
            r#"{ p: product(upc: "d") { size: upc weight: name x: volume } }"#,
            json!({ "p": { "size": "d", "weight": "Dates", "x": null } }),
            vec![json!(["p", "x"])],
        ),
        (
            r#"{ p: product(upc: "d") { w: weight volume } }"#,
            json!({ "p": { "w": null, "volume": null } }),
            vec![json!(["p", "w"]), json!(["p", "volume"])],
        ),
        (
            r#"{ topReviews { id } r: review(id: "14") { product { upc volume also: volume } } }"#,
            json!({ "topReviews": [{ "id": "11" }, { "id": "12" }, { "id": "13" }],
                    "r": { "product": { "upc": "d", "volume": null, "also": null } } }),
            vec![json!(["r", "product", "volume"]), json!(["r", "product", "also"])],
        ),
    ] {
        let answer = graph.query(query, json!({})).await;
        assert_eq!(answer["data"], data, "{answer}");
        let mut found = paths(&answer);
        found.sort_by_key(|path| expected.iter().position(|known| known == path));
        assert_eq!(found, expected, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_one_error_and_no_data() {
    let query = "{ people { name friends { name friends { name } } } }";
    let limits = |answer_bytes_max| Limits {
        answer_bytes_max,
        ..Limits::default()
    };
    let whole = Graph::with(&[], limits(64 * 1024)).query(query, json!({})).await;
    assert!(whole.get("errors").is_none(), "{whole}");
    for bytes in [100, 1_000] {
        let answer = Graph::with(&[], limits(bytes)).query(query, json!({})).await;
        assert_eq!(answer["data"], Value::Null, "{answer}");
        assert_eq!(codes(&answer), ["ANSWER_TOO_LARGE"], "{answer}");
    }
}
