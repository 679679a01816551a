//! The cache of fetches: which responses it stores, and which not.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use agora::limits::Limits;
use contract::Viewer;
use futures_util::FutureExt;
use serde_json::{Value, json};
use testing::member;

use crate::market::Market;

const STOCK: &str = "query($id: ID!) { stock(id: $id) { name quantity } }";

async fn quantity(market: &Market, id: i64) -> Option<i64> {
    let answer = market.query(STOCK, json!({ "id": id.to_string() })).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["stock"]["quantity"].as_i64()
}

#[tokio::test]
async fn a_cached_response_is_fetched_from_no_subgraph() {
    let market = Market::open();
    for _ in 0..3 {
        assert_eq!(quantity(&market, 1).await, Some(0));
    }
    assert_eq!(market.times_asked(), 1);
    assert_eq!(quantity(&market, 2).await, Some(0));
    assert_eq!(market.times_asked(), 2, "another stock is another question");
    // Another text of the same query.
    let answer = market
        .query(
            "query Look { s: __typename stock(id: \"1\") { ...F } } fragment F on Stock { quantity: quantity name }",
            json!({}),
        )
        .await;
    let expected = json!({ "s": "Query", "stock": { "quantity": 0, "name": "s1" } });
    assert_eq!(answer["data"], expected);
    let counts = market.counts();
    assert_eq!((counts.hits, counts.misses, counts.entries), (2, 3, 3), "{counts:?}");
}

#[tokio::test]
async fn a_query_after_an_acknowledged_trade_sees_its_effect() {
    let market = Market::open();
    assert_eq!(quantity(&market, 1).await, Some(0));
    assert_eq!(quantity(&market, 2).await, Some(0));
    market.trade(1, 7).await;
    let before = market.times_asked();
    assert_eq!(quantity(&market, 1).await, Some(7));
    assert_eq!(quantity(&market, 1).await, Some(7));
    assert_eq!(quantity(&market, 2).await, Some(0));
    assert_eq!(market.times_asked(), before + 1, "only what changed is asked again");
    assert_eq!(market.counts().invalidations, 1);
}

#[tokio::test]
async fn a_query_without_the_id_is_invalidated_too() {
    let market = Market::open();
    let by_name =
        "{ a: stock(name: \"s1\") { quantity listing { city } } b: stock(name: \"s2\") { title: quantity id: name } }";
    let expected = |one: i64, two: i64| {
        json!({ "data": {
            "a": { "quantity": one, "listing": { "city": "Lyon" } },
            "b": { "title": two, "id": "s2" },
        } })
    };
    assert_eq!(market.query(by_name, json!({})).await, expected(0, 0));
    assert_eq!(market.query(by_name, json!({})).await, expected(0, 0));
    assert_eq!(market.times_asked(), 1);
    market.trade(2, 5).await;
    assert_eq!(market.query(by_name, json!({})).await, expected(0, 5));
    market.trade(1, 4).await;
    assert_eq!(market.query(by_name, json!({})).await, expected(4, 5));
}

#[tokio::test]
async fn a_nested_entity_invalidates_its_response() {
    let market = Market::open();
    let query = "{ stock(id: 7) { name parent { parent { quantity } } } }";
    let expected = |quantity: i64| json!({ "data": { "stock": { "name": "s7", "parent": { "parent": { "quantity": quantity } } } } });
    assert_eq!(market.query(query, json!({})).await, expected(0));
    assert_eq!(market.query(query, json!({})).await, expected(0));
    assert_eq!(market.times_asked(), 1);
    market.trade(1, 9).await;
    assert_eq!(market.query(query, json!({})).await, expected(9));
    // A null parent is not cached: no event would announce a new parent.
    let without_parent = "{ stock(id: 1) { name parent { name } } }";
    for _ in 0..2 {
        let answer = market.query(without_parent, json!({})).await;
        assert_eq!(answer["data"]["stock"], json!({ "name": "s1", "parent": null }));
    }
    assert_eq!(market.times_asked(), 5);
}

