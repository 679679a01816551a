//! The subscription `bookChanged`, which sends a book after each of its changes.

use async_graphql::{Context, ID, Subscription};
use contract::{ContextExt, Result, RowVersion, WatchedTable, changed_rows, check_watch_limit, parse_id};
use entities::book;
use futures_util::stream::{Stream, TryStreamExt};
use sea_orm::{DatabaseConnection, DbErr};

use crate::book::{Book, TYPENAME};

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
        ids: Option<Vec<ID>>,
    ) -> Result<impl Stream<Item = Result<Book>> + use<>> {
        check_watch_limit("ids", ids.as_deref().unwrap_or_default())?;
        let watched = ids.map(|ids| ids.iter().filter_map(parse_id).collect());
        Ok(changed_rows(ctx.services(), BookTable, watched).await?.map_ok(Book))
    }
}

/// The table of books, which every caller may read.
struct BookTable;

impl WatchedTable for BookTable {
    type Entity = book::Entity;

    const TYPENAME: &'static str = TYPENAME;

    fn row_version(book: &book::Model) -> RowVersion {
        RowVersion {
            id: book.id,
            version: book.version,
            changed_at_us: book.changed_at_us,
        }
    }

    async fn changed_after(
        &self,
        db: &DatabaseConnection,
        at_us: i64,
        id: i64,
        limit: u64,
    ) -> Result<Vec<book::Model>, DbErr> {
        book::changed_behind(db, at_us, id, limit).await
    }
}
