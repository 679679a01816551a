//! Account closure: closing an account ends its authorizations and pending orders, because no other user could end
//! them.

use database::DbConnection;
use sea_orm::QueryOrder;

use crate::authorization::{self, AuthorizationEnd, Party};
use crate::brokerage_order::{self, CancelReason};
use crate::error::EntityError;
use crate::expiry::EndedObligations;
use crate::{hold, lending, order_reserve};

/// Ends the authorizations that a user granted or received, and cancels the user's pending orders. Money and shares
/// that these reserved go back to their owners. Call it in the transaction that closes the account.
pub async fn end_obligations(
    tx: &impl DbConnection,
    user_id: i64,
    now_us: i64,
) -> Result<EndedObligations, EntityError> {
    let mut obligations = EndedObligations::default();
    for party in [Party::Investor, Party::Broker] {
        let open = authorization::for_party(user_id, party, Some(true)).order_by_asc(authorization::Column::Id);
        for open in tx.rows(open).await? {
            if let Some((ended, affected)) = lending::end(tx, open.id, AuthorizationEnd::AccountClosed, now_us).await? {
                obligations.authorizations.push(ended);
                obligations.affected.extend(affected);
            }
        }
    }
    for pending in tx.rows(brokerage_order::pending_for(user_id)).await? {
        if let Some(order) = brokerage_order::cancel(tx, pending.id, Some(CancelReason::AccountClosed), now_us).await? {
            match order_reserve::release(tx, &order, hold::HoldEnd::Voided, now_us).await? {
                Some(affected) => obligations.affected.push(affected),
                None => obligations.without_reserve.push(order.id),
            }
            obligations.orders.push(order);
        }
    }
    Ok(obligations)
}