#[tokio::test]
async fn a_response_overtaken_by_a_change_is_not_cached() {
    let market = Arc::new(Market::open());
    let release = market.hold_next_answer();
    let asked_before = tokio::spawn({
        let market = market.clone();
        async move { quantity(&market, 1).await }
    });
    while market.times_asked() == 0 {
        tokio::task::yield_now().await;
    }
    market.trade(1, 3).await;
    release.send(()).await.unwrap();
    // The query came before the response to the trade: either value is correct.
    assert_eq!(asked_before.await.unwrap(), Some(0));
    assert_eq!(market.counts().dropped_fills, 1);
    assert_eq!(market.counts().entries, 0);
    assert_eq!(quantity(&market, 1).await, Some(3));
    assert_eq!(quantity(&market, 1).await, Some(3));
    assert_eq!(market.counts().hits, 1);
}

#[tokio::test]
async fn public_fields_are_fetched_anonymously_and_shared() {
    let market = Market::open();
    for viewer in [member(1), member(2), Viewer::Anonymous] {
        let answer = market.client(viewer).query(STOCK, json!({ "id": "1" })).await;
        assert_eq!(answer["data"]["stock"], json!({ "name": "s1", "quantity": 0 }));
    }
    let asked = market.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].2, Viewer::Anonymous);
}

#[tokio::test]
async fn unmarked_fields_are_not_cached_and_fetched_as_the_caller() {
    let market = Market::open();
    let query = "{ stock(id: 1) { name mine } }";
    for id in [1, 2, 1] {
        let answer = market.client(member(id)).query(query, json!({})).await;
        assert_eq!(answer["data"]["stock"]["mine"], json!(format!("Some({id})")));
    }
    assert_eq!(market.times_asked(), 3);
    // A root field without a cache mark; a list, whose members no event covers; an unmarked root field beside a marked one.
    for query in [
        "{ hot { name } }",
        "{ stocks { name } }",
        "{ stock(id: 1) { name } hot { name } }",
    ] {
        let before = market.times_asked();
        for _ in 0..2 {
            market.client(member(1)).query(query, json!({})).await;
        }
        assert_eq!(market.times_asked(), before + 2, "{query}");
        assert_eq!(market.asked.lock().unwrap().last().unwrap().2, member(1));
    }
    let counts = market.counts();
    assert_eq!((counts.hits, counts.misses, counts.entries), (0, 0, 0), "{counts:?}");
}

#[tokio::test]
async fn only_found_objects_are_cached() {
    let market = Market::open();
    for _ in 0..2 {
        assert_eq!(quantity(&market, 1_000).await, None);
        let answer = market.query("{ stock(id: 13) { name halted } }", json!({})).await;
        assert_eq!(answer["data"]["stock"], json!({ "name": "s13", "halted": null }));
        assert_eq!(answer["errors"][0]["path"], json!(["stock", "halted"]));
        let answer = market
            .query("{ a: stock(id: 1) { name } b: stock(id: 1000) { name } }", json!({}))
            .await;
        assert_eq!(answer["data"], json!({ "a": { "name": "s1" }, "b": null }));
    }
    assert_eq!((market.times_asked(), market.counts().entries), (6, 0));
    // A null field of an existing stock is cached.
    for _ in 0..2 {
        let answer = market.query("{ stock(id: 1) { open } }", json!({})).await;
        assert_eq!(answer["data"]["stock"], json!({ "open": null }));
    }
    assert_eq!((market.times_asked(), market.counts().entries), (7, 1));
    // A removed stock leaves the cache once an event announces the change.
    quantity(&market, 2).await;
    market.lose(2);
    market.publish_change(2);
    assert_eq!(quantity(&market, 2).await, None);
}

#[tokio::test]
async fn a_disabled_cache_stores_nothing() {
    let market = Market::with(Limits {
        cache_enabled: false,
        ..Limits::default()
    });
    for _ in 0..3 {
        assert_eq!(quantity(&market, 1).await, Some(0));
    }
    market.trade(1, 2).await;
    assert_eq!(quantity(&market, 1).await, Some(2));
    assert_eq!(market.times_asked(), 5);
    let counts = market.counts();
    assert_eq!(
        (
            counts.enabled,
            counts.hits,
            counts.misses,
            counts.entries,
            counts.capacity
        ),
        (false, 0, 0, 0, 0)
    );
}

