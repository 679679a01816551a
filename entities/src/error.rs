//! The reasons why a change of money or shares did not happen.

use sea_orm::DbErr;

/// The rule that a change violates. The caller has to roll the transaction back: earlier statements in it are not
/// undone automatically.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The wallet's bucket does not hold that much.
    InsufficientFunds,
    /// The wallet would hold more than a wallet can.
    WalletFull,
    /// The holding's bucket does not hold that many shares.
    InsufficientShares,
    /// The holding would have more shares than can be counted.
    HoldingFull,
    /// The investor has as many pending orders as one can have.
    TooManyOrders,
    /// The exchange has fewer shares.
    InsufficientStock,
    /// The exchange would have more shares of the stock than can be counted.
    StockFull,
    /// The exchange has no such stock.
    NoStock,
    /// Every number that a trade can have is taken.
    NumbersUsedUp,
    /// The post has as many votes in that direction as can be counted.
    VotesFull,
    /// The remaining amount of the authorization is too small.
    InsufficientAuthorization,
    /// The authorization was revoked, has expired, or has not started.
    AuthorizationNotInForce,
}

/// A violated rule, or a database error.
#[derive(Debug)]
pub enum EntityError {
    /// The change violates this rule.
    Violation(Violation),
    /// The database failed.
    Database(DbErr),
}

impl From<Violation> for EntityError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl From<DbErr> for EntityError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}
