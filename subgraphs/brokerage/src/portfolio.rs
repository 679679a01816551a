//! What somebody has altogether: money, which the wallet knows, and shares at their price.

use std::collections::HashMap;

use async_graphql::dataloader::Loader as Load;
use async_graphql::{InputObject, Json, Object};
use contract::{Db, Error, Money, Result};
use entities::{holding, stock};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};

/// The currency of a portfolio, and of every stock.
const CURRENCY: &str = "USD";

/// Somebody's money in one currency, as the wallet's answer reaches this domain through the router (`@requires`).
#[derive(Clone, Debug, InputObject)]
pub struct Purse {
    balance: Json<Sum>,
    committed: Json<Sum>,
    held: Json<Sum>,
}

/// An amount as the API writes it: what a wallet holds may be more than [`Money`] takes as an input.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sum {
    amount: String,
    currency: String,
}

impl Sum {
    fn minor(&self) -> Option<i128> {
        self.amount.replace('.', "").parse().ok()
    }
}

impl Purse {
    /// The dollars in it, in cents; nothing when it is of another currency.
    fn cents(&self) -> Result<i128> {
        if self.balance.currency != CURRENCY {
            return Ok(0);
        }
        let sums = [&self.balance, &self.committed, &self.held];
        let cents: Option<i128> = sums.into_iter().map(|sum| sum.minor()).sum();
        cents.ok_or_else(|| Error::Internal("an amount of a wallet is no decimal".into()))
    }
}

/// What the brokerage has to know of a wallet; the wallet knows the rest.
// Never built: these fields are only what `portfolioValue` requires of another domain, whose words describe them.
pub struct Wallet;

#[Object]
impl Wallet {
    #[graphql(external)]
    async fn balance(&self) -> Money {
        Money::usd(0)
    }

    #[graphql(external)]
    async fn committed(&self) -> Money {
        Money::usd(0)
    }

    #[graphql(external)]
    async fn held(&self) -> Money {
        Money::usd(0)
    }
}

/// Money in those wallets and shares worth so many cents.
pub(crate) fn worth(purses: &[Purse], shares: i128) -> Result<Money> {
    let money: i128 = purses.iter().map(Purse::cents).sum::<Result<i128>>()?;
    Ok(capped(money + shares))
}

/// Cents as money; what nobody can count to is the most there is.
pub(crate) fn capped(cents: i128) -> Money {
    Money::usd(i64::try_from(cents).unwrap_or(i64::MAX))
}

/// What people's shares are worth at the current prices, in cents, of many people at once.
pub struct SharesWorth(pub(crate) Db);

impl Load<i64> for SharesWorth {
    type Value = i128;
    type Error = Error;

    async fn load(&self, people: &[i64]) -> Result<HashMap<i64, i128>> {
        let db = self.0.read();
        let theirs = holding::Column::UserId.is_in(people.iter().copied());
        let holdings = holding::Entity::find().filter(theirs).all(db).await?;
        // There are as many prices as stocks, however many hold them.
        let stocks = stock::Column::Id.is_in(holdings.iter().map(|holding| holding.stock_id));
        let stocks = stock::Entity::find().filter(stocks).all(db).await?;
        let prices: HashMap<i64, i64> = stocks.iter().map(|stock| (stock.id, stock.price_minor)).collect();
        let mut worth = HashMap::new();
        for holding in holdings {
            let price = prices.get(&holding.stock_id).copied().unwrap_or(0);
            *worth.entry(holding.user_id).or_insert(0) += i128::from(holding.shares()) * i128::from(price);
        }
        Ok(worth)
    }
}
