//! `orderChanged`: the viewer's orders as they are after each change.

use async_graphql::{Context, Subscription};
use contract::{ContextExt, Result, Watch, changed_rows, source_stream};
use entities::brokerage_order;
use futures_util::stream::{Stream, TryStreamExt};

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
        let open = async {
            let party = ctx.viewer().require_user()?;
            let watch = Watch::<brokerage_order::Model>::for_user(party, brokerage_order::involving(party));
            let services = ctx.services().clone();
            let changed = changed_rows(&services, watch).await?;
            Ok(changed.and_then(move |order| {
                let services = services.clone();
                async move {
                    services.expire_overdue().await?;
                    Ok(BrokerageOrder(order))
                }
            }))
        };
        source_stream(ctx, open).await
    }
}
