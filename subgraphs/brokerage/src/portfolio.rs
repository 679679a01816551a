//! What a person has altogether: money in the wallet, and shares at their price.

use std::collections::HashMap;

use async_graphql::dataloader::Loader as Load;
use contract::{Db, Error, Result};
use entities::{holding, stock, wallet};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

/// The currency of a portfolio, and of every stock.
const CURRENCY: &str = "USD";

/// Returns what many people have altogether, in cents: the dollars of their wallets, in every bucket, and their shares at
/// the current prices.
// The wallets are read from their table and not asked of their domain (`@requires`): an error there would be told twice, at
// a field that the client did not ask for, and the planner cannot plan a `@requires` of lists on every path.
pub struct PortfolioValue(pub(crate) Db);

impl Load<i64> for PortfolioValue {
    type Value = i128;
    type Error = Error;

    async fn load(&self, people: &[i64]) -> Result<HashMap<i64, i128>> {
        let mut worth = HashMap::new();
        let wallets = wallet::of_people(self.0.read(), people).await?;
        for wallet in wallets.iter().filter(|wallet| wallet.currency == CURRENCY) {
            let buckets = [
                wallet.balance_minor,
                wallet.committed_minor,
                wallet.lent_minor,
                wallet.held_minor,
            ];
            *worth.entry(wallet.user_id).or_insert(0) += buckets.into_iter().map(i128::from).sum::<i128>();
        }
        let theirs = holding::Column::UserId.is_in(people.iter().copied());
        let holdings = holding::Entity::find().filter(theirs).all(self.0.read()).await?;
        // There are as many prices as stocks, however many hold them.
        let stocks = stock::Column::Id.is_in(holdings.iter().map(|holding| holding.stock_id));
        let stocks = stock::Entity::find().filter(stocks).all(self.0.read()).await?;
        let prices: HashMap<i64, i64> = stocks.iter().map(|stock| (stock.id, stock.price_minor)).collect();
        for holding in holdings {
            let price = prices.get(&holding.stock_id).copied().unwrap_or(0);
            *worth.entry(holding.user_id).or_insert(0) += i128::from(holding.shares()) * i128::from(price);
        }
        Ok(worth)
    }
}
