//! The type `Transaction`: one entry of the ledger, seen from the wallet that it changed.

use async_graphql::{Context, Description, Enum, ID, Object};
use contract::{
    ContextExt, CountedConnection, DateTime, EntityType, Error, Money, PageArgs, Paginate, Result, TotalCount,
    load_row, to_date_time,
};
use entities::ledger::{Bucket, TransactionKind};
use entities::{ledger_entry, ledger_transaction, wallet};
use sea_orm::Select;

use crate::stub::{Authorization, BrokerageOrder};

/// The type of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
// The compiler checks that the ledger has no other kind.
#[graphql(remote = "TransactionKind")]
pub enum TransactionType {
    /// Money came in from outside.
    Deposit,
    /// Money went outside.
    Withdrawal,
    /// A program set the wallet's balances.
    Adjustment,
    /// Money was lent to a broker.
    Grant,
    /// The rest of the lent money was released.
    Release,
    /// Shares were paid for.
    Purchase,
    /// Shares were sold, or a broker got a fee.
    Sale,
    /// Money was reserved for an automated order.
    Hold,
    /// The reserved money was released.
    #[graphql(name = "UNHOLD")]
    HoldRelease,
}

/// An account of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Bucket")]
pub enum WalletAccount {
    /// The money that is free to use.
    Balance,
    /// The money that is set aside for brokers and not lent.
    Committed,
    /// The money that is lent to brokers.
    Lent,
    /// The money that is reserved for automated orders.
    Held,
}

/// A change of one account of a wallet; for the wallet's owner and for operators. It never changes.
///
/// A transfer between two accounts of the wallet is two transactions.
#[derive(Description)]
pub struct Transaction {
    entry: ledger_entry::Model,
    user_id: i64,
    currency: String,
}

impl Transaction {
    /// Returns the transaction of an entry; `wallet` is the entry's wallet.
    pub(crate) fn new(entry: ledger_entry::Model, wallet: &wallet::Model) -> Self {
        Self {
            entry,
            user_id: wallet.user_id,
            currency: wallet.currency.clone(),
        }
    }

    fn money(&self, minor: i64) -> Money {
        Money {
            minor,
            currency: self.currency.clone(),
        }
    }

    async fn ledger_transaction(&self, ctx: &Context<'_>) -> Result<ledger_transaction::Model> {
        let found = load_row::<ledger_transaction::Entity>(ctx, self.entry.movement_id).await?;
        found.ok_or_else(|| Error::Internal("a ledger entry without its transaction".into()))
    }
}

#[Object(use_type_description)]
impl Transaction {
    /// The transaction's id; a newer one has a higher number.
    async fn id(&self) -> ID {
        EntityType::Transaction.id(self.entry.id)
    }

    /// The type of the transaction.
    #[graphql(name = "type")]
    async fn kind(&self) -> TransactionType {
        self.entry.kind.into()
    }

    /// The account of the wallet that it changed.
    async fn account(&self) -> Result<WalletAccount> {
        let bucket = self.entry.account.bucket();
        let lost = || Error::Internal(format!("ledger entry {} is not of a wallet", self.entry.id).into());
        bucket.map(WalletAccount::from).ok_or_else(lost)
    }

    /// The amount: above zero for money that came in, below zero for money that went out.
    async fn amount(&self) -> Money {
        self.money(self.entry.amount_minor)
    }

    /// The balance of the account right after the transaction.
    async fn balance_after(&self) -> Money {
        self.money(self.entry.balance_after_minor.unwrap_or_default())
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        to_date_time(self.entry.at_us)
    }

    /// The id of the wallet.
    async fn wallet_id(&self) -> ID {
        EntityType::Wallet.id(self.entry.wallet_id.unwrap_or_default())
    }

    /// The id of the wallet's owner.
    async fn user_id(&self) -> ID {
        EntityType::User.id(self.user_id)
    }

    /// The order that the transaction was for, if any.
    async fn order(&self, ctx: &Context<'_>) -> Option<Result<BrokerageOrder>> {
        let order = self
            .ledger_transaction(ctx)
            .await
            .map(|ledger_transaction| ledger_transaction.order_id);
        order.transpose().map(|id| id.map(BrokerageOrder::new))
    }

    /// The authorization that the transaction was for, if any.
    async fn authorization(&self, ctx: &Context<'_>) -> Option<Result<Authorization>> {
        let authorization = self
            .ledger_transaction(ctx)
            .await
            .map(|ledger_transaction| ledger_transaction.authorization_id);
        authorization.transpose().map(|id| id.map(Authorization::new))
    }
}

/// Returns a page of `entries`, newest first. All of them belong to `wallet`.
pub(crate) async fn newest_first(
    ctx: &Context<'_>,
    wallet: &wallet::Model,
    entries: Select<ledger_entry::Entity>,
    args: PageArgs,
) -> Result<CountedConnection<Transaction>> {
    let node = |entry| Transaction::new(entry, wallet);
    let count = TotalCount::of(ctx, || entries.clone()).await?;
    Ok(count.with(entries.newest_first().paginate(ctx, args, node).await?))
}

/// Returns the transaction with that id, if there is one and the viewer may see it. Batched.
async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<Transaction>> {
    let Some(entry) = load_row::<ledger_entry::Entity>(ctx, id).await? else {
        return Ok(None);
    };
    let Some(wallet) = entry.wallet_id else { return Ok(None) };
    let found = load_row::<wallet::Entity>(ctx, wallet).await?;
    let may_see = |wallet: &wallet::Model| ctx.viewer().require_self_or_operator(wallet.user_id).is_ok();
    Ok(found.filter(may_see).map(|wallet| Transaction::new(entry, &wallet)))
}

/// Reads of transactions.
#[derive(Default)]
pub struct TransactionQuery;

#[Object]
impl TransactionQuery {
    /// The transaction with that id, for the wallet's owner and for operators; null for other viewers.
    async fn transaction(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The transaction's id.")] id: ID,
    ) -> Option<Result<Transaction>> {
        match EntityType::Transaction.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves a transaction another subgraph refers to.
    #[graphql(entity)]
    async fn transaction_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Transaction>> {
        match EntityType::Transaction.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }
}
