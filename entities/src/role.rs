//! A user's role at the brokerage.

use crate::text_enum::text_enum;

text_enum! {
    /// A person's role at the brokerage. A person without another role is a member.
    pub enum Role {
        /// Uses the bookstore, the shop and the community.
        Member = "MEMBER",
        /// Owns shares and authorizes brokers.
        Investor = "INVESTOR",
        /// Trades for investors, for a fee.
        Broker = "BROKER",
    }
}
