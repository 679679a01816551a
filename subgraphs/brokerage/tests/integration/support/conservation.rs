//! The whole contents of the tables, and the sums that hold over them.

use entities::authorization::{self, AuthorizationKind};
use entities::brokerage_order::{self, OrderStatus};
use entities::holding;
use entities::side::Side;
use entities::{ledger_entry, stock, wallet};

use super::{Floor, LISTED};

impl Floor {
    /// Returns the contents of all tables, to check that nothing has changed.
    pub async fn everything(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            self.rows::<wallet::Entity>().await,
            self.rows::<holding::Entity>().await,
            self.rows::<authorization::Entity>().await,
            self.rows::<brokerage_order::Entity>().await,
            self.rows::<stock::Entity>().await,
            self.rows::<entities::exchange_order::Entity>().await,
            self.rows::<entities::hold::Entity>().await,
        )
    }

    /// Checks the invariants: every bucket is the sum of its entries, and all entries sum to zero. Lent money and shares are
    /// the remaining amounts of the open authorizations; held ones cover the pending orders. No share was created or lost,
    /// except for the `given` ones.
    pub async fn assert_conserved(&self, given: i64) {
        let entries = self.rows::<ledger_entry::Entity>().await;
        assert_eq!(entries.iter().map(|entry| entry.amount_minor).sum::<i64>(), 0);
        let authorizations = self.rows::<authorization::Entity>().await;
        let pending = self.rows::<brokerage_order::Entity>().await;
        let pending: Vec<_> = pending
            .into_iter()
            .filter(|order| order.status == OrderStatus::Pending)
            .collect();
        for wallet in self.rows::<wallet::Entity>().await {
            let sum = |account: &str| {
                let of_it = |entry: &&ledger_entry::Model| {
                    entry.wallet_id == Some(wallet.id) && entry.account.as_str() == account
                };
                entries
                    .iter()
                    .filter(of_it)
                    .map(|entry| entry.amount_minor)
                    .sum::<i64>()
            };
            let buckets = [
                wallet.balance_minor,
                wallet.committed_minor,
                wallet.lent_minor,
                wallet.held_minor,
            ];
            assert_eq!(buckets, [sum("BALANCE"), sum("COMMITTED"), sum("LENT"), sum("HELD")]);
            let lent = authorizations
                .iter()
                .filter(|row| row.kind == AuthorizationKind::Capital && row.investor_id == wallet.user_id);
            assert_eq!(wallet.lent_minor, lent.map(|row| row.remaining).sum::<i64>());
            let held = pending
                .iter()
                .filter(|row| row.side == Side::Buy && row.investor_id == wallet.user_id);
            let held = held.map(|row| row.quantity * row.limit_minor.unwrap());
            assert_eq!(wallet.held_minor, held.sum::<i64>());
        }
        let holdings = self.rows::<holding::Entity>().await;
        for holding in &holdings {
            let lent = authorizations.iter().filter(|row| row.holding_id == Some(holding.id));
            assert_eq!(holding.lent, lent.map(|row| row.remaining).sum::<i64>());
            let is_cover = |row: &&brokerage_order::Model| {
                row.side == Side::Sell && row.investor_id == holding.user_id && row.stock_id == holding.stock_id
            };
            let held = pending.iter().filter(is_cover).map(|row| row.quantity);
            assert_eq!(holding.held, held.sum::<i64>());
        }
        let stocks = self.rows::<stock::Entity>().await;
        let listed: i64 = stocks.iter().map(|stock| stock.quantity).sum();
        let held: i64 = holdings.iter().map(holding::Model::shares).sum();
        assert_eq!(listed + held, LISTED * stocks.len() as i64 + given);
        let traded = self.rows::<entities::exchange_order::Entity>().await;
        let numbers: Vec<i64> = traded.iter().map(|trade| trade.number).collect();
        assert_eq!(numbers, (0..traded.len() as i64).collect::<Vec<_>>());
    }
}
