//! The double-entry ledger: the only place that moves money.
//!
//! A ledger transaction is two or more immutable entries that sum to zero. A wallet's buckets are the sums of their entries.

use database::DbConnection;
use sea_orm::{DbErr, Value};

use crate::error::{EntityError, Violation};
use crate::ledger_entry::EntryAccount;
pub use crate::ledger_transaction::TransactionKind;
use crate::{sql, wallet};

/// The maximum content of a wallet, all buckets together: 10,000,000,000,000.00. It is far below the integer limit.
pub const WALLET_MAX_MINOR: i64 = 1_000_000_000_000_000;

/// A part of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Free to use.
    Balance,
    /// Set aside for brokers, but not lent yet.
    Committed,
    /// Lent to a broker.
    Lent,
    /// Cover of an automated order.
    Held,
}

impl From<Bucket> for EntryAccount {
    fn from(bucket: Bucket) -> Self {
        match bucket {
            Bucket::Balance => Self::Balance,
            Bucket::Committed => Self::Committed,
            Bucket::Lent => Self::Lent,
            Bucket::Held => Self::Held,
        }
    }
}

impl EntryAccount {
    /// Returns the bucket of the wallet; `None` for an account outside of wallets.
    pub fn bucket(self) -> Option<Bucket> {
        match self {
            Self::Balance => Some(Bucket::Balance),
            Self::Committed => Some(Bucket::Committed),
            Self::Lent => Some(Bucket::Lent),
            Self::Held => Some(Bucket::Held),
            Self::Outside | Self::Exchange => None,
        }
    }
}

/// The source or destination of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// A bucket of that user's wallet in the transaction's currency.
    Wallet(i64, Bucket),
    /// Outside of the system.
    Outside,
    /// The exchange, which trades shares.
    Exchange,
}

impl Account {
    /// Returns the account as the entries store it.
    fn entry_account(self) -> EntryAccount {
        match self {
            Self::Wallet(_, bucket) => bucket.into(),
            Self::Outside => EntryAccount::Outside,
            Self::Exchange => EntryAccount::Exchange,
        }
    }
}

/// The description of a ledger transaction.
#[derive(Clone, Copy, Debug)]
pub struct LedgerTransaction<'a> {
    /// Its purpose.
    pub kind: TransactionKind,
    /// The ISO 4217 currency code.
    pub currency: &'a str,
    /// The brokerage order it is for.
    pub order_id: Option<i64>,
    /// The authorization it is for.
    pub authorization_id: Option<i64>,
}

impl<'a> LedgerTransaction<'a> {
    /// A transaction without an order or authorization.
    pub fn new(kind: TransactionKind, currency: &'a str) -> Self {
        Self {
            kind,
            currency,
            order_id: None,
            authorization_id: None,
        }
    }
}

/// The result of [`post`].
#[derive(Clone, Debug)]
pub struct PostedTransaction {
    /// The transaction's id.
    pub transaction_id: i64,
    /// The wallets that it changed, in their new state, each once.
    pub wallets: Vec<wallet::Model>,
}

/// Moves money: each leg gives the amount that an account gains, or loses if it is below zero. Zero legs are left
/// out. A missing wallet is opened if it only receives.
///
/// # Errors
/// [`Violation::InsufficientFunds`] when a bucket would fall below zero; [`Violation::WalletFull`] when a wallet would
/// hold more than [`WALLET_MAX_MINOR`], which a move between buckets of one wallet never causes; an error when the
/// database fails or the legs do not sum to zero.
pub async fn post(
    tx: &impl DbConnection,
    transaction: LedgerTransaction<'_>,
    legs: &[(Account, i64)],
    now_us: i64,
) -> Result<PostedTransaction, EntityError> {
    let sum: i128 = legs.iter().map(|(_, minor)| i128::from(*minor)).sum();
    if sum != 0 {
        return Err(DbErr::Custom(format!("the legs of a ledger transaction sum to {sum}")).into());
    }
    let wallets = change_wallets(tx, transaction.currency, legs, now_us).await?;
    let sql = "INSERT INTO ledger_movement (kind, currency, order_id, authorization_id, at_us)
         VALUES ($1, $2, $3, $4, $5)";
    let values = [
        transaction.kind.into(),
        transaction.currency.into(),
        transaction.order_id.into(),
        transaction.authorization_id.into(),
        now_us.into(),
    ];
    let transaction_id = sql::insert_one(tx, sql, values).await?;
    record_entries(tx, (transaction_id, transaction.kind), legs, &wallets, now_us).await?;
    Ok(PostedTransaction {
        transaction_id,
        wallets,
    })
}

