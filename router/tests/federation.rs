//! Several subgraphs as one: what a client sees is what one server with all the data would have said.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "federation/world.rs"]
mod world;

use agora::limits::Limits;
use agora::subgraph::{Outcome, Subgraph};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use world::{Graph, Mood, reference, request};

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    errors: Vec<Value>,
}

impl Parts<'_> {
    /// Message and path of every error: their order says nothing, and places in the document are the executor's own.
    fn errors(&self, with_message: bool) -> Vec<String> {
        let described = self.errors.iter().map(|error| match with_message {
            true => format!("{} at {}", error["message"], error["path"]),
            false => error["path"].to_string(),
        });
        let mut errors: Vec<_> = described.collect();
        errors.sort();
        errors
    }
}

/// Operations, each with its variables.
const OPERATIONS: &str = include_str!("federation/operations.graphql");

fn operations() -> Vec<(String, Value)> {
    let mut operations = Vec::new();
    for block in OPERATIONS.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let variables = block.lines().find_map(|line| line.strip_prefix("#= "));
        let variables = variables.map_or(json!({}), |text| serde_json::from_str(text).expect(text));
        operations.push((block.to_owned(), variables));
    }
    operations
}

#[tokio::test]
async fn every_operation_is_answered_as_one_server_with_all_the_data_would_answer_it() {
    compare(Mood::Well).await;
}

#[tokio::test]
async fn subgraphs_that_leave_failed_fields_out_are_answered_for_by_the_rules_all_the_same() {
    compare(Mood::Sloppy).await;
}

