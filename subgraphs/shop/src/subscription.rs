//! The subscription `productChanged`, which sends a product after each of its changes.

use async_graphql::{Context, ID, Subscription};
use contract::{ContextExt, EntityType, Result, Watch, changed_rows, check_watch_limit, source_stream};
use entities::product;
use futures_util::stream::{Stream, TryStreamExt};

use crate::product::Product;

/// The domain's subscription.
#[derive(Default)]
pub struct ProductSubscription;

#[Subscription]
impl ProductSubscription {
    /// A product after each of its changes (an order, an update): one of at most 100 named products, or any product.
    ///
    /// Changes in quick succession may arrive as one event. An event never shows an older state than the event before
    /// it.
    async fn product_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these products, at most 100.")] ids: Option<Vec<ID>>,
    ) -> Result<impl Stream<Item = Result<Product>> + use<>> {
        let open = async {
            check_watch_limit("ids", ids.as_deref().unwrap_or_default())?;
            let watched = ids.map(|ids| EntityType::Product.parse_all("ids", &ids)).transpose()?;
            let watched = watched.map(|ids| ids.into_iter().flatten().collect());
            let products = changed_rows::<product::Model>(ctx.services(), Watch::rows(watched)).await?;
            Ok(products.map_ok(Product))
        };
        source_stream(ctx, open).await
    }
}
