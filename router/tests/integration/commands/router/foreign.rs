//! Two subgraphs of another program, which knows nothing of Agora.

use async_graphql::{
    Context, EmptyMutation, EmptySubscription, ID, InputValueError, InputValueResult, Object, Request, Response,
    Scalar, ScalarType, Schema, SimpleObject, Value,
};
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Their supergraph, as a composition would write it; its addresses lead nowhere.
pub const SUPERGRAPH: &str = include_str!("foreign.graphql");

/// The running subgraphs, and their addresses.
pub struct ForeignSubgraphs {
    pub products: String,
    pub reviews: String,
    /// An address where nothing listens.
    pub nothing: String,
    _runtime: Runtime,
}

impl ForeignSubgraphs {
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let nothing = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("an address");
        Self {
            products: runtime.block_on(serve(products)),
            reviews: runtime.block_on(serve(reviews)),
            nothing: format!("http://{nothing}/graphql"),
            _runtime: runtime,
        }
    }
}

/// Serves a schema on a loopback port, and returns its address.
async fn serve(answer: fn(Request) -> BoxFuture<'static, Response>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/graphql", listener.local_addr().expect("an address"));
    let handle = move |headers: HeaderMap, Json(request): Json<Request>| async move {
        Json(answer(request.data(headers)).await)
    };
    let router = Router::new().route("/graphql", post(handle));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn products(request: Request) -> BoxFuture<'static, Response> {
    let schema = Schema::build(Products, EmptyMutation, EmptySubscription)
        .enable_federation()
        .finish();
    Box::pin(async move { schema.execute(request).await })
}

fn reviews(request: Request) -> BoxFuture<'static, Response> {
    let schema = Schema::build(Reviews, EmptyMutation, EmptySubscription)
        .enable_federation()
        .finish();
    Box::pin(async move { schema.execute(request).await })
}

/// A price: an object as an input, and a text as an output. Only its subgraph knows this.
#[derive(Clone, Copy)]
struct Price(i64);

#[Scalar]
impl ScalarType for Price {
    fn parse(value: Value) -> InputValueResult<Self> {
        let parsed = match &value {
            Value::Object(members) => members.get("amount").and_then(|amount| match amount {
                Value::Number(number) => number.as_i64(),
                _ => None,
            }),
            _ => None,
        };
        parsed.map(Self).ok_or_else(|| InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::String(format!("{}.00 EUR", self.0))
    }
}

#[derive(Clone, SimpleObject)]
struct Product {
    id: ID,
    name: &'static str,
    price: Price,
}

fn all_products() -> Vec<Product> {
    let product = |(id, name, price)| Product {
        id: ID::from(id),
        name,
        price: Price(price),
    };
    [("p1", "Table", 10), ("p2", "Chair", 5)]
        .into_iter()
        .map(product)
        .collect()
}

struct Products;

#[Object(name = "Query")]
impl Products {
    async fn products(&self) -> Vec<Product> {
        all_products()
    }

    async fn cheaper_than(&self, price: Price) -> Vec<Product> {
        all_products()
            .into_iter()
            .filter(|product| product.price.0 < price.0)
            .collect()
    }

    /// The product that is reserved for the client of a header.
    async fn reserved(&self, ctx: &Context<'_>) -> Option<Product> {
        let tenant = ctx.data_unchecked::<HeaderMap>().get("x-tenant");
        let name = if tenant.is_some() { "Chair" } else { "Table" };
        all_products().into_iter().find(|product| product.name == name)
    }

    /// The headers that a client could have sent.
    async fn received(&self, ctx: &Context<'_>) -> String {
        let headers = ctx.data_unchecked::<HeaderMap>().iter();
        let of_client = headers.filter(|(name, _)| ["authorization", "x-tenant"].contains(&name.as_str()));
        let lines = of_client.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[graphql(entity)]
    async fn product_by_id(&self, id: ID) -> Option<Product> {
        all_products().into_iter().find(|product| product.id == id)
    }
}

#[derive(SimpleObject)]
struct Review {
    text: String,
}

struct ReviewedProduct(ID);

#[Object(name = "Product")]
impl ReviewedProduct {
    async fn id(&self) -> &ID {
        &self.0
    }

    async fn reviews(&self) -> Option<Vec<Review>> {
        let product = all_products().into_iter().find(|product| product.id == self.0)?;
        let text = format!("Of {}: stands.", product.name);
        Some(vec![Review { text }])
    }
}

struct Reviews;

#[Object(name = "Query")]
impl Reviews {
    async fn reviewed(&self) -> Vec<ReviewedProduct> {
        all_products()
            .into_iter()
            .map(|product| ReviewedProduct(product.id))
            .collect()
    }

    #[graphql(entity)]
    async fn product_by_id(&self, id: ID) -> ReviewedProduct {
        ReviewedProduct(id)
    }
}
