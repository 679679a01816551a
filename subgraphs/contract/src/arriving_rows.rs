//! Subscriptions to rows that are only ever added: each once, from now on, in the order in which they came.

use std::collections::VecDeque;
use std::future::Future;

use futures_util::stream::{Stream, StreamExt};
use sea_orm::{DatabaseConnection, DbErr, EntityTrait, QuerySelect, Select};

use crate::{Db, Delivery, Event, EventStream, Follower, Result, Services, follow};

/// The rows of one subscription.
pub trait ArrivingRows: Send + Sync + 'static {
    /// The table.
    type Entity: EntityTrait<Model: Send + Sync>;

    /// How many rows are read at once, and so kept for a subscriber that falls behind.
    const BATCH: u64 = 50;

    /// The id of the row that this event announces; `None` where it announces none of these.
    fn announced(&self, event: &Event) -> Option<i64>;

    /// Those with an id over `id`, by id.
    fn after(&self, id: i64) -> Select<Self::Entity>;

    /// The row's id.
    fn id(row: &<Self::Entity as EntityTrait>::Model) -> i64;

    /// The id of the last of them; 0 when there is none.
    fn newest_id(&self, db: &DatabaseConnection) -> impl Future<Output = Result<i64, DbErr>> + Send;
}

/// These rows, as they arrive.
///
/// # Errors
/// When the database fails.
pub async fn arriving_rows<R: ArrivingRows>(
    services: &Services,
    rows: R,
) -> Result<impl Stream<Item = Result<<R::Entity as EntityTrait>::Model>> + use<R>> {
    // Listen first, then look what is there already: what comes in between is announced.
    let events = services.bus.subscribe();
    let last_id = rows.newest_id(services.db.read()).await?;
    let arrivals = Arrivals {
        db: services.db.clone(),
        rows,
        last_id,
        ready: VecDeque::new(),
        more: false,
    };
    Ok(follow(arrivals, events))
}

/// Which rows, and how far they were read.
struct Arrivals<R: ArrivingRows> {
    db: Db,
    rows: R,
    /// The last row that was read.
    last_id: i64,
    /// Read, and not shown yet.
    ready: VecDeque<<R::Entity as EntityTrait>::Model>,
    /// The last batch was full: there may be more.
    more: bool,
}

impl<R: ArrivingRows> Follower for Arrivals<R> {
    type Item = <R::Entity as EntityTrait>::Model;

    async fn next(&mut self, events: &mut EventStream) -> Option<Result<Self::Item>> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Some(Ok(row));
            }
            if !self.more && !self.is_news(&events.next().await?) {
                continue;
            }
            if let Err(error) = self.read().await {
                return Some(Err(error));
            }
        }
    }
}

impl<R: ArrivingRows> Arrivals<R> {
    /// Whether there may be rows that were not read. An event is only a hint: the database says what there is, so that
    /// whoever falls behind loses nothing.
    fn is_news(&self, delivery: &Delivery) -> bool {
        match delivery {
            Delivery::Lagged(_) => true,
            Delivery::Event(event) => self.rows.announced(event).is_some_and(|id| id > self.last_id),
        }
    }

    async fn read(&mut self) -> Result<()> {
        // Ids rise in the order of commits: there is one writer.
        let batch = self
            .rows
            .after(self.last_id)
            .limit(R::BATCH)
            .all(self.db.read())
            .await?;
        self.more = batch.len() as u64 == R::BATCH;
        if let Some(last) = batch.last() {
            self.last_id = R::id(last);
        }
        self.ready.extend(batch);
        Ok(())
    }
}
