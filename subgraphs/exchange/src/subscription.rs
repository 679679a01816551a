//! `stockChanged`: stocks as they are after each change.

use std::collections::HashSet;

use async_graphql::{Context, Subscription};
use contract::{ContextExt, Error, Result, Watch, changed_rows, check_watch_limit, source_stream};
use entities::stock;
use futures_util::stream::{Stream, TryStreamExt};

use crate::stock::Stock;

/// The domain's subscription.
#[derive(Default)]
pub struct StockSubscription;

#[Subscription]
impl StockSubscription {
    /// A stock after each change of its price or quantity: one of at most 100 named stocks, or any stock.
    ///
    /// Changes in quick succession may arrive as one event. An event never shows an older state than the event before
    /// it.
    async fn stock_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only the stocks with these names, at most 100.")] names: Option<Vec<String>>,
    ) -> Result<impl Stream<Item = Result<Stock>> + use<>> {
        let open = async {
            check_watch_limit("names", names.as_deref().unwrap_or_default())?;
            let watched = match names {
                Some(names) => Some(ids(ctx, names).await?),
                None => None,
            };
            let stocks = changed_rows::<stock::Model>(ctx.services(), Watch::rows(watched)).await?;
            Ok(stocks.map_ok(Stock))
        };
        source_stream(ctx, open).await
    }
}

/// The ids of the stocks with these names; `NOT_FOUND` when one of them is not listed.
async fn ids(ctx: &Context<'_>, names: Vec<String>) -> Result<HashSet<i64>> {
    let names: HashSet<String> = names.into_iter().collect();
    let listed = stock::by_names(ctx.db().read(), &names).await?;
    if listed.len() < names.len() {
        return Err(Error::NotFound("stock"));
    }
    Ok(listed.into_iter().map(|stock| stock.id).collect())
}
