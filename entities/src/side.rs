//! The direction of a trade.

use crate::text_enum::text_enum;

text_enum! {
    /// The direction of a trade, from the trader's view.
    pub enum Side {
        /// Shares leave the exchange.
        Buy = "BUY",
        /// Shares go to the exchange.
        Sell = "SELL",
    }
}