#[tokio::test]
async fn the_cache_is_bounded_and_evicts_the_least_recently_used() {
    let market = Market::with(Limits {
        cache_entries_max: 10,
        ..Limits::default()
    });
    for id in 1..=60 {
        quantity(&market, id).await;
        quantity(&market, 1).await;
        // The cache evicts entries in batches; `counts` makes it evict now.
        let counts = market.counts();
        assert!((1..=10).contains(&counts.entries), "{counts:?}");
    }
    assert_eq!((market.counts().entries, market.counts().capacity), (10, 10));
    let before = market.times_asked();
    for id in [1, 60] {
        quantity(&market, id).await;
    }
    assert_eq!(market.times_asked(), before, "the latest and the most asked are there");
    quantity(&market, 2).await;
    assert_eq!(market.times_asked(), before + 1);
}

#[tokio::test]
async fn an_oversized_response_is_not_cached() {
    let market = Market::with(Limits {
        cache_entry_bytes_max: 10,
        ..Limits::default()
    });
    market.query("{ stock(id: 1) { name } }", json!({})).await;
    assert_eq!(market.counts().entries, 0);
    let market = Market::with(Limits {
        cache_entry_bytes_max: 1_000,
        ..Limits::default()
    });
    // Nor is the response to a query whose variables are too big.
    let query = "query($id: ID, $name: String) { stock(id: $id, name: $name) { name } }";
    for name in ["x".to_owned(), "x".repeat(2_000)] {
        let variables = json!({ "id": "1", "name": name });
        let answer = market.query(query, variables).await;
        assert_eq!(answer["data"]["stock"]["name"], "s1");
    }
    assert_eq!(market.counts().entries, 1);
}

#[tokio::test]
async fn changes_of_all_entities_make_the_whole_cache_stale() {
    let market = Market::open();
    quantity(&market, 1).await;
    quantity(&market, 2).await;
    // A fetch in flight at that time is not cached either.
    let release = market.hold_next_answer();
    let mut waiting = Box::pin(quantity(&market, 3));
    assert!(waiting.as_mut().now_or_never().is_none());
    for id in 1..=3 {
        market.cache.invalidate("Stock", &id.to_string());
    }
    release.send(()).await.unwrap();
    waiting.await;
    assert_eq!((market.counts().entries, market.counts().dropped_fills), (2, 1));
    quantity(&market, 1).await;
    assert_eq!(market.times_asked(), 4);
    quantity(&market, 1).await;
    assert_eq!(market.times_asked(), 4);
}

