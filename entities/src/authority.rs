//! The right to change an account: every statement that changes an account carries it as a guard.

use sea_orm::Condition;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use crate::role::Role;
use crate::user::Column;

/// The right to change an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The user's own right, or an administrator's: it covers every account.
    Full,
    /// The right of a service credential: it covers every account except an administrator's.
    Service,
    /// The right of an open REST mount: it covers a plain member's account that was made through the same mount, has no
    /// wallet, shares or authorizations, and no password that was set elsewhere (docs/rest-contract/common.md#open-routes-and-accounts).
    OpenMount(String),
}

impl Authority {
    /// The condition that a row of `account` meets when this right covers it.
    pub(crate) fn covers(&self) -> Condition {
        match self {
            Self::Full => Condition::all(),
            Self::Service => Condition::all().add(Column::Admin.eq(false)),
            Self::OpenMount(mount) => Condition::all()
                .add(Column::MadeVia.eq(mount))
                .add(Column::Role.eq(Role::Member))
                .add(Column::Admin.eq(false))
                .add(
                    Condition::any()
                        .add(Column::PasswordHash.is_null())
                        .add(Column::PasswordVia.eq(mount)),
                )
                .add(Expr::cust(HOLDS_NOTHING)),
        }
    }
}

const HOLDS_NOTHING: &str = "NOT EXISTS (SELECT 1 FROM wallet WHERE wallet.user_id = account.id)
    AND NOT EXISTS (SELECT 1 FROM holding WHERE holding.user_id = account.id)
    AND NOT EXISTS (SELECT 1 FROM broker_authorization WHERE broker_authorization.investor_id = account.id)
    AND NOT EXISTS (SELECT 1 FROM broker_authorization WHERE broker_authorization.broker_id = account.id)
    AND NOT EXISTS (SELECT 1 FROM brokerage_order WHERE brokerage_order.investor_id = account.id)";

/// The condition that a row of `account` meets when the installation keeps an active administrator without this
/// account.
pub(crate) fn leaves_an_administrator() -> Expr {
    Expr::cust(
        "(NOT account.active OR NOT account.admin OR EXISTS (SELECT 1 FROM account AS other
            WHERE other.admin AND other.active AND other.id <> account.id))",
    )
}
