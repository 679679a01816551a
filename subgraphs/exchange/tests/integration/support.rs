//! An exchange with its own database file.

use std::ops::Deref;

use contract::{Role, Viewer};
use serde_json::{Value, json};
pub use testing::{NEW_YEAR_US, admin, code, member, service};
use testing::{TestDomain, TestServices};

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
        let input = format!(r#"{{ name: "{name}", price: {{ amount: "19.99" }}, quantity: {shares} }}"#);
        let listed = self
            .ask(&admin(), format!("mutation {{ listStock(input: {input}) {{ id }} }}"))
            .await;
        listed["data"]["listStock"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{listed}"))
            .to_owned()
    }

    /// The response to a trade of FishCo.
    pub async fn trade(&self, viewer: &Viewer, side: &str, quantity: i64) -> Value {
        let document =
            format!(r#"mutation {{ trade(stock: "FishCo", side: {side}, quantity: {quantity}) {{ number }} }}"#);
        self.ask(viewer, document).await
    }

    /// Sets the price of FishCo.
    pub async fn set_price(&self, amount: &str) {
        let document = format!(r#"mutation {{ setPrice(stock: "FishCo", price: {{ amount: "{amount}" }}) {{ id }} }}"#);
        assert_eq!(code(&self.ask(&admin(), document).await), "OK");
    }

    /// The requested fields of FishCo.
    pub async fn fish(&self, fields: &str) -> Value {
        let found = self
            .ask(
                &Viewer::Anonymous,
                format!(r#"{{ stock(name: "FishCo") {{ {fields} }} }}"#),
            )
            .await;
        assert_eq!(code(&found), "OK", "{found}");
        found["data"]["stock"].clone()
    }

    /// The numbers of all trades, in their order.
    pub async fn numbers(&self) -> Vec<i64> {
        let found = self
            .ask(&admin(), "{ exchangeOrders(first: 100) { nodes { number } } }")
            .await;
        let nodes = found["data"]["exchangeOrders"]["nodes"].as_array().unwrap();
        nodes.iter().map(|order| order["number"].as_i64().unwrap()).collect()
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
