//! A market whose stocks may be cached: `stocks` has the stocks, `holdings` their holders. `npm --prefix router/web run compose`
//! composes the supergraph from the files in `market/`.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use agora::cache::{CacheCounts, ResponseCache};
use agora::in_process::{InProcess, identity};
use agora::invalidating_bus::InvalidatingBus;
use agora::limits::Limits;
use agora::subgraph::{Subgraph, SubgraphRequest, SubgraphResponse};
use agora::supergraph::Supergraph;
use async_graphql::{Context, EmptyMutation, EmptySubscription, Error, ID, Object, Result, Schema, SimpleObject};
use contract::{Audience, Bus, DomainSchema, Event, InProcessBus, Viewer};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use testing::Client;
use tokio::sync::mpsc;

use crate::graph_client::client;

/// The quantities, by id. The stocks are 1 to 100, called `s1` to `s100`.
type Quantities = Arc<Mutex<BTreeMap<i64, i32>>>;

#[derive(Clone)]
struct Stock {
    id: i64,
    quantity: i32,
}

/// The city a stock is listed in.
#[derive(SimpleObject)]
struct Listing {
    city: String,
}

#[Object]
impl Stock {
    async fn id(&self) -> ID {
        self.id.into()
    }

    async fn name(&self) -> String {
        format!("s{}", self.id)
    }

    async fn quantity(&self) -> i32 {
        self.quantity
    }

    async fn open(&self) -> Option<i32> {
        None
    }

    /// Fails for the thirteenth stock.
    async fn halted(&self) -> Result<Option<bool>> {
        match self.id {
            13 => Err(Error::new("the state is unknown")),
            _ => Ok(Some(false)),
        }
    }

    async fn listing(&self) -> Listing {
        Listing { city: "Lyon".into() }
    }

    async fn parent(&self, ctx: &Context<'_>) -> Option<Stock> {
        find(ctx, self.id / 2)
    }

    async fn mine(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(format!("{:?}", ctx.data::<Viewer>()?.require_user().ok()))
    }
}

fn find(ctx: &Context<'_>, id: i64) -> Option<Stock> {
    let quantities = ctx.data::<Quantities>().expect("quantities").lock().expect("no panic");
    let quantity = *quantities.get(&id)?;
    Some(Stock { id, quantity })
}

struct StocksQuery;

#[Object(name = "Query")]
impl StocksQuery {
    async fn stock(&self, ctx: &Context<'_>, id: Option<ID>, name: Option<String>) -> Option<Stock> {
        let id = id.map(|id| id.to_string());
        let id = id.or(name.and_then(|name| Some(name.strip_prefix('s')?.to_owned())))?;
        find(ctx, id.parse().ok()?)
    }

    async fn stocks(&self, ctx: &Context<'_>) -> Vec<Stock> {
        (1..=2).filter_map(|id| find(ctx, id)).collect()
    }

    async fn hot(&self, ctx: &Context<'_>) -> Option<Stock> {
        find(ctx, 1)
    }

    #[graphql(entity)]
    async fn stock_by_id(&self, ctx: &Context<'_>, id: ID) -> Option<Stock> {
        find(ctx, id.parse().ok()?)
    }
}

struct StocksMutation;

#[Object(name = "Mutation")]
impl StocksMutation {
    async fn trade(&self, ctx: &Context<'_>, id: ID, quantity: i32) -> Result<Option<Stock>> {
        let id = id.parse()?;
        let quantities = ctx.data::<Quantities>()?;
        quantities.lock().expect("no panic").insert(id, quantity);
        ctx.data::<Arc<dyn Bus>>()?.publish(invalidated(id));
        Ok(find(ctx, id))
    }
}

fn invalidated(id: i64) -> Event {
    Event::Invalidated {
        typename: "Stock",
        key: id.to_string(),
        version: 1,
        audience: Audience::Everyone,
    }
}

#[derive(SimpleObject)]
struct Holding {
    shares: i32,
    stock: HeldStock,
}

#[derive(SimpleObject)]
#[graphql(name = "Stock")]
struct HeldStock {
    id: ID,
}

struct HoldingsQuery;

#[Object(name = "Query")]
impl HoldingsQuery {
    /// As many as the viewer's number says, and one twice.
    async fn holdings(&self, ctx: &Context<'_>) -> Result<Vec<Holding>> {
        let count = ctx.data::<Viewer>()?.require_user().unwrap_or(3);
        let held = (1..=count).chain([1]);
        Ok(held
            .map(|id| Holding {
                shares: 10,
                stock: HeldStock { id: id.into() },
            })
            .collect())
    }
}

