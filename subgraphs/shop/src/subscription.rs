//! The subscription `productChanged`, which sends a product after each of its changes.

use async_graphql::{Context, ID, Subscription};
use contract::{ContextExt, Result, RowVersion, WatchedTable, changed_rows, check_watch_limit, parse_id};
use entities::product;
use futures_util::stream::{Stream, TryStreamExt};
use sea_orm::{DatabaseConnection, DbErr};

use crate::product::{Product, TYPENAME};

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
        ids: Option<Vec<ID>>,
    ) -> Result<impl Stream<Item = Result<Product>> + use<>> {
        check_watch_limit("ids", ids.as_deref().unwrap_or_default())?;
        let watched = ids.map(|ids| ids.iter().filter_map(parse_id).collect());
        Ok(changed_rows(ctx.services(), ProductTable, watched)
            .await?
            .map_ok(Product))
    }
}

/// The table of products, which every caller may read.
struct ProductTable;

impl WatchedTable for ProductTable {
    type Entity = product::Entity;

    const TYPENAME: &'static str = TYPENAME;

    fn row_version(product: &product::Model) -> RowVersion {
        RowVersion {
            id: product.id,
            version: product.version,
            changed_at_us: product.changed_at_us,
        }
    }

    async fn changed_after(
        &self,
        db: &DatabaseConnection,
        at_us: i64,
        id: i64,
        limit: u64,
    ) -> Result<Vec<product::Model>, DbErr> {
        product::changed_behind(db, at_us, id, limit).await
    }
}
