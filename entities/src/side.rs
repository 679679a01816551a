//! The direction of a trade.

use serde::{Deserialize, Serialize};

/// The direction of a trade, from the trader's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// Shares leave the exchange.
    Buy,
    /// Shares go to the exchange.
    Sell,
}

impl Side {
    /// Returns the word stored in the database: `BUY` or `SELL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }

    /// Parses a stored word. The tables contain no other words.
    pub fn from_stored(word: &str) -> Self {
        if word == "SELL" { Self::Sell } else { Self::Buy }
    }
}