/// The requests to a subgraph: document, variables and viewer.
pub type Requests = Arc<Mutex<Vec<(String, Value, Viewer)>>>;

/// A subgraph that records its requests.
struct RecordingSubgraph {
    inner: Arc<dyn Subgraph>,
    asked: Requests,
    gate: Gate,
}

/// The gate at which the next response waits before it leaves the subgraph, while a test holds it.
type Gate = Arc<Mutex<Option<mpsc::Receiver<()>>>>;

impl Subgraph for RecordingSubgraph {
    fn fetch(&self, request: SubgraphRequest) -> BoxFuture<'_, SubgraphResponse> {
        let text = request.document.text();
        let variables = serde_json::to_value(&request.variables).expect("JSON");
        let noted = (text.to_string(), variables, identity(&request.caller).0);
        self.asked.lock().expect("no panic").push(noted);
        async move {
            let answer = self.inner.fetch(request).await;
            let gate = self.gate.lock().expect("no panic").take();
            if let Some(mut gate) = gate {
                gate.recv().await;
            }
            answer
        }
        .boxed()
    }

    fn subscribe(&self, request: SubgraphRequest) -> BoxStream<'static, SubgraphResponse> {
        self.inner.subscribe(request)
    }
}

/// The market. It dereferences to the client of an anonymous caller.
pub struct Market {
    supergraph: Arc<Supergraph>,
    anonymous: Client,
    pub cache: Arc<ResponseCache>,
    pub bus: Arc<dyn Bus>,
    /// The requests to `stocks`.
    pub asked: Requests,
    quantities: Quantities,
    gate: Gate,
}

impl Deref for Market {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.anonymous
    }
}

impl Market {
    pub fn open() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Self {
        let cache = Arc::new(ResponseCache::new(&limits));
        let bus: Arc<dyn Bus> = Arc::new(InvalidatingBus::new(Arc::new(InProcessBus::new(16)), cache.clone()));
        let quantities: Quantities = Arc::new(Mutex::new((1..=100).map(|id| (id, 0)).collect()));
        let stocks = Schema::build(StocksQuery, StocksMutation, EmptySubscription)
            .data(quantities.clone())
            .data(bus.clone())
            .enable_federation()
            .finish();
        let holdings = Schema::build(HoldingsQuery, EmptyMutation, EmptySubscription).finish();
        let (asked, gate) = (Requests::default(), Gate::default());
        let stocks = RecordingSubgraph {
            inner: Arc::new(InProcess(DomainSchema::new(stocks))),
            asked: asked.clone(),
            gate: gate.clone(),
        };
        let subgraphs: [(String, Arc<dyn Subgraph>); 2] = [
            ("stocks".into(), Arc::new(stocks)),
            ("holdings".into(), Arc::new(InProcess(DomainSchema::new(holdings)))),
        ];
        let supergraph = Supergraph::with_cache(
            include_str!("market/supergraph.graphql"),
            &contract::SCALARS,
            HashMap::from(subgraphs),
            Arc::new(limits),
            cache.clone(),
        );
        let supergraph = Arc::new(supergraph.expect("a supergraph"));
        Self {
            anonymous: client(supergraph.clone(), Viewer::Anonymous),
            supergraph,
            cache,
            bus,
            asked,
            quantities,
            gate,
        }
    }

    pub fn client(&self, viewer: Viewer) -> Client {
        client(self.supergraph.clone(), viewer)
    }

    /// Trades through the graph, as a client does.
    pub async fn trade(&self, id: i64, quantity: i32) {
        let query = "mutation($id: ID!, $quantity: Int!) { trade(id: $id, quantity: $quantity) { quantity } }";
        let variables = json!({ "id": id.to_string(), "quantity": quantity });
        let traded = self.query(query, variables).await;
        assert_eq!(traded, json!({ "data": { "trade": { "quantity": quantity } } }));
    }

    /// Removes a stock without an event.
    pub fn lose(&self, id: i64) {
        self.quantities.lock().expect("no panic").remove(&id);
    }

    /// Publishes that a stock changed.
    pub fn publish_change(&self, id: i64) {
        self.bus.publish(invalidated(id));
    }

    /// Makes the next response of `stocks` wait, with the values that it has read, until the test sends to the returned channel.
    pub fn hold_next_answer(&self) -> mpsc::Sender<()> {
        let (release, gate) = mpsc::channel(1);
        *self.gate.lock().expect("no panic") = Some(gate);
        release
    }

    /// Returns the number of requests to `stocks`.
    pub fn times_asked(&self) -> usize {
        self.asked.lock().expect("no panic").len()
    }

    pub fn counts(&self) -> CacheCounts {
        self.cache.counts()
    }
}