async fn compare(mood: Mood) {
    let mut wrong = String::new();
    for (query, variables) in operations() {
        let moods = ["people", "products", "reviews", "shipping"].map(|name| (name, mood));
        let graph = Graph::with(&moods, Limits::default());
        let answer = graph.answer(request(&query, variables.clone())).await;
        let federated = String::from_utf8(answer.body.to_vec()).unwrap();
        let expected = reference(&query, &variables);
        let same = match (
            serde_json::from_str::<Parts>(&federated),
            serde_json::from_str::<Parts>(&expected),
        ) {
            (Ok(federated), Ok(expected)) => {
                // What is null against the schema, a sloppy subgraph does not complain about: the router does.
                let with_message = mood == Mood::Well;
                federated.data.get() == expected.data.get()
                    && federated.errors(with_message) == expected.errors(with_message)
            }
            _ => false,
        };
        if !same {
            let plan = graph.supergraph.plan_text(&query, None);
            wrong += &format!(
                "{query}\n  federated {federated}\n  reference {expected}\n{}\n",
                plan.unwrap_or_else(|refusal| refusal.to_string())
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn graph_without(name: &str, mood: Mood) -> Graph {
    let limits = Limits {
        request_ms_max: 200,
        ..Limits::default()
    };
    Graph::with(&[(name, mood)], limits)
}

fn codes(answer: &Value) -> Vec<&str> {
    let errors = answer["errors"].as_array().map_or(&[][..], |errors| errors);
    errors
        .iter()
        .map(|error| error["extensions"]["code"].as_str().unwrap_or("none"))
        .collect()
}

#[tokio::test]
async fn what_a_subgraph_that_is_down_knows_is_missing_and_the_rest_is_there() {
    let graph = graph_without("products", Mood::Down);
    let answer = graph
        .run("{ me { name reviews { body product { upc name } } } products { name } }")
        .await;
    assert_eq!(
        answer,
        json!({
            "data": null,
            "errors": [
                // The list of reviews lives: its products are nullable, their names are not.
                { "message": "down for repair", "path": ["me", "reviews", 0, "product", "name"], "extensions": { "code": "UNAVAILABLE", "retryAfter": 3 } },
                { "message": "down for repair", "path": ["products"], "extensions": { "code": "UNAVAILABLE", "retryAfter": 3 } },
            ],
        })
    );
    let answer = graph.run("{ me { name reviews { body product { upc name } } } }").await;
    assert_eq!(
        answer["data"],
        json!({ "me": { "name": "Ada", "reviews": [{ "body": "good", "product": null }, { "body": "so so", "product": null }] } })
    );
}

#[tokio::test]
async fn a_subgraph_that_fails_in_any_way_leaves_the_others_their_answers() {
    for (mood, code) in [
        (Mood::Down, "UNAVAILABLE"),
        (Mood::Silent, "TIMEOUT"),
        (Mood::Garbled, "UNAVAILABLE"),
        (Mood::Panicking, "INTERNAL"),
        (Mood::Forgetful, "NOT_FOUND"),
    ] {
        let graph = graph_without("reviews", mood);
        let answer = graph
            .run("{ people { name favourite { __typename } } must { name } }")
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
async fn what_depends_on_something_that_failed_says_so() {
    let graph = graph_without("products", Mood::Forgetful);
    let answer = graph.run("{ depots { city holds { shipping } } }").await;
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
async fn one_entity_is_asked_for_once_wherever_it_stands() {
    let graph = Graph::new();
    graph
        .run("{ topReviews { author { name } replies { author { name } } } depots { holds { name } } }")
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
async fn a_number_where_an_id_belongs_leaves_as_the_text_it_stands_for() {
    let answer = Graph::new().run("{ people { code } }").await;
    assert_eq!(
        answer["data"]["people"],
        json!([{ "code": "42" }, { "code": "x" }, { "code": "c3" }])
    );
}

#[tokio::test]
async fn more_errors_than_the_limit_are_counted_not_listed() {
    let limits = Limits {
        errors_max: 2,
        ..Limits::default()
    };
    let graph = Graph::with(&[("reviews", Mood::Down)], limits);
    let answer = graph
        .run("{ people { name favourite { __typename } liked { __typename } } }")
        .await;
    assert_eq!(codes(&answer), ["UNAVAILABLE"; 2]);
    assert_eq!(answer["extensions"], json!({ "errorsOmitted": 4 }));
}

#[tokio::test]
async fn more_entities_than_the_limit_are_not_fetched() {
    let limits = Limits {
        entities_max: 2,
        ..Limits::default()
    };
    let answer = Graph::with(&[], limits)
        .run("{ people { favourite { __typename } } }")
        .await;
    assert_eq!(codes(&answer), ["QUERY_TOO_COMPLEX"], "{answer}");
    assert_eq!(answer["errors"][0]["path"], json!(["people", 2, "favourite"]));
}

#[tokio::test]
async fn a_subscription_answers_every_event_with_what_other_subgraphs_add() {
    let graph = Graph::new();
    let query =
        "subscription($n: Int = 1) { changed: personChanged(after: $n) { name karma reviews(first: $n) { body } } }";
    let answers: Vec<Value> = graph
        .supergraph
        .subscribe(request(query, json!({})))
        .map(|data| serde_json::from_slice(&data.into_answer().body).unwrap())
        .collect()
        .await;
    let good = json!({ "data": { "changed": { "name": "Ada", "karma": 7, "reviews": [{ "body": "good" }] } } });
    // The event in the middle went wrong: that is an answer, not the end.
    let bad = json!({ "data": { "changed": null }, "errors": [{ "message": "lost", "path": ["personChanged"] }] });
    assert_eq!(answers[0], good);
    assert_eq!(answers[1]["data"], bad["data"]);
    assert_eq!(answers[1]["errors"][0]["message"], "lost");
    assert_eq!(answers[2..], [good]);
}

#[tokio::test]
async fn a_subscription_that_the_subgraph_refuses_is_refused() {
    let graph = Graph::with(&[("people", Mood::Down)], Limits::default());
    let mut answers = graph
        .supergraph
        .subscribe(request("subscription { personChanged { name } }", json!({})));
    let answer = answers.next().await.unwrap().into_answer();
    assert_eq!(answer.outcome, Outcome::Refused("UNAVAILABLE"));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["errors"][0]["message"], "down for repair");
    assert!(body.get("data").is_none());
    assert!(answers.next().await.is_none());
}

#[tokio::test]
async fn a_query_can_come_as_a_stream_of_one_answer() {
    let graph = Graph::new();
    let answers: Vec<_> = graph
        .supergraph
        .subscribe(request("{ me { name } }", json!({})))
        .collect()
        .await;
    let [answer] = <[_; 1]>::try_from(answers).unwrap_or_else(|answers| panic!("{} answers", answers.len()));
    assert_eq!(&answer.into_answer().body[..], br#"{"data":{"me":{"name":"Ada"}}}"#);
}

#[tokio::test]
async fn the_plan_of_an_operation_can_be_read() {
    let graph = Graph::new();
    let plan = |query: &str| graph.supergraph.plan_text(query, None).unwrap();
    insta::assert_snapshot!(plan("{ me { name reviews { body product { name shipping } } } depots { city } }"), @r#"
    Sequence
      Parallel
        Fetch shipping  { depots { city } }
        Fetch people  { me { __typename name id } }
      Fetch reviews  Person(id) => { reviews { body product { __typename upc } } }   at me
      Fetch products  Product(upc) => { price weight name }   at me.reviews.@.product
      Fetch shipping  Product(price weight upc) => { shipping }   at me.reviews.@.product
    "#);
    insta::assert_snapshot!(plan("{ me { favourite { ... on Product { name } ... on Review { author { name } } } } }"), @r#"
    Sequence
      Fetch people  { me { __typename id } }
      Fetch reviews  Person(id) => { favourite { __typename ...on Product { __typename upc } ...on Review { author { __typename id } } } }   at me
      Parallel
        Fetch people  Person(id) => { name }   at me.favourite|[Review].author
        Fetch products  Product(upc) => { name }   at me.favourite|[Product]
    "#);
    insta::assert_snapshot!(plan("mutation { note(text: \"a\") jot(text: \"b\") again: note(text: \"c\") }"), @r#"
    Sequence
      Fetch people  mutation { note(text: "a") }
      Fetch reviews  mutation { jot(text: "b") }
      Fetch people  mutation { again: note(text: "c") }
    "#);
    insta::assert_snapshot!(plan("subscription { personChanged { name karma } }"), @r#"
    Subscribe people  subscription { personChanged { __typename name id } }
    Fetch reviews  Person(id) => { karma }   at personChanged
    "#);
    insta::assert_snapshot!(plan("{ __schema { queryType { name } } __typename }"), @r#"
    Introspect
    "#);
}
