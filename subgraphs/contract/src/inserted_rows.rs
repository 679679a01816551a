//! Subscriptions to rows that are only ever added: each row once, from now on, in the order of arrival.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::stream::{Stream, StreamExt};
use sea_orm::{DbErr, EntityTrait, QuerySelect, Select};

use crate::{
    Db, Delivery, Event, EventStream, Follower, ReadEntity, Reader, Result, Services, SharedReads, Topic, follow,
};

/// The rows of one subscription. Equal feeds have the same rows.
pub trait InsertFeed: Clone + PartialEq + Send + Sync + 'static {
    /// The table.
    type Entity: ReadEntity<Model: Clone + Send + Sync>;

    /// The number of rows read at once, and so the number buffered for a subscriber that falls behind.
    const BATCH: u64 = 50;

    /// Returns the topic that has the events about these rows.
    fn topic(&self) -> Topic;

    /// Returns the id of the row that this event announces; `None` if it announces none of these rows.
    fn inserted_id(&self, event: &Event) -> Option<i64>;

    /// Selects these rows with an id over `id`, ordered by id.
    fn after(&self, id: i64) -> Select<Self::Entity>;

    /// Returns the row's id.
    fn id(row: &<Self::Entity as EntityTrait>::Model) -> i64;

    /// Returns the id of the last of these rows; 0 when there is none.
    fn newest_id(&self, db: &Reader) -> impl Future<Output = Result<i64, DbErr>> + Send;
}

/// Returns these rows as they arrive.
pub async fn inserted_rows<R: InsertFeed>(
    services: &Services,
    rows: R,
) -> Result<impl Stream<Item = Result<<R::Entity as EntityTrait>::Model>> + use<R>> {
    // Subscribe first, then read the last id: rows that arrive in between are announced.
    let events = services.bus.subscribe_to(rows.topic());
    // Boxed, so that an open subscription does not keep the memory of its reads. The same goes for the reads below.
    let last_id = rows.newest_id(services.db.read()).boxed().await?;
    let follower = InsertFollower {
        db: services.db.clone(),
        shared_reads: Arc::clone(&services.shared_reads),
        rows,
        last_id,
        ready: VecDeque::new(),
        has_more: false,
    };
    Ok(follow(follower, events))
}

/// The rows of one subscription, and the position of its reader.
struct InsertFollower<R: InsertFeed> {
    db: Db,
    shared_reads: Arc<SharedReads>,
    rows: R,
    /// The id of the last row that was read.
    last_id: i64,
    /// Read, but not delivered yet.
    ready: VecDeque<<R::Entity as EntityTrait>::Model>,
    /// The last batch was full: there may be more.
    has_more: bool,
}

impl<R: InsertFeed> Follower for InsertFollower<R> {
    type Item = <R::Entity as EntityTrait>::Model;

    async fn next(&mut self, events: &mut EventStream) -> Option<Result<Self::Item>> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Some(Ok(row));
            }
            if !self.has_more && !self.may_have_rows(&events.next().await?) {
                continue;
            }
            if let Err(error) = self.read().boxed().await {
                return Some(Err(error));
            }
        }
    }
}

impl<R: InsertFeed> InsertFollower<R> {
    /// Whether unread rows may exist. An event is only a hint and the database decides, so a subscriber that falls
    /// behind loses nothing.
    fn may_have_rows(&self, delivery: &Delivery) -> bool {
        match delivery {
            Delivery::Lagged(_) => true,
            Delivery::Event(event) => self.rows.inserted_id(event).is_some_and(|id| id > self.last_id),
        }
    }

    async fn read(&mut self) -> Result<()> {
        // Ids rise in the order of commits, because there is only one writer.
        let batch = self.rows.after(self.last_id).limit(R::BATCH);
        let batch = self.db.read().rows(batch);
        let batch = if self.rows.topic().is_private() {
            batch.await?
        } else {
            let key = (self.rows.clone(), self.last_id);
            self.shared_reads.rows(&self.db, key, batch).await?
        };
        self.has_more = batch.len() as u64 == R::BATCH;
        if let Some(last) = batch.last() {
            self.last_id = R::id(last);
        }
        self.ready.extend(batch);
        Ok(())
    }
}
