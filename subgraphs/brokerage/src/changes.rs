//! `orderChanged`: the viewer's orders as they are after each change.

use async_graphql::{Context, Subscription};
use contract::{Audience, ContextExt, Result, RowVersion, WatchedTable, changed_rows};
use entities::brokerage_order::{self, Entity, Model};
use futures_util::stream::{Stream, TryStreamExt};
use sea_orm::{DatabaseConnection, DbErr};

use crate::order::BrokerageOrder;

/// The domain's subscription.
#[derive(Default)]
pub struct OrderSubscription;

#[Subscription]
impl OrderSubscription {
    /// An order of the viewer, as investor or as broker, after it is placed, executed or cancelled, or expires.
    ///
    /// Changes in quick succession may arrive as one event. An event never shows an older state than the event before
    /// it.
    async fn order_changed(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<BrokerageOrder>> + use<>> {
        let party = ctx.viewer().require_user()?;
        let changed = changed_rows(ctx.services(), OwnOrders { party }, None).await?;
        Ok(changed.map_ok(BrokerageOrder))
    }
}

/// The orders that concern one person.
struct OwnOrders {
    party: i64,
}

impl WatchedTable for OwnOrders {
    type Entity = Entity;

    const TYPENAME: &'static str = "BrokerageOrder";

    fn row_version(order: &Model) -> RowVersion {
        RowVersion {
            id: order.id,
            version: order.version,
            changed_at_us: order.changed_at_us,
        }
    }

    async fn changed_after(
        &self,
        db: &DatabaseConnection,
        at_us: i64,
        id: i64,
        limit: u64,
    ) -> Result<Vec<Model>, DbErr> {
        brokerage_order::changed_behind(db, self.party, at_us, id, limit).await
    }

    fn may_see(&self, order: &Model) -> bool {
        order.parties().contains(&self.party)
    }

    fn can_concern(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Everyone => true,
            Audience::Users(people) => people.contains(&self.party),
        }
    }
}
