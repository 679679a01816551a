//! A simulated person's own account of what they did: what every later answer is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::world::Tally;

/// The possessions and deeds of a person, by the answers of the server and the rules of the documents.
#[derive(Default)]
pub struct Person {
    /// The number of the account.
    pub id: i64,
    /// Free money in cents.
    pub balance: i64,
    /// Money that is lent to brokers.
    pub lent: i64,
    /// Money that is reserved for pending purchases.
    pub held: i64,
    /// The shares by the place of the stock in the world's list.
    pub shares: BTreeMap<usize, Shares>,
    /// The orders by id.
    pub orders: BTreeMap<i64, Order>,
    /// The limits of the orders that wait, by id, in cents.
    pub limits: BTreeMap<i64, i64>,
    /// The open authorization of money, if any. The rest of it is [`lent`](Self::lent).
    pub capital: Option<Grant>,
    /// Deposits and withdrawals by id; below zero for a withdrawal.
    pub transactions: BTreeMap<i64, i64>,
    /// The purchased books by the id of the purchase: the place of the book in the world's list.
    pub purchases: BTreeMap<i64, usize>,
    /// The orders of the shop by id.
    pub shop_orders: BTreeMap<i64, ShopOrder>,
    /// The posts that were not deleted, by id.
    pub posts: BTreeMap<i64, Post>,
    /// The posts of others that this person voted for.
    pub upvoted: BTreeSet<i64>,
    /// Those of them whose votes the server has acknowledged.
    pub acknowledged_votes: BTreeSet<i64>,
    /// The messages that were sent, by id: receiver and text.
    pub sent: BTreeMap<i64, (String, String)>,
    /// The received messages that were marked as favourites.
    pub favorites: BTreeSet<i64>,
    /// The received messages that were marked as read.
    pub read: BTreeSet<i64>,
    /// The messages, sent or received, that this person deleted.
    pub deleted_messages: BTreeSet<i64>,
}

/// Shares of one stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Shares that are free to sell.
    pub free: i64,
    /// Shares that are lent to the broker.
    pub lent: i64,
    /// Shares that are reserved for pending sales.
    pub held: i64,
    /// The open authorization of shares, if any. The rest of it is [`lent`](Self::lent).
    pub grant: Option<Grant>,
}

/// An authorization that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The id; a broker's trade can make an authorization whose id the person reads later.
    pub id: Option<i64>,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A purchase.
    Buy,
    /// A sale.
    Sell,
}

impl Side {
    /// Returns the value of GraphQL's `Side`.
    pub const fn graphql(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }

    /// Returns the brokerage's word.
    pub const fn rest(self) -> &'static str {
        match self {
            Self::Buy => "PURCHASE",
            Self::Sell => "SALE",
        }
    }
}

/// An order at the brokerage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The place of the stock in the world's list.
    pub stock: usize,
    /// The direction.
    pub side: Side,
    /// The number of shares.
    pub quantity: i64,
    /// `PENDING`, `COMPLETED` or `CANCELLED`.
    pub status: &'static str,
    /// The broker's fee in cents.
    pub fee: i64,
    /// Whether a broker placed it.
    pub is_brokered: bool,
}

/// An order at the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopOrder {
    /// The place of the product in the world's list.
    pub product: usize,
    /// The number of units.
    pub quantity: i64,
    /// The date.
    pub date: &'static str,
}

/// A post of the person.
#[derive(Clone, Debug)]
pub struct Post {
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
    /// The community.
    pub community: String,
    /// The votes.
    pub tally: Arc<Tally>,
}
