//! Expiry: authorizations past their end and automated orders past their time give their money or shares back.
//!
//! "Visible at once" (docs/rest-contract/brokerage.md#end-of-an-authorization): every operation that reads or uses
//! money, shares, authorizations or orders first expires what is overdue.

use sea_orm::entity::prelude::*;

use crate::authorization::{self, End};
use crate::brokerage_order;
use crate::cover;
use crate::failed::Failed;
use crate::hold;
use crate::lending::{self, Touched};

/// The cancellation reason of an order that expired.
pub const ORDER_EXPIRED: &str = "expired";

/// The result of [`settle`].
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// Authorizations that ended.
    pub authorizations: Vec<authorization::Model>,
    /// Orders that were cancelled.
    pub orders: Vec<brokerage_order::Model>,
    /// Wallets and holdings that got money or shares back.
    pub touched: Vec<Touched>,
    /// Ids of the orders whose cover was missing and could not be released: their data is damaged.
    pub uncovered: Vec<i64>,
}

/// Whether any authorization or order is overdue.
pub async fn is_due(db: &impl ConnectionTrait, now_us: i64) -> Result<bool, DbErr> {
    let sql = "SELECT 1 AS due WHERE EXISTS (SELECT 1 FROM broker_authorization WHERE ended_at_us IS NULL AND ends_at_us <= $1)
         OR EXISTS (SELECT 1 FROM brokerage_order WHERE status = 'PENDING' AND fired_minor IS NULL AND expires_at_us IS NOT NULL AND expires_at_us <= $1)";
    Ok(crate::sql::count_rows(db, sql, [now_us.into()]).await? > 0)
}

/// Expires what is overdue, at most `limit` authorizations and `limit` orders; the rest stays overdue.
pub async fn settle(tx: &impl ConnectionTrait, now_us: i64, limit: u64) -> Result<Settled, Failed> {
    let mut settled = Settled::default();
    for due in authorization::due(tx, now_us, limit).await? {
        if let Some((ended, touched)) = lending::end(tx, due.id, End::Expired, now_us).await? {
            settled.authorizations.push(ended);
            settled.touched.extend(touched);
        }
    }
    for due in brokerage_order::due(now_us, limit).all(tx).await? {
        if let Some(order) = brokerage_order::cancel(tx, due.id, Some(ORDER_EXPIRED), now_us).await? {
            match cover::release(tx, &order, hold::End::Expired, now_us).await? {
                Some(touched) => settled.touched.push(touched),
                None => settled.uncovered.push(order.id),
            }
            settled.orders.push(order);
        }
    }
    Ok(settled)
}