/// The change of each of a user's buckets: balance, committed, lent, held.
type Changes = [i64; 4];

async fn change_wallets(
    tx: &impl DbConnection,
    currency: &str,
    legs: &[(Account, i64)],
    now_us: i64,
) -> Result<Vec<wallet::Model>, EntityError> {
    let mut users: Vec<(i64, Changes)> = Vec::new();
    for (account, minor) in legs {
        let Account::Wallet(user, bucket) = *account else {
            continue;
        };
        let place = users.iter().position(|(id, _)| *id == user);
        let place = place.unwrap_or_else(|| {
            users.push((user, [0; 4]));
            users.len() - 1
        });
        users[place].1[bucket as usize] += minor;
    }
    let mut wallets = Vec::with_capacity(users.len());
    for (user, changes) in users {
        wallets.push(change_wallet(tx, user, currency, changes, now_us).await?);
    }
    Ok(wallets)
}

async fn change_wallet(
    tx: &impl DbConnection,
    user_id: i64,
    currency: &str,
    changes: Changes,
    now_us: i64,
) -> Result<wallet::Model, EntityError> {
    if changes.iter().all(|change| *change >= 0) {
        // A user who only receives may have no wallet yet.
        wallet::open(tx, user_id, currency, now_us).await?;
    }
    let guarded = format!(
        "UPDATE wallet SET balance_minor = balance_minor + $1, committed_minor = committed_minor + $2,
             lent_minor = lent_minor + $3, held_minor = held_minor + $4, version = version + 1
         WHERE user_id = $5 AND currency = $6
             AND balance_minor + $1 >= 0 AND committed_minor + $2 >= 0 AND lent_minor + $3 >= 0 AND held_minor + $4 >= 0
             AND balance_minor + committed_minor + lent_minor + held_minor + $7 <= {WALLET_MAX_MINOR}
         RETURNING *"
    );
    let values = changes.map(Value::from).into_iter().chain([
        user_id.into(),
        currency.into(),
        changes.iter().sum::<i64>().into(),
    ]);
    if let Some(wallet) = sql::fetch_optional(tx, &guarded, values).await? {
        return Ok(wallet);
    }
    let full = wallet::find(tx, user_id, currency).await?.is_some_and(|wallet| {
        let held = [
            wallet.balance_minor,
            wallet.committed_minor,
            wallet.lent_minor,
            wallet.held_minor,
        ];
        held.iter().zip(changes).all(|(held, change)| held + change >= 0)
    });
    Err(if full {
        Violation::WalletFull
    } else {
        Violation::InsufficientFunds
    }
    .into())
}

async fn record_entries(
    tx: &impl DbConnection,
    (transaction_id, kind): (i64, TransactionKind),
    legs: &[(Account, i64)],
    wallets: &[wallet::Model],
    now_us: i64,
) -> Result<(), DbErr> {
    let mut rows = Vec::with_capacity(legs.len());
    let mut values: Vec<Value> = vec![transaction_id.into(), kind.into(), now_us.into()];
    for (account, minor) in legs.iter().filter(|(_, minor)| *minor != 0) {
        let wallet = match account {
            Account::Wallet(user, bucket) => wallets
                .iter()
                .find(|wallet| wallet.user_id == *user)
                .map(|wallet| (wallet, bucket)),
            Account::Outside | Account::Exchange => None,
        };
        let after = wallet.map(|(wallet, bucket)| match bucket {
            Bucket::Balance => wallet.balance_minor,
            Bucket::Committed => wallet.committed_minor,
            Bucket::Lent => wallet.lent_minor,
            Bucket::Held => wallet.held_minor,
        });
        let first = values.len() + 1;
        rows.push(format!(
            "($1, $2, ${first}, ${}, ${}, ${}, $3)",
            first + 1,
            first + 2,
            first + 3
        ));
        values.extend([
            account.entry_account().into(),
            wallet.map(|(wallet, _)| wallet.id).into(),
            (*minor).into(),
            after.into(),
        ]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO ledger_entry (movement_id, kind, account, wallet_id, amount_minor, balance_after_minor, at_us) VALUES {}",
        rows.join(", ")
    );
    sql::execute(tx, &sql, values).await?;
    Ok(())
}
