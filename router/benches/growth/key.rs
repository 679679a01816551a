//! The callers of the lines, and the rows that they ask for.

use serde_json::{Value, json};

use crate::rows::{HOLDINGS, INVESTOR, SHARE, Sizes};

/// The caller of a line.
#[derive(Clone, Copy)]
pub enum Caller {
    Anonymous,
    Investor,
    Broker,
    Administrator,
}

/// The variable that selects a row: another row in each request.
#[derive(Clone, Copy)]
pub enum Key {
    None,
    /// `$id`: a post, message, order or the like.
    Row,
    /// `$id`: such a row that belongs to the investor.
    OwnRow,
    /// `$id`: a deposit of the investor.
    OwnDeposit,
    /// `$number`: an order of the exchange.
    Number,
    /// `$ids`: 25 posts.
    Rows,
    /// `$id`: a post, by its id in the whole graph.
    PostNode,
    /// `$ids`: 25 such posts.
    PostNodes,
    /// `$id`: a user.
    User,
    /// `$id`: the user who has a fifth of everything.
    InvestorId,
    /// `$name`: the name of a user.
    Username,
    /// `$id`: a book or a product.
    Good,
    /// `$id`: a stock.
    Stock,
    /// `$name`: the name of a stock.
    StockName,
    /// `$name`: the name of a community.
    CommunityName,
    /// `$name`: the name of a topic, as it stands in a path.
    TopicName,
    /// `$id`: a holding of the investor.
    Holding,
    /// `$id`: an authorization that the investor granted.
    Authorization,
}

impl Key {
    /// Returns the declaration of the variable.
    pub fn declaration(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::Number => "$number: Int!",
            Self::Rows | Self::PostNodes => "$ids: [ID!]!",
            Self::Username | Self::StockName | Self::CommunityName | Self::TopicName => "$name: String!",
            Self::Row
            | Self::OwnRow
            | Self::OwnDeposit
            | Self::PostNode
            | Self::User
            | Self::InvestorId
            | Self::Good
            | Self::Stock
            | Self::Holding
            | Self::Authorization => "$id: ID!",
        })
    }

    /// Returns the variables of a request, which selects another row than the requests before it.
    pub fn variables(self, sizes: &Sizes, request: i64) -> Value {
        // A prime, so that neighbours among the requests are no neighbours in the table.
        let among = |rows: i64| 1 + request * 7_919_333 % rows;
        match self {
            Self::None => json!({}),
            Self::Row => json!({ "id": among(sizes.rows) }),
            Self::OwnRow => json!({ "id": among(sizes.rows / SHARE) * SHARE }),
            // Of the investor's transactions every fourth is a deposit.
            Self::OwnDeposit => json!({ "id": among(sizes.rows / SHARE / 4) * 4 * SHARE - SHARE }),
            Self::Number => json!({ "number": among(sizes.rows) }),
            Self::Rows => {
                let ids = (0..25).map(|n| (among(sizes.rows) + n * 31) % sizes.rows + 1);
                json!({ "ids": ids.collect::<Vec<_>>() })
            }
            Self::PostNode => json!({ "id": format!("post_{}", among(sizes.rows)) }),
            Self::PostNodes => {
                let ids = (0..25).map(|n| format!("post_{}", (among(sizes.rows) + n * 31) % sizes.rows + 1));
                json!({ "ids": ids.collect::<Vec<_>>() })
            }
            Self::User => json!({ "id": among(sizes.users) }),
            Self::InvestorId => json!({ "id": INVESTOR }),
            Self::Username => json!({ "name": format!("user{}", among(sizes.users)) }),
            Self::Good => json!({ "id": among(sizes.goods) }),
            Self::Stock => json!({ "id": among(sizes.stocks) }),
            Self::StockName => json!({ "name": format!("Stock{}", among(sizes.stocks)) }),
            Self::CommunityName => json!({ "name": format!("Community{}", among(sizes.communities)) }),
            Self::TopicName => json!({ "name": format!("Topic%20{}", among(sizes.communities) - 1) }),
            Self::Holding => json!({ "id": among(HOLDINGS) }),
            Self::Authorization => json!({ "id": among(sizes.authorizations / 2) * 2 }),
        }
    }
}
