//! The input of an order, for tests.

use std::fmt::{self, Display};

use serde_json::{Value, json};

/// The input of an order, of FishCo unless it names another stock.
#[derive(Clone, Debug)]
pub struct OrderInput(Value);

/// A purchase at the market price.
pub fn buy(quantity: i64) -> OrderInput {
    order("BUY", quantity)
}

/// A sale at the market price.
pub fn sell(quantity: i64) -> OrderInput {
    order("SELL", quantity)
}

/// An automated order.
pub fn automated(side: &str, quantity: i64, limit: &str) -> OrderInput {
    let order = order(side, quantity).with("automated", true);
    order.with("limitPrice", json!({ "amount": limit }))
}

/// An order at the market price.
pub fn order(side: &str, quantity: i64) -> OrderInput {
    OrderInput(json!({ "stock": "1", "side": side, "quantity": quantity }))
}

impl OrderInput {
    /// The same order with that member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0[name] = value.into();
        self
    }

    /// The same order, of that stock.
    pub fn of(self, stock: i64) -> Self {
        self.with("stock", stock.to_string())
    }

    /// The same order, under that authorization.
    pub fn under(self, authorization: i64) -> Self {
        self.with("authorization", authorization.to_string())
    }

    /// The same order, which expires at that time.
    pub fn until(self, time: &str) -> Self {
        self.with("expiresAt", time)
    }

    /// Returns the value of the variable.
    pub fn input(&self) -> &Value {
        &self.0
    }
}

impl Display for OrderInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}
