//! The value of a person's portfolio: the money in the wallet, and the shares at their current prices.

use std::collections::{HashMap, HashSet};

use contract::{Db, Error, Load, Result};
use entities::{holding, stock, wallet};

/// The currency of a portfolio, and of every stock.
const CURRENCY: &str = "USD";

/// A batch loader of the portfolio value of people, in cents: the dollars of their wallets, in every bucket, and their shares
/// at the current prices.
// The wallets are read from their table and not fetched from their subgraph with `@requires`. An error there would be reported
// twice, at a field that the client did not select, and the planner cannot plan a `@requires` of lists on every path.
pub struct PortfolioValue(pub(crate) Db);

impl Load<i64> for PortfolioValue {
    type Value = i128;
    type Error = Error;

    async fn load(&self, people: &[i64]) -> Result<HashMap<i64, i128>> {
        let mut worth = HashMap::new();
        let wallets = wallet::for_users(self.0.read(), people).await?;
        for wallet in wallets.iter().filter(|wallet| wallet.currency == CURRENCY) {
            let buckets = [
                wallet.balance_minor,
                wallet.committed_minor,
                wallet.lent_minor,
                wallet.held_minor,
            ];
            *worth.entry(wallet.user_id).or_insert(0) += buckets.into_iter().map(i128::from).sum::<i128>();
        }
        let holdings = holding::BY_USER.find(self.0.read(), people.iter().copied()).await?;
        // Each stock is read once, however many of these people hold it.
        let held: HashSet<i64> = holdings.iter().map(|holding| holding.stock_id).collect();
        let stocks = stock::BY_ID.find(self.0.read(), held).await?;
        let prices: HashMap<i64, i64> = stocks.iter().map(|stock| (stock.id, stock.price_minor)).collect();
        for holding in holdings {
            let price = prices.get(&holding.stock_id).copied().unwrap_or(0);
            *worth.entry(holding.user_id).or_insert(0) += i128::from(holding.shares()) * i128::from(price);
        }
        Ok(worth)
    }
}
