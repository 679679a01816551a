//! Loaders: which keys are read together, and what the resolvers that wait for them see.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Schema, SimpleObject, Subscription};
use contract::{DomainSchema, Error, Load, Result, batch_loader, load};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Squares numbers, except negative ones, which have no value; 13 fails. Records the keys of each load.
#[derive(Clone, Default)]
struct Squares {
    loads: Arc<Mutex<Vec<Vec<i64>>>>,
    /// Loads that begin with 7 wait for it.
    seven: Arc<Notify>,
}

impl Load<i64> for Squares {
    type Value = i64;
    type Error = Error;

    async fn load(&self, keys: &[i64]) -> Result<HashMap<i64, i64>> {
        self.loads.lock().unwrap().push(keys.to_vec());
        match keys[0] {
            7 => self.seven.notified().await,
            13 => return Err(Error::Conflict("13".into())),
            _ => {}
        }
        let known = keys.iter().filter(|key| **key >= 0);
        Ok(known.map(|key| (*key, key * key)).collect())
    }
}

#[derive(SimpleObject)]
#[graphql(complex)]
struct Number {
    value: i64,
}

#[async_graphql::ComplexObject]
impl Number {
    async fn square(&self, ctx: &Context<'_>) -> Option<Result<Number>> {
        let found = load::<Squares, _>(ctx, self.value).await.transpose()?;
        Some(found.map(|value| Number { value }))
    }
}

#[derive(Default)]
struct Query;

#[Object]
impl Query {
    async fn numbers(&self, values: Vec<i64>) -> Vec<Number> {
        values.into_iter().map(|value| Number { value }).collect()
    }
}

#[derive(Default)]
struct Feed;

#[Subscription]
impl Feed {
    async fn numbers(&self) -> impl Stream<Item = Number> {
        stream::iter([2, 3]).map(|value| Number { value })
    }
}

fn schema(squares: &Squares) -> DomainSchema {
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription).data(batch_loader(squares.clone()));
    DomainSchema::new(schema.finish())
}

async fn answer(squares: &Squares, query: &str) -> Value {
    let response = schema(squares).execute(query).await;
    serde_json::to_value(response).unwrap()
}

fn loads(squares: &Squares) -> Vec<Vec<i64>> {
    std::mem::take(&mut squares.loads.lock().unwrap())
}

#[tokio::test]
async fn resolvers_that_can_run_share_a_load() {
    let squares = Squares::default();
    let answered = answer(
        &squares,
        "{ numbers(values: [2, 3, 2, -1]) { square { value square { value } } } }",
    )
    .await;
    let number = |value: i64| json!({ "square": { "value": value, "square": { "value": value * value } } });
    let numbers = [number(4), number(9), number(4), json!({ "square": null })];
    assert_eq!(answered, json!({ "data": { "numbers": numbers } }));
    assert_eq!(loads(&squares), [vec![2, 3, -1], vec![4, 9]]);
}

#[tokio::test]
async fn a_load_has_at_most_a_thousand_keys() {
    let squares = Squares::default();
    let values: Vec<i64> = (20..1_220).collect();
    let answered = answer(
        &squares,
        &format!("{{ numbers(values: {values:?}) {{ square {{ value }} }} }}"),
    )
    .await;
    let sum: i64 = answered["data"]["numbers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number["square"]["value"].as_i64().unwrap())
        .sum();
    assert_eq!(sum, values.iter().map(|value| value * value).sum::<i64>());
    let lengths: Vec<_> = loads(&squares).iter().map(Vec::len).collect();
    assert_eq!(lengths, [1_000, 200]);
}

#[tokio::test]
async fn a_failed_load_fails_for_each_of_its_resolvers() {
    let squares = Squares::default();
    let answered = answer(&squares, "{ numbers(values: [13, 2]) { square { value } } }").await;
    let failed = json!([{ "square": null }, { "square": null }]);
    assert_eq!(answered["data"]["numbers"], failed);
    let codes: Vec<_> = answered["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["extensions"]["code"].clone())
        .collect();
    assert_eq!(codes, ["CONFLICT", "CONFLICT"]);
}

#[tokio::test]
async fn a_load_that_waits_wakes_its_request() {
    let squares = Squares::default();
    let asked = squares.clone();
    let waiting = tokio::spawn(async move { answer(&asked, "{ numbers(values: [7]) { square { value } } }").await });
    while squares.loads.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    squares.seven.notify_one();
    let answered = waiting.await.unwrap();
    assert_eq!(answered["data"]["numbers"][0]["square"]["value"], 49);
}

#[tokio::test]
async fn a_request_of_many_loads_lets_other_tasks_run() {
    let (squares, turns) = (Squares::default(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let values: Vec<i64> = (20..1_020).collect();
    let query = format!("{{ numbers(values: {values:?}) {{ square {{ value }} }} }}");
    let answered = answer(&squares, &query).await;
    assert_eq!(answered["data"]["numbers"].as_array().map(Vec::len), Some(1_000));
    let turns = turns.load(Ordering::Relaxed);
    assert!(turns >= 5, "{turns}");
    assert_eq!(loads(&squares).len(), 1, "the batch has the keys of all resolvers");
    other.abort();
}

#[tokio::test]
async fn the_events_of_a_subscription_load_too() {
    let squares = Squares::default();
    let schema = Schema::build(Query, EmptyMutation, Feed).data(batch_loader(squares.clone()));
    let schema = DomainSchema::new(schema.finish());
    let request = || async_graphql::Request::new("subscription { numbers { square { value } } }");
    let answers: Vec<_> = schema.subscribe(request).collect().await;
    let shown: Vec<Value> = answers
        .into_iter()
        .map(|answer| serde_json::to_value(answer.data).unwrap())
        .collect();
    let number = |square: i64| json!({ "numbers": { "square": { "value": square } } });
    assert_eq!(shown, [number(4), number(9)]);
    assert_eq!(loads(&squares), [[2], [3]]);
}
