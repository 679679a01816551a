//! The subscription `bookChanged`, which sends a book after each of its changes.

use async_graphql::{Context, ID, Subscription};
use contract::{ContextExt, EntityType, Result, Watch, changed_rows, check_watch_limit, source_stream};
use entities::book;
use futures_util::stream::{Stream, TryStreamExt};

use crate::book::Book;

/// The domain's subscription.
#[derive(Default)]
pub struct BookSubscription;

#[Subscription]
impl BookSubscription {
    /// A book after each of its changes (a sale, an update): one of at most 100 named books, or any book.
    ///
    /// Changes in quick succession may arrive as one event. An event never shows an older state than the event before
    /// it.
    async fn book_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these books, at most 100.")] ids: Option<Vec<ID>>,
    ) -> Result<impl Stream<Item = Result<Book>> + use<>> {
        let open = async {
            check_watch_limit("ids", ids.as_deref().unwrap_or_default())?;
            let watched = ids.map(|ids| EntityType::Book.parse_all("ids", &ids)).transpose()?;
            let watched = watched.map(|ids| ids.into_iter().flatten().collect());
            let books = changed_rows::<book::Model>(ctx.services(), Watch::rows(watched)).await?;
            Ok(books.map_ok(Book))
        };
        source_stream(ctx, open).await
    }
}
