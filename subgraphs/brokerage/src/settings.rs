//! The limits of the brokerage, as settings.

contract::settings! {
    /// The brokerage's bounds.
    Settings with flags SettingsFlags under "Brokerage" {
        /// Automated orders of one investor that wait at the same time: each price and each trade may look at all of them.
        pending_orders_max: u32 = 1_000,
    }
}
