//! The double-entry ledger: the only place that moves money.
//!
//! A movement is two or more immutable entries that sum to zero. A wallet's buckets are the sums of their entries.

use sea_orm::{ConnectionTrait, DbErr, Value};

use crate::failed::{Failed, Refusal};
use crate::{ledger_movement, sql, wallet};

/// The maximum content of a wallet, all buckets together: 10,000,000,000,000.00. It is far below the integer limit.
pub const WALLET_MAX_MINOR: i64 = 1_000_000_000_000_000;

/// The purpose of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Money came in from outside.
    Deposit,
    /// Money went outside.
    Withdrawal,
    /// An operator set a balance.
    Adjustment,
    /// Money was lent to a broker.
    Grant,
    /// The remaining money of an authorization went back to the investor.
    Release,
    /// Shares were bought.
    Purchase,
    /// Shares were sold.
    Sale,
    /// Money was reserved for an automated order.
    Hold,
    /// Reserved money was released.
    Unhold,
}

impl Kind {
    /// Returns the word stored in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "DEPOSIT",
            Self::Withdrawal => "WITHDRAWAL",
            Self::Adjustment => "ADJUSTMENT",
            Self::Grant => "GRANT",
            Self::Release => "RELEASE",
            Self::Purchase => "PURCHASE",
            Self::Sale => "SALE",
            Self::Hold => "HOLD",
            Self::Unhold => "UNHOLD",
        }
    }
}

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

/// The source or destination of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// A bucket of that user's wallet in the movement's currency.
    Of(i64, Bucket),
    /// Outside of the system.
    Outside,
    /// The exchange, which trades shares.
    Exchange,
}

impl Account {
    /// Returns the word stored in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Of(_, Bucket::Balance) => "BALANCE",
            Self::Of(_, Bucket::Committed) => "COMMITTED",
            Self::Of(_, Bucket::Lent) => "LENT",
            Self::Of(_, Bucket::Held) => "HELD",
            Self::Outside => "OUTSIDE",
            Self::Exchange => "EXCHANGE",
        }
    }
}

/// The description of a movement.
#[derive(Clone, Copy, Debug)]
pub struct Movement<'a> {
    /// Its purpose.
    pub kind: Kind,
    /// The ISO 4217 currency code.
    pub currency: &'a str,
    /// The brokerage order it is for.
    pub order_id: Option<i64>,
    /// The authorization it is for.
    pub authorization_id: Option<i64>,
}

impl<'a> Movement<'a> {
    /// A movement without an order or authorization.
    pub fn of(kind: Kind, currency: &'a str) -> Self {
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
pub struct Moved {
    /// The movement's id.
    pub movement_id: i64,
    /// The wallets that it changed, in their new state, each once.
    pub wallets: Vec<wallet::Model>,
}

/// Moves money: each leg gives the amount that an account gains, or loses if it is below zero. Zero legs are left
/// out. A missing wallet is opened if it only receives.
///
/// # Errors
/// [`Refusal::InsufficientFunds`] when a bucket would fall below zero; [`Refusal::WalletFull`] when a wallet would
/// hold more than [`WALLET_MAX_MINOR`], which a move between buckets of one wallet never causes; an error when the
/// database fails or the legs do not sum to zero.
pub async fn post(
    tx: &impl ConnectionTrait,
    movement: Movement<'_>,
    legs: &[(Account, i64)],
    now_us: i64,
) -> Result<Moved, Failed> {
    let sum: i128 = legs.iter().map(|(_, minor)| i128::from(*minor)).sum();
    if sum != 0 {
        return Err(DbErr::Custom(format!("the legs of a movement sum to {sum}")).into());
    }
    let wallets = change_wallets(tx, movement.currency, legs, now_us).await?;
    let sql = "INSERT INTO ledger_movement (kind, currency, order_id, authorization_id, at_us)
         VALUES ($1, $2, $3, $4, $5) RETURNING *";
    let values = [
        movement.kind.as_str().into(),
        movement.currency.into(),
        movement.order_id.into(),
        movement.authorization_id.into(),
        now_us.into(),
    ];
    let made: ledger_movement::Model = sql::made(tx, sql, values).await?;
    record_entries(tx, &made, legs, &wallets).await?;
    Ok(Moved {
        movement_id: made.id,
        wallets,
    })
}

/// The change of each of a user's buckets: balance, committed, lent, held.
type Changes = [i64; 4];

async fn change_wallets(
    tx: &impl ConnectionTrait,
    currency: &str,
    legs: &[(Account, i64)],
    now_us: i64,
) -> Result<Vec<wallet::Model>, Failed> {
    let mut people: Vec<(i64, Changes)> = Vec::new();
    for (account, minor) in legs {
        let Account::Of(user, bucket) = *account else { continue };
        let place = people.iter().position(|(id, _)| *id == user);
        let place = place.unwrap_or_else(|| {
            people.push((user, [0; 4]));
            people.len() - 1
        });
        people[place].1[bucket as usize] += minor;
    }
    let mut wallets = Vec::with_capacity(people.len());
    for (user, changes) in people {
        wallets.push(change_wallet(tx, user, currency, changes, now_us).await?);
    }
    Ok(wallets)
}

async fn change_wallet(
    tx: &impl ConnectionTrait,
    user_id: i64,
    currency: &str,
    changes: Changes,
    now_us: i64,
) -> Result<wallet::Model, Failed> {
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
    if let Some(wallet) = sql::changed(tx, &guarded, values).await? {
        return Ok(wallet);
    }
    let full = wallet::of(tx, user_id, currency).await?.is_some_and(|wallet| {
        let held = [
            wallet.balance_minor,
            wallet.committed_minor,
            wallet.lent_minor,
            wallet.held_minor,
        ];
        held.iter().zip(changes).all(|(held, change)| held + change >= 0)
    });
    Err(match full {
        true => Refusal::WalletFull,
        false => Refusal::InsufficientFunds,
    }
    .into())
}

async fn record_entries(
    tx: &impl ConnectionTrait,
    movement: &ledger_movement::Model,
    legs: &[(Account, i64)],
    wallets: &[wallet::Model],
) -> Result<(), DbErr> {
    let mut rows = Vec::with_capacity(legs.len());
    let mut values: Vec<Value> = vec![movement.id.into(), movement.kind.as_str().into(), movement.at_us.into()];
    for (account, minor) in legs.iter().filter(|(_, minor)| *minor != 0) {
        let wallet = match account {
            Account::Of(user, bucket) => wallets
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
            account.as_str().into(),
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
    sql::count(tx, &sql, values).await?;
    Ok(())
}
