//! Expiry: authorizations past their end and automated orders past their time give their money or shares back.
//!
//! "Visible at once" (docs/rest-contract/brokerage.md#end-of-an-authorization): every operation that reads or uses
//! money, shares, authorizations or orders first expires what is overdue.

use sea_orm::entity::prelude::*;

use crate::authorization::{self, AuthorizationEnd};
use crate::brokerage_order::{self, CancelReason};
use crate::error::EntityError;
use crate::hold;
use crate::lending::{self, AffectedBalance};
use crate::order_reserve;

/// The result of [`expire`].
#[derive(Clone, Debug, Default)]
pub struct EndedObligations {
    /// Authorizations that ended.
    pub authorizations: Vec<authorization::Model>,
    /// Orders that were cancelled.
    pub orders: Vec<brokerage_order::Model>,
    /// Wallets and holdings that got money or shares back.
    pub affected: Vec<AffectedBalance>,
    /// Ids of the orders whose reserved money or shares were missing and could not be released: their data is damaged.
    pub without_reserve: Vec<i64>,
}

/// Whether any authorization or order is overdue.
pub async fn is_any_overdue(db: &impl ConnectionTrait, now_us: i64) -> Result<bool, DbErr> {
    let sql = "SELECT 1 AS due WHERE EXISTS (SELECT 1 FROM broker_authorization WHERE ended_at_us IS NULL AND ends_at_us <= $1)
         OR EXISTS (SELECT 1 FROM brokerage_order WHERE status = 'PENDING' AND fired_minor IS NULL AND expires_at_us IS NOT NULL AND expires_at_us <= $1)";
    Ok(crate::sql::count_rows(db, sql, [now_us.into()]).await? > 0)
}

/// Expires what is overdue, at most `limit` authorizations and `limit` orders; the rest stays overdue.
pub async fn expire(tx: &impl ConnectionTrait, now_us: i64, limit: u64) -> Result<EndedObligations, EntityError> {
    let mut obligations = EndedObligations::default();
    for overdue in authorization::overdue(tx, now_us, limit).await? {
        if let Some((ended, affected)) = lending::end(tx, overdue.id, AuthorizationEnd::Expired, now_us).await? {
            obligations.authorizations.push(ended);
            obligations.affected.extend(affected);
        }
    }
    for overdue in brokerage_order::overdue(now_us, limit).all(tx).await? {
        if let Some(order) = brokerage_order::cancel(tx, overdue.id, Some(CancelReason::Expired), now_us).await? {
            match order_reserve::release(tx, &order, hold::HoldEnd::Expired, now_us).await? {
                Some(affected) => obligations.affected.push(affected),
                None => obligations.without_reserve.push(order.id),
            }
            obligations.orders.push(order);
        }
    }
    Ok(obligations)
}
