//! A person's role at the brokerage, as the schema names it.

use async_graphql::Enum;

/// A person's role at the brokerage. A person without another role is a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::role::Role")]
pub enum Role {
    /// Uses the bookstore, the shop and the community.
    Member,
    /// Owns shares and authorizes brokers.
    Investor,
    /// Trades for investors, for a fee.
    Broker,
}
