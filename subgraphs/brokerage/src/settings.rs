//! The limits of the brokerage, as settings.

contract::settings! {
    /// The limits of the brokerage.
    Settings with flags SettingsFlags under "Brokerage" {
        /// Pending automated orders of one investor: each new price and each trade may check all of them.
        pending_orders_max: u32 = 1_000,
    }
}
