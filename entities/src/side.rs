//! Which way shares go.

use serde::{Deserialize, Serialize};

/// Which way shares go, seen from who trades with the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// Out of the exchange.
    Buy,
    /// Into the exchange.
    Sell,
}

impl Side {
    /// The word in the database: `BUY` or `SELL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }

    /// What a stored word means. The tables hold no other.
    pub fn of(word: &str) -> Self {
        if word == "SELL" { Self::Sell } else { Self::Buy }
    }
}
