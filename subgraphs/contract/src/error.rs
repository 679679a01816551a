//! The reasons why a domain's operation fails, each with a stable code.

use std::borrow::Cow;

use database::{is_read_timeout, is_storage_failure};
use entities::error::{EntityError, Violation};
use sea_orm::DbErr;

use crate::{BudgetError, ErrorCode};

/// The result of a domain's operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a request fails. The code is API: clients match on it, so it never changes.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A value that the caller sent breaks a rule; `field` is the argument's name as the schema spells it.
    #[error("{field}: {reason}")]
    InvalidInput {
        /// The argument's name, `input.title` for a member.
        field: Cow<'static, str>,
        /// The rule it breaks, as a sentence without a subject: "must not be blank".
        reason: Cow<'static, str>,
    },
    /// The caller is not signed in, but has to be.
    #[error("sign in first")]
    Unauthenticated,
    /// A sign-in failed, or a token is not valid; the text says which.
    #[error("{0}")]
    BadCredentials(&'static str),
    /// The caller is signed in, but not allowed.
    #[error("{0}")]
    Forbidden(&'static str),
    /// No such object exists, or the caller may not know of it; the text names the kind.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The current state forbids it: a taken name, or a reference to a user who does not exist.
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// Too little money.
    #[error("the wallet does not hold enough")]
    InsufficientFunds,
    /// Too few copies, products or shares left to sell.
    #[error("{0}")]
    InsufficientStock(&'static str),
    /// Too few shares in a holding.
    #[error("the holding does not have enough shares for that")]
    InsufficientShares,
    /// Too little is left of an authorization.
    #[error("what is left of the authorization is not enough")]
    InsufficientAuthorization,
    /// An authorization does not fit the order, or is not in force; the text says which.
    #[error("{0}")]
    AuthorizationMismatch(&'static str),
    /// The caller may not automate an order; the text says why.
    #[error("{0}")]
    InvalidAutomatedOrder(&'static str),
    /// The order is already executed.
    #[error("the order is completed")]
    OrderCompleted,
    /// The idempotency key was used before, for another request.
    #[error("this idempotency key was used for another request")]
    IdempotencyMismatch,
    /// Too much at once; try again later.
    #[error("too many requests, try again in {retry_after_seconds} s")]
    RateLimited {
        /// Whole seconds to wait.
        retry_after_seconds: u32,
    },
    /// A required part of the system is unavailable.
    #[error("{0}")]
    Unavailable(&'static str),
    /// The trade is committed, but it is unknown whether the order log numbers it. A retry with the same key tells
    /// later.
    #[error("order service unavailable: the trade may still happen, ask again with the same idempotency key")]
    OutcomeUnknown,
    /// The answer holds too many bytes, or all answers together do.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The database failed. The error is logged where it leaves the subgraph; the caller learns only that the fault
    /// is not theirs. The code is `UNAVAILABLE` where the disk or the files failed, or where a read took too long: the
    /// same request may succeed later.
    #[error("{}", database_message(.0))]
    Database(#[from] DbErr),
    /// Any other fault of the server, logged like a database failure.
    #[error("something went wrong on our side")]
    Internal(Cow<'static, str>),
}

impl Error {
    /// An [`InvalidInput`](Self::InvalidInput).
    pub fn invalid(field: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::InvalidInput {
            field: field.into(),
            reason: reason.into(),
        }
    }

    /// A [`Conflict`](Self::Conflict).
    pub fn conflict(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict(reason.into())
    }

    /// Returns the full reason: for the log and the operator, never for a caller.
    pub fn details(&self) -> String {
        match self {
            Self::Database(error) => error.to_string(),
            Self::Internal(why) => why.to_string(),
            other => other.to_string(),
        }
    }

    /// Returns the stable code that goes out as `extensions.code`.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidInput { .. } => ErrorCode::InvalidInput,
            Self::Unauthenticated | Self::BadCredentials(_) => ErrorCode::Unauthenticated,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::InsufficientFunds => ErrorCode::InsufficientFunds,
            Self::InsufficientStock(_) => ErrorCode::InsufficientStock,
            Self::InsufficientShares => ErrorCode::InsufficientShares,
            Self::InsufficientAuthorization => ErrorCode::InsufficientAuthorization,
            Self::AuthorizationMismatch(_) => ErrorCode::AuthorizationMismatch,
            Self::InvalidAutomatedOrder(_) => ErrorCode::InvalidAutomatedOrder,
            Self::OrderCompleted => ErrorCode::OrderCompleted,
            Self::IdempotencyMismatch => ErrorCode::IdempotencyMismatch,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::Unavailable(_) | Self::OutcomeUnknown => ErrorCode::Unavailable,
            Self::Budget(error) => error.code(),
            Self::Database(error) if is_storage_failure(error) || is_read_timeout(error) => ErrorCode::Unavailable,
            Self::Database(_) | Self::Internal(_) => ErrorCode::Internal,
        }
    }
}

fn database_message(error: &DbErr) -> &'static str {
    if is_storage_failure(error) {
        "the database's storage does not work now"
    } else if is_read_timeout(error) {
        "the read took too long"
    } else {
        "something went wrong on our side"
    }
}

impl From<database::Error> for Error {
    fn from(failed: database::Error) -> Self {
        match failed {
            database::Error::Driver(error) => Self::Database(error),
            database::Error::Unavailable(reason) => Self::Unavailable(reason.as_str()),
            database::Error::Misuse(why) => Self::Internal(why.into()),
            database::Error::Unusable(why) => Self::Internal(why.into()),
        }
    }
}

impl From<EntityError> for Error {
    fn from(failed: EntityError) -> Self {
        match failed {
            EntityError::Database(error) => error.into(),
            EntityError::Violation(violation) => match violation {
                Violation::InsufficientFunds => Self::InsufficientFunds,
                Violation::WalletFull => Self::Conflict("a wallet cannot hold that much".into()),
                Violation::InsufficientShares => Self::InsufficientShares,
                Violation::HoldingFull => Self::Conflict("a holding cannot have that many shares".into()),
                Violation::TooManyOrders => {
                    Self::Conflict("too many of your orders are pending: cancel one first".into())
                }
                Violation::InsufficientStock => Self::InsufficientStock("the exchange has too few shares"),
                Violation::StockFull => Self::Conflict("the exchange cannot take that many shares".into()),
                Violation::NoStock => Self::NotFound("stock"),
                Violation::NumbersUsedUp => {
                    Self::Conflict("the exchange has used up the numbers that a trade can have".into())
                }
                Violation::VotesFull => Self::Conflict("the post has as many votes as can be counted".into()),
                Violation::InsufficientAuthorization => Self::InsufficientAuthorization,
                Violation::AuthorizationNotInForce => Self::Forbidden("the authorization is not in force"),
            },
        }
    }
}
