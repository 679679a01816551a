//! Account closure: closing an account ends its authorizations and pending orders, because no other user could end
//! them.

use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::authorization::{self, End, Side};
use crate::expiry::Settled;
use crate::failed::Failed;
use crate::{brokerage_order, cover, hold, lending};

/// The reason why an order is cancelled when its investor's account is closed.
pub const ORDER_LEFT: &str = "left";

/// Ends the authorizations that a user granted or received, and cancels the user's pending orders. Money and shares
/// that these reserved go back to their owners. Call it in the transaction that closes the account.
pub async fn end_all(tx: &impl ConnectionTrait, user_id: i64, now_us: i64) -> Result<Settled, Failed> {
    let mut settled = Settled::default();
    for side in [Side::Investor, Side::Broker] {
        let open = authorization::of(user_id, side, Some(true)).order_by_asc(authorization::Column::Id);
        for open in open.all(tx).await? {
            if let Some((ended, touched)) = lending::end(tx, open.id, End::Left, now_us).await? {
                settled.authorizations.push(ended);
                settled.touched.extend(touched);
            }
        }
    }
    for waits in brokerage_order::pending_of(user_id).all(tx).await? {
        if let Some(order) = brokerage_order::cancel(tx, waits.id, Some(ORDER_LEFT), now_us).await? {
            match cover::release(tx, &order, hold::End::Voided, now_us).await? {
                Some(touched) => settled.touched.push(touched),
                None => settled.uncovered.push(order.id),
            }
            settled.orders.push(order);
        }
    }
    Ok(settled)
}
