//! The content of the log: trades with the exchange, numbered 0, 1, 2 … without gaps.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A replica's id, from 1. It is never given to another replica, nor to the same one after it lost its file.
pub type ReplicaId = u64;

/// The direction of a trade, seen from the trader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TradeSide {
    /// Out of the exchange.
    Buy,
    /// Into the exchange.
    Sell,
}

impl TradeSide {
    /// Its name in messages and in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// A text that names no side.
#[derive(Debug)]
pub struct UnknownSide;

impl FromStr for TradeSide {
    type Err = UnknownSide;

    fn from_str(name: &str) -> Result<Self, UnknownSide> {
        match name {
            "buy" => Ok(Self::Buy),
            "sell" => Ok(Self::Sell),
            _ => Err(UnknownSide),
        }
    }
}

/// The shares of a trade: of which stock, how many, and in which direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shares {
    /// The stock's name; upper and lower case differ.
    pub name: String,
    /// The direction of the trade.
    pub side: TradeSide,
    /// How many, from 1.
    pub quantity: i64,
}

/// The price of one share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// In minor units.
    pub minor: i64,
    /// The ISO 4217 code of the currency.
    pub currency: String,
}

/// A trade to be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedTrade {
    /// The traded shares.
    #[serde(flatten)]
    pub shares: Shares,
    /// The price of one share.
    pub price: Price,
    /// The user who trades; `None` when a program trades for no particular user.
    pub trader_id: Option<i64>,
    /// The time of the trade, in microseconds since the epoch.
    pub at_us: i64,
}

impl LoggedTrade {
    /// Whether both come from the same request. Price and time belong to the exchange's answer, so they are not
    /// compared.
    pub fn is_same_request(&self, other: &Self) -> bool {
        self.shares == other.shares && self.trader_id == other.trader_id
    }
}

/// A trade with its number. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedTrade {
    /// Its position in the log.
    pub number: i64,
    /// The client's key, which is valid for this trade only.
    pub key: String,
    /// The reservation of the shares that this trade confirms.
    pub attempt: String,
    /// The trade.
    #[serde(flatten)]
    pub trade: LoggedTrade,
}

/// An input of the replicated log: its outcome is decided once, in the order of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogCommand {
    /// Record a trade under the next number, unless its key has one or its attempt was cancelled.
    Record {
        /// The client's key.
        key: String,
        /// The reservation that this would confirm.
        attempt: String,
        /// The trade.
        trade: LoggedTrade,
    },
    /// Ensure that an attempt is never recorded, unless it is recorded already.
    Cancel {
        /// The attempt to cancel.
        attempt: String,
    },
}

/// The decision on a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CommandOutcome {
    /// The trade is in the log.
    Recorded {
        /// Its number.
        number: i64,
        /// The attempt that recorded it: another one when the key had its trade before.
        attempt: String,
    },
    /// The key belongs to another request.
    Mismatch,
    /// The attempt is not in the log and never will be.
    Cancelled,
}

/// The most characters of a stock's name.
pub const NAME_CHARS_MAX: usize = 64;
/// The most characters of a client's key, which are ASCII.
pub const KEY_CHARS_MAX: usize = 255;
/// The most bytes of a key as the log records it: a client's key and its prefix.
const KEY_BYTES_MAX: usize = KEY_CHARS_MAX + 2;
/// The most bytes of an attempt's name: a key and a unique suffix.
pub const ATTEMPT_BYTES_MAX: usize = 400;
/// An upper bound of the bytes of a trade in JSON, even with every character of its texts escaped.
pub(crate) const ORDER_JSON_BYTES_MAX: usize = 8 << 10;
/// The most shares of one trade.
pub const QUANTITY_MAX: i64 = i32::MAX as i64;

impl LogCommand {
    /// Checks the command before it reaches the log: an entry that a replica cannot store would stop every replica.
    ///
    /// # Errors
    /// The invalid member and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let attempt = match self {
            Self::Record { attempt, .. } | Self::Cancel { attempt } => attempt,
        };
        require_length("attempt", attempt.len(), ATTEMPT_BYTES_MAX)?;
        let Self::Record { key, trade, .. } = self else {
            return Ok(());
        };
        require_length("key", key.len(), KEY_BYTES_MAX)?;
        require_length("currency", trade.price.currency.len(), 3)?;
        trade.shares.check()
    }
}

impl Shares {
    /// Checks that a trade may have these values.
    ///
    /// # Errors
    /// The invalid member and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        require_length("name", self.name.chars().count(), NAME_CHARS_MAX)?;
        if self.quantity < 1 || self.quantity > QUANTITY_MAX {
            return Err(format!("quantity must be from 1 to {QUANTITY_MAX}"));
        }
        Ok(())
    }
}

fn require_length(member: &str, length: usize, max: usize) -> Result<(), String> {
    match length {
        0 => Err(format!("{member} must not be empty")),
        length if length > max => Err(format!("{member} must not be longer than {max}")),
        _ => Ok(()),
    }
}
