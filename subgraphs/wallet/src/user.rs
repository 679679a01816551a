//! The wallet subgraph's part of the entity `User`: the person's wallets.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object};
use contract::{ContextExt, Db, EntityType, Error, Load, Result, load};
use entities::wallet;

use crate::wallet::Wallet;

/// A person; the other subgraphs own the other fields.
// Private fields are `Option<Result<_>>`: an error then nulls the field. A resolver's own `Err` nulls the whole person.
pub struct User(pub(crate) i64);

#[Object]
impl User {
    /// The person's id.
    async fn id(&self) -> ID {
        EntityType::User.id(self.0)
    }

    /// The person's wallet of that currency; null until money first moves in it. For themselves and for operators.
    async fn wallet(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ISO 4217 code of the currency.", default = "USD")] currency: String,
    ) -> Option<Result<Wallet>> {
        let wallets = self.load_wallets(ctx).await;
        let of_currency = |wallets: Vec<wallet::Model>| wallets.into_iter().find(|wallet| wallet.currency == currency);
        wallets.map(of_currency).transpose().map(|found| found.map(Wallet))
    }

    /// The person's wallets, oldest first: one for each currency in which money ever moved. For themselves and for
    /// operators.
    async fn wallets(&self, ctx: &Context<'_>) -> Option<Result<Vec<Wallet>>> {
        let wallets = self.load_wallets(ctx).await;
        Some(wallets.map(|wallets| wallets.into_iter().map(Wallet).collect()))
    }
}

impl User {
    async fn load_wallets(&self, ctx: &Context<'_>) -> Result<Vec<wallet::Model>> {
        ctx.viewer().require_self_or_operator(self.0)?;
        let wallets = load::<WalletsByOwner, _>(ctx, self.0).await?;
        Ok(wallets.unwrap_or_default())
    }
}

/// A batch loader of wallets by owner.
pub struct WalletsByOwner(pub(crate) Db);

impl Load<i64> for WalletsByOwner {
    type Value = Vec<wallet::Model>;
    type Error = Error;

    async fn load(&self, people: &[i64]) -> Result<HashMap<i64, Vec<wallet::Model>>> {
        let mut wallets: HashMap<_, Vec<_>> = HashMap::new();
        for wallet in wallet::for_users(self.0.read(), people).await? {
            wallets.entry(wallet.user_id).or_default().push(wallet);
        }
        Ok(wallets)
    }
}

/// The entity resolver of `User`.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// A person another subgraph refers to. This subgraph does not check that the person exists; accounts does.
    #[graphql(entity)]
    async fn user_by_id(&self, id: ID) -> Option<User> {
        EntityType::User.number(&id).map(User)
    }
}