#[tokio::test]
async fn only_uncached_entities_are_fetched() {
    let market = Market::open();
    let query = "{ holdings { shares stock { name quantity } } }";
    let ids = |market: &Market| {
        let asked = market.asked.lock().unwrap();
        let (_, variables, viewer) = asked.last().unwrap();
        assert_eq!(*viewer, Viewer::Anonymous);
        let representations = variables["representations"].as_array().unwrap().iter();
        let ids = representations.map(|entity| entity["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    let held = |quantities: &[i64]| {
        let holding = |(index, quantity): (usize, &i64)| json!({ "shares": 10, "stock": { "name": format!("s{}", index + 1), "quantity": quantity } });
        let mut holdings: Vec<Value> = quantities.iter().enumerate().map(holding).collect();
        holdings.push(holdings[0].clone());
        json!({ "data": { "holdings": holdings } })
    };
    assert_eq!(market.client(member(2)).query(query, json!({})).await, held(&[0, 0]));
    assert_eq!(ids(&market), ["1", "2"]);
    assert_eq!(
        market.client(member(4)).query(query, json!({})).await,
        held(&[0, 0, 0, 0])
    );
    assert_eq!(ids(&market), ["3", "4"]);
    market.trade(2, 8).await;
    assert_eq!(
        market.client(member(4)).query(query, json!({})).await,
        held(&[0, 8, 0, 0])
    );
    assert_eq!(ids(&market), ["2"]);
    let before = market.times_asked();
    assert_eq!(market.client(member(3)).query(query, json!({})).await, held(&[0, 8, 0]));
    assert_eq!(market.times_asked(), before);
    assert_eq!(market.counts().hits, 2 + 3 + 3);
}

#[tokio::test]
async fn a_missing_entity_is_null_at_its_own_path() {
    let market = Market::open();
    let query = "{ holdings { stock { name } } }";
    market.client(member(1)).query(query, json!({})).await;
    market.lose(2);
    for _ in 0..2 {
        let answer = market.client(member(3)).query(query, json!({})).await;
        let errors = answer["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{answer}");
        assert_eq!(errors[0]["path"], json!(["holdings", 1, "stock", "name"]), "{answer}");
    }
    let asked = market.asked.lock().unwrap().last().unwrap().1.clone();
    assert_eq!(asked["representations"][0]["id"], "2", "what was found is remembered");
    // An error inside an entity keeps its path, too.
    let market = Market::open();
    let query = "{ holdings { stock { halted name } } }";
    market.client(member(12)).query(query, json!({})).await;
    let answer = market.client(member(14)).query(query, json!({})).await;
    assert_eq!(
        answer["errors"][0]["path"],
        json!(["holdings", 12, "stock", "halted"]),
        "{answer}"
    );
    assert_eq!(
        answer["data"]["holdings"][13]["stock"],
        json!({ "halted": false, "name": "s14" })
    );
}

#[tokio::test]
async fn entities_with_an_unmarked_field_are_fetched_as_the_caller() {
    let market = Market::open();
    let query = "{ holdings { stock { name mine } } }";
    for id in [1, 2] {
        let answer = market.client(member(id)).query(query, json!({})).await;
        assert_eq!(
            answer["data"]["holdings"][0]["stock"]["mine"],
            json!(format!("Some({id})"))
        );
    }
    assert_eq!((market.times_asked(), market.counts().entries), (2, 0));
}

/// Traders raise quantities and record each value once its response has arrived. Readers, half of them through other stocks'
/// holdings, never see less than the values recorded before their query.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_query_sees_every_trade_acknowledged_before_it() {
    const STOCKS: i64 = 3;
    const TRADES: i32 = 150;
    const READS: usize = 500;
    let market = Arc::new(Market::open());
    let answered: Arc<Vec<AtomicI32>> = Arc::new((0..=STOCKS).map(|_| AtomicI32::new(0)).collect());
    let mut tasks = Vec::new();
    for id in 1..=STOCKS {
        let (market, answered) = (market.clone(), answered.clone());
        tasks.push(tokio::spawn(async move {
            for quantity in 1..=TRADES {
                market.trade(id, quantity).await;
                answered[usize::try_from(id).unwrap()].store(quantity, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }));
    }
    for reader in 0..6 {
        let (market, answered) = (market.clone(), answered.clone());
        tasks.push(tokio::spawn(async move {
            for read in 0..READS {
                let before: Vec<_> = answered.iter().map(|value| value.load(Ordering::SeqCst)).collect();
                let seen: Vec<_> = if reader % 2 == 0 {
                    let id = i64::try_from(read).unwrap() % STOCKS + 1;
                    vec![(id, quantity(&market, id).await.unwrap())]
                } else {
                    let query = "{ holdings { stock { id quantity } } }";
                    let answer = market.client(member(STOCKS)).query(query, json!({})).await;
                    let holdings = answer["data"]["holdings"].as_array().unwrap().iter();
                    let seen = holdings.map(|holding| {
                        let stock = &holding["stock"];
                        (
                            stock["id"].as_str().unwrap().parse().unwrap(),
                            stock["quantity"].as_i64().unwrap(),
                        )
                    });
                    seen.collect()
                };
                for (id, seen) in seen {
                    let known = before[usize::try_from(id).unwrap()];
                    assert!(
                        seen >= known.into(),
                        "stock {id}: {seen} was seen after {known} was answered"
                    );
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let counts = market.counts();
    assert_eq!(counts.invalidations, u64::try_from(STOCKS * i64::from(TRADES)).unwrap());
    assert!(counts.hits > 0 && counts.misses > 0, "{counts:?}");
}
