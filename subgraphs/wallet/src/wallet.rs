//! The type `Wallet`: a person's money in one currency.

use async_graphql::{Context, Description, ID, Object};
use contract::{ContextExt, CountedConnection, EntityType, Money, PageArgs, Result, load_row};
use entities::hold::{self, HoldState};
use entities::ledger::{Bucket, TransactionKind};
use entities::ledger_entry::{self, EntryAccount};
use entities::wallet;

use crate::hold::{Hold, HoldStatus, newest_first as holds_newest_first};
use crate::transaction::{Transaction, TransactionType, WalletAccount, newest_first};
use crate::user::User;

/// A person's money in one currency; for its owner and for operators.
///
/// It consists of accounts, and the balance of each is the sum of its transactions.
#[derive(Description)]
// The code that creates a `Wallet` checks the viewer's rights: its fields do not.
pub struct Wallet(pub(crate) wallet::Model);

#[Object(use_type_description)]
impl Wallet {
    /// The wallet's id.
    async fn id(&self) -> ID {
        EntityType::Wallet.id(self.0.id)
    }

    /// The owner of the money.
    async fn owner(&self) -> User {
        User(self.0.user_id)
    }

    /// The ISO 4217 code of the currency.
    async fn currency(&self) -> &str {
        &self.0.currency
    }

    /// The money that is free to use.
    async fn balance(&self) -> Money {
        self.money(self.0.balance_minor)
    }

    /// The money that is set aside for brokers or lent to them, together.
    async fn committed(&self) -> Money {
        self.money(self.0.committed_minor + self.0.lent_minor)
    }

    /// The part of `committed` that is lent: the sum of the remaining amounts of the capital authorizations.
    async fn lent(&self) -> Money {
        self.money(self.0.lent_minor)
    }

    /// The money that is reserved for automated orders: the sum of the pending holds. It is not included in the other
    /// amounts.
    async fn held(&self) -> Money {
        self.money(self.0.held_minor)
    }

    /// The wallet's transactions, newest first: all, or those of that type, of one of these types, of that account. The
    /// `balanceAfter` of one account's transactions is its running balance.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection and its filters")]
    async fn transactions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only transactions of this type.", name = "type")] of_type: Option<TransactionType>,
        #[graphql(desc = "Only transactions of one of these types.")] types: Option<Vec<TransactionType>>,
        #[graphql(desc = "Only transactions of this account.")] account: Option<WalletAccount>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<CountedConnection<Transaction>> {
        let args = PageArgs::new(first, after, last, before);
        let kinds = selected_kinds(of_type, types);
        let account = account.map(|account| EntryAccount::from(Bucket::from(account)));
        let entries = ledger_entry::for_wallet(self.0.id, kinds.as_deref(), account);
        newest_first(ctx, &self.0, entries, args).await
    }

    /// The holds for automated orders, newest first: all, or those with that status.
    async fn holds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only holds with this status.")] status: Option<HoldStatus>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<CountedConnection<Hold>> {
        let args = PageArgs::new(first, after, last, before);
        holds_newest_first(
            ctx,
            &self.0,
            hold::for_wallet(self.0.id, status.map(HoldState::from)),
            args,
        )
        .await
    }
}

impl Wallet {
    fn money(&self, minor: i64) -> Money {
        Money {
            minor,
            currency: self.0.currency.clone(),
        }
    }
}

/// Returns the kinds that both filters allow, each once, even if a filter lists it several times.
fn selected_kinds(
    of_type: Option<TransactionType>,
    types: Option<Vec<TransactionType>>,
) -> Option<Vec<TransactionKind>> {
    let mut kinds: Vec<TransactionKind> = match (of_type, types) {
        (None, None) => return None,
        (Some(one), None) => vec![one.into()],
        (None, Some(many)) => many.into_iter().map(TransactionKind::from).collect(),
        (Some(one), Some(many)) => {
            let both = many.into_iter().filter(|each| *each == one);
            both.map(TransactionKind::from).collect()
        }
    };
    kinds.sort_unstable_by_key(|kind| kind.as_str());
    kinds.dedup();
    Some(kinds)
}

/// The entity resolver of `Wallet`.
#[derive(Default)]
pub struct WalletQuery;

#[Object]
impl WalletQuery {
    /// A wallet another subgraph refers to; null for viewers that may not see it.
    #[graphql(entity)]
    async fn wallet_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Wallet>> {
        let Some(id) = EntityType::Wallet.number(&id) else {
            return Ok(None);
        };
        let found = load_row::<wallet::Entity>(ctx, id).await?;
        let may_see = |wallet: &wallet::Model| ctx.viewer().require_self_or_operator(wallet.user_id).is_ok();
        Ok(found.filter(may_see).map(Wallet))
    }
}
