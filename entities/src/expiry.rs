//! Expiry: authorizations past their end and automated orders past their time give their money or shares back.
//!
//! "Visible at once" (docs/rest-contract/brokerage.md#end-of-an-authorization): every operation that reads or uses
//! money, shares, authorizations or orders first expires what is overdue.

use database::DbConnection;
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;

use crate::authorization::{self, AuthorizationEnd};
use crate::brokerage_order::{self, CancelReason};
use crate::error::EntityError;
use crate::hold;
use crate::lending::{self, AffectedBalance};
use crate::{order_reserve, sql};

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

/// The statement of [`next_due_us`]: each minimum is the first entry of an index.
pub const NEXT_DUE: &str = "SELECT
         (SELECT min(ends_at_us) FROM broker_authorization WHERE ended_at_us IS NULL) AS authorization_us,
         (SELECT min(expires_at_us) FROM brokerage_order
             WHERE status = 'PENDING' AND fired_minor IS NULL AND expires_at_us IS NOT NULL) AS order_us";

#[derive(FromQueryResult)]
struct NextDue {
    authorization_us: Option<i64>,
    order_us: Option<i64>,
}

/// Returns when the next authorization or order expires, in microseconds since the epoch; `None` if none does.
pub async fn next_due_us(db: &impl DbConnection) -> Result<Option<i64>, DbErr> {
    let next: Option<NextDue> = sql::fetch_computed(db, NEXT_DUE, []).await?;
    Ok(next.and_then(|next| [next.authorization_us, next.order_us].into_iter().flatten().min()))
}

/// Whether any authorization or order is overdue.
pub async fn is_any_overdue(db: &impl DbConnection, now_us: i64) -> Result<bool, DbErr> {
    Ok(next_due_us(db).await?.is_some_and(|due_us| due_us <= now_us))
}

/// Expires what is overdue, at most `limit` authorizations and `limit` orders; the rest stays overdue.
pub async fn expire(tx: &impl DbConnection, now_us: i64, limit: u64) -> Result<EndedObligations, EntityError> {
    let mut obligations = EndedObligations::default();
    if !is_any_overdue(tx, now_us).await? {
        return Ok(obligations);
    }
    for overdue in authorization::overdue(tx, now_us, limit).await? {
        if let Some((ended, affected)) = lending::end(tx, overdue.id, AuthorizationEnd::Expired, now_us).await? {
            obligations.authorizations.push(ended);
            obligations.affected.extend(affected);
        }
    }
    for overdue in tx.rows(brokerage_order::overdue(now_us, limit)).await? {
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
