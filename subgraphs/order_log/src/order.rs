//! What the log holds: trades with the exchange, numbered 0, 1, 2 … without gaps.

use serde::{Deserialize, Serialize};

/// A replica's id, from 1. Never given to another replica, nor to the same one after its file was lost.
pub type ReplicaId = u64;

/// Which way shares go, seen from who trades with the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Out of the exchange.
    Buy,
    /// Into the exchange.
    Sell,
}

impl Side {
    /// The word on the wire and in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }

    /// What a word means, if it means a side.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "buy" => Some(Self::Buy),
            "sell" => Some(Self::Sell),
            _ => None,
        }
    }
}

/// How many shares of what go which way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shares {
    /// The stock's name; upper and lower case differ.
    pub name: String,
    /// Which way they go.
    pub side: Side,
    /// How many, from 1.
    pub quantity: i64,
}

/// What one share costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// In minor units.
    pub minor: i64,
    /// The ISO 4217 code of the currency.
    pub currency: String,
}

/// A trade that is to be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// What is traded.
    #[serde(flatten)]
    pub shares: Shares,
    /// At which price a share.
    pub price: Price,
    /// Who trades; nobody when a program does for nobody in particular.
    pub trader_id: Option<i64>,
    /// When, in microseconds since the epoch.
    pub at_us: i64,
}

impl Trade {
    /// Whether somebody who sends both asks for the same: price and time are the exchange's answer, not the request.
    pub fn is_same_request(&self, other: &Self) -> bool {
        self.shares == other.shares && self.trader_id == other.trader_id
    }
}

/// A trade with its number. Never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeOrder {
    /// Its place in the log.
    pub number: i64,
    /// The client's key: it is good for this order only.
    pub key: String,
    /// The reservation of the shares that this order confirms.
    pub attempt: String,
    /// What was traded.
    #[serde(flatten)]
    pub trade: Trade,
}

/// Something to be decided once and for all, in the order of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Command {
    /// Record a trade under the next number, unless its key has one or its attempt was cancelled.
    Record {
        /// The client's key.
        key: String,
        /// The reservation that this would confirm.
        attempt: String,
        /// What is traded.
        trade: Trade,
    },
    /// See to it that an attempt is never recorded from now on, unless it is already.
    Cancel {
        /// The attempt.
        attempt: String,
    },
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It is in the log.
    Recorded {
        /// Under this number.
        number: i64,
        /// By this attempt, which is another one when the key had its order before.
        attempt: String,
    },
    /// The key belongs to another request.
    Mismatch,
    /// It is not in the log and never will be.
    Cancelled,
}

/// The most characters of a stock's name.
pub const NAME_CHARS_MAX: usize = 64;
/// The most characters of a client's key, which are ASCII.
pub const KEY_CHARS_MAX: usize = 255;
/// The most bytes of the name under which the log records a trade once: a client's key and the word before it.
const KEY_BYTES_MAX: usize = KEY_CHARS_MAX + 2;
/// The most bytes of the name of an attempt: a key and what makes it one of a kind.
pub const ATTEMPT_BYTES_MAX: usize = 400;
/// More than the bytes of any order in JSON, every character of its texts escaped.
pub(crate) const ORDER_JSON_BYTES_MAX: usize = 8 << 10;
/// The most shares of one trade.
pub const QUANTITY_MAX: i64 = i32::MAX as i64;

impl Command {
    /// Names what must not reach the log: an entry that a replica cannot store would stop every one of them.
    ///
    /// # Errors
    /// The member and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let attempt = match self {
            Self::Record { attempt, .. } | Self::Cancel { attempt } => attempt,
        };
        within("attempt", attempt.len(), ATTEMPT_BYTES_MAX)?;
        let Self::Record { key, trade, .. } = self else {
            return Ok(());
        };
        within("key", key.len(), KEY_BYTES_MAX)?;
        within("currency", trade.price.currency.len(), 3)?;
        trade.shares.check()
    }
}

impl Shares {
    /// Names what no trade can be.
    ///
    /// # Errors
    /// The member and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        within("name", self.name.chars().count(), NAME_CHARS_MAX)?;
        if self.quantity < 1 || self.quantity > QUANTITY_MAX {
            return Err(format!("quantity must be from 1 to {QUANTITY_MAX}"));
        }
        Ok(())
    }
}

fn within(member: &str, length: usize, max: usize) -> Result<(), String> {
    match length {
        0 => Err(format!("{member} must not be empty")),
        length if length > max => Err(format!("{member} must not be longer than {max}")),
        _ => Ok(()),
    }
}
