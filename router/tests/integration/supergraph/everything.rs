//! One query to all nine domains: the number of domains bounds its cost, not the number of rows in them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use agora::limits::Limits;
use agora::subgraph::{Subgraph, SubgraphRequest, SubgraphResponse};
use agora::supergraph::Supergraph;
use contract::{Role, Viewer};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use testing::{Client, NEW_YEAR_US, TestServices};

use crate::graph_client::client;

/// A person with karma, wallet, holdings with live prices, orders, books, shop orders, posts with scores, and their inbox.
const EVERYTHING: &str = include_str!("../../../benches/everything/query.graphql");
/// The lists that it selects.
const LISTS: [&str; 6] = [
    "holdings",
    "brokerageOrders",
    "bookPurchases",
    "shopOrders",
    "posts",
    "inbox",
];

/// The number of fetches from each subgraph.
type FetchCounts = Arc<Mutex<BTreeMap<String, usize>>>;

/// A subgraph whose fetches are counting.
struct CountingSubgraph {
    name: String,
    inner: Arc<dyn Subgraph>,
    fetches: FetchCounts,
}

impl Subgraph for CountingSubgraph {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        *self
            .fetches
            .lock()
            .expect("no panic")
            .entry(self.name.clone())
            .or_default() += 1;
        self.inner.fetch(request)
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        self.inner.subscribe(request)
    }
}

pub struct Demo {
    on: TestServices,
    supergraph: Arc<Supergraph>,
    fetches: FetchCounts,
    ada: i64,
}

impl Demo {
    pub async fn new() -> Self {
        let on = TestServices::new(NEW_YEAR_US).await;
        agora::demo::seed(&on.services).await.unwrap();
        let fetches = FetchCounts::default();
        let subgraphs = agora::domains::open_all(&on.services, &agora::config::Settings::default());
        let counting = |(name, inner): (String, Arc<dyn Subgraph>)| {
            let fetches = Arc::clone(&fetches);
            (
                name.clone(),
                Arc::new(CountingSubgraph { name, inner, fetches }) as Arc<dyn Subgraph>,
            )
        };
        let subgraphs: HashMap<_, _> = subgraphs.into_iter().map(counting).collect();
        let supergraph = Supergraph::new(
            agora::domains::SUPERGRAPH_SDL,
            &contract::SCALARS,
            subgraphs,
            Arc::new(Limits::default()),
        );
        let mut demo = Self {
            on,
            supergraph: Arc::new(supergraph.unwrap()),
            fetches,
            ada: 0,
        };
        let ada = "{ user(username: \"ada\") { id } }";
        demo.ada = demo.client(Viewer::Anonymous).query(ada, json!({})).await.id("user.id");
        demo.fetches.lock().unwrap().clear();
        demo
    }

    /// Returns the number of statements that have read the database.
    pub fn reads(&self) -> u64 {
        self.on.services.db.stats().reads
    }

    pub fn client(&self, viewer: Viewer) -> Client {
        client(self.supergraph.clone(), viewer)
    }

    pub fn ada(&self) -> Client {
        self.client(Viewer::User {
            id: self.ada,
            role: Role::Investor,
            admin: false,
        })
    }

    /// Runs `EVERYTHING` with lists of up to `n`. Returns its response, the number of statements, and the number of fetches from
    /// each subgraph.
    async fn everything(&self, n: usize) -> (Value, u64, BTreeMap<String, usize>) {
        let before = self.reads();
        let answer = self.ada().query(EVERYTHING, json!({ "n": n })).await;
        let reads = self.reads() - before;
        let fetches = std::mem::take(&mut *self.fetches.lock().unwrap());
        (answer.at("me").clone(), reads, fetches)
    }
}

#[tokio::test]
async fn a_query_over_all_domains_batches_its_fetches_and_rows() {
    let demo = Demo::new().await;
    // The sample data has one of each of these already.
    for mutation in [
        "mutation { purchaseBook(id: 1) { id } }",
        "mutation { placeShopOrder(input: { product: 1, quantity: 2, date: \"2026-01-01\" }) { id } }",
        "mutation { createPost(input: { community: \"Books\", title: \"Good?\", text: \"It is.\" }) { id } }",
    ] {
        let done = demo.ada().query(mutation, json!({})).await;
        assert_eq!(done.code(), "OK", "{done}");
    }
    let write = "mutation { sendMessage(from: \"dan\", to: \"ada\", contents: \"Good, yes.\") { id } }";
    let sent = demo.client(Viewer::service("test")).query(write, json!({})).await;
    assert_eq!(sent.code(), "OK", "{sent}");
    // After this run, one-time preparations no longer count.
    demo.everything(1).await;

    let (one, reads_of_one, asked_for_one) = demo.everything(1).await;
    let (many, reads_of_many, asked_for_many) = demo.everything(20).await;

    for list in LISTS {
        let count = |of: &Value| of[list]["nodes"].as_array().map_or(0, Vec::len);
        assert_eq!(count(&one), 1, "{list}: {one}");
        assert!(count(&many) > 1, "{list}: {many}");
    }
    assert_eq!(reads_of_many, reads_of_one, "more of everything is not more statements");
    assert_eq!(asked_for_many, asked_for_one);
    let names: Vec<&str> = asked_for_many.keys().map(String::as_str).collect();
    let all: Vec<&str> = agora::domains::DOMAINS.iter().map(|domain| domain.name).collect();
    assert_eq!(names, all, "query.graphql has a field of every domain");
    assert!(asked_for_many.values().all(|times| *times <= 2), "{asked_for_many:?}");
    println!("{reads_of_many} statements, {asked_for_many:?}");
}

#[tokio::test]
async fn a_query_over_all_domains_is_one_plan() {
    let supergraph = Supergraph::without_subgraphs(agora::domains::SUPERGRAPH_SDL, &contract::SCALARS).unwrap();
    insta::assert_snapshot!(supergraph.plan_text(EVERYTHING, None).unwrap());
}
