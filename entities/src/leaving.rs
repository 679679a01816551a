//! Leaving: what runs in somebody's name ends with their account, because nobody else could end it.

use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::authorization::{self, End, Side};
use crate::expiry::Settled;
use crate::failed::Failed;
use crate::{brokerage_order, cover, hold, lending};

/// Why an order is cancelled whose investor left.
pub const ORDER_LEFT: &str = "left";

/// Ends what somebody lends and what they were lent, and cancels their orders that wait; what that keeps goes back to whose
/// it is. To be called in the transaction that ends their account.
///
/// # Errors
/// When the database fails.
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
