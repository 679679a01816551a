//! An exchange with its own database file.

use std::ops::Deref;

use contract::{Role, Viewer};
use serde_json::{Value, json};
use testing::{Answer, TestDomain, TestServices};
pub use testing::{NEW_YEAR_US, admin, member, service};

/// Lists a stock: `input`, and perhaps an idempotency key.
pub const LIST: &str = "mutation($input: StockInput!, $key: String) {
    listStock(input: $input, idempotencyKey: $key) {
        id name price quantity open high low close volume updatedAt
    }
}";

/// Trades a stock by any of the mutation's arguments.
pub const TRADE: &str = "mutation($stock: String!, $side: Side!, $quantity: Int!, $trader: ID, $key: String) {
        trade(stock: $stock, side: $side, quantity: $quantity, trader: $trader, idempotencyKey: $key) {
            number quantity side price trader { id } at stock { id name quantity volume }
        }
    }";

/// Corrects the available shares of a stock.
pub const ADJUST: &str = "mutation($stock: String!, $side: Side!, $quantity: Int!, $key: String) {
    adjustStock(stock: $stock, side: $side, quantity: $quantity, idempotencyKey: $key) { quantity volume }
}";

/// Sets the price of a stock.
pub const SET_PRICE: &str = "mutation($stock: String!, $price: Money!) {
    setPrice(stock: $stock, price: $price) { price }
}";

/// Announces a stock as changed.
pub const INVALIDATE: &str = "mutation($stock: String!) { invalidateStock(stock: $stock) }";

const FISH: &str = r#"{
    stock(name: "FishCo") { price open high low close volume quantity updatedAt }
}"#;
const NUMBERS: &str = "{ exchangeOrders(first: 100) { nodes { number } } }";

pub struct Market(TestDomain);

impl Deref for Market {
    type Target = TestDomain;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Market {
    /// An exchange without stocks.
    pub async fn new() -> Self {
        Self::with_bus(contract::InProcessBus::EVENTS_MAX).await
    }

    /// An exchange without stocks, whose subscribers may lag by that many events.
    pub async fn with_bus(capacity: usize) -> Self {
        let services = TestServices::with_events_max(NEW_YEAR_US, capacity).await;
        Self(TestDomain::new(services, exchange::schema))
    }

    /// An exchange with one stock, number 1: that many shares of FishCo at 19.99 USD.
    pub async fn with_shares(shares: i64) -> Self {
        let market = Self::new().await;
        market.list("FishCo", shares).await;
        market
    }

    /// Lists a stock at 19.99 USD and returns its id.
    pub async fn list(&self, name: &str, shares: i64) -> String {
        let input = json!({ "name": name, "price": { "amount": "19.99" }, "quantity": shares });
        let listed = self.admin().query(LIST, json!({ "input": input })).await;
        listed.text("listStock.id").to_owned()
    }

    /// The response to a trade of FishCo.
    pub async fn trade(&self, viewer: &Viewer, side: &str, quantity: i64) -> Answer {
        let args = json!({ "stock": "FishCo", "side": side, "quantity": quantity });
        self.client(viewer).query(TRADE, args).await
    }

    /// Sets the price of FishCo.
    pub async fn set_price(&self, amount: &str) {
        let args = json!({ "stock": "FishCo", "price": { "amount": amount } });
        assert_eq!(self.admin().query(SET_PRICE, args).await.code(), "OK");
    }

    /// FishCo, with all of its fields.
    pub async fn fish(&self) -> Value {
        let found = self.anonymous().query(FISH, json!({})).await;
        found.at("stock").clone()
    }

    /// The available and the traded shares of FishCo.
    pub async fn shares(&self) -> [i64; 2] {
        let fish = self.fish().await;
        ["quantity", "volume"].map(|field| fish[field].as_i64().unwrap())
    }

    /// The numbers of all trades, in their order.
    pub async fn numbers(&self) -> Vec<i64> {
        let found = self.admin().query(NUMBERS, json!({})).await;
        let numbers = found.all("exchangeOrders.nodes.*.number").into_iter();
        numbers.map(|number| number.as_i64().unwrap()).collect()
    }
}

/// A user who may trade here: the administrator with id 7.
pub fn trader() -> Viewer {
    Viewer::User {
        id: 7,
        role: Role::Member,
        admin: true,
    }
}

/// US dollars as the API writes them.
pub fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}
