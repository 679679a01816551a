//! Subscriptions to changing rows: each row after its changes, never older than the state delivered before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use entities::is_among;
use futures_util::FutureExt;
use futures_util::stream::{Stream, StreamExt};
use sea_orm::{ColumnTrait, EntityTrait, Iterable, PrimaryKeyToColumn, QueryFilter, Select};

use crate::{
    Audience, Clock, Db, Delivery, Error, Event, EventStream, Follower, Result, Services, SharedReads, Topic,
    WatchedRow, follow,
};

/// The most rows that one subscription may name.
const WATCHED_MAX: usize = 100;
/// The number of rows read at once after changes were lost.
const BATCH: u64 = 100;
/// The number of rows whose last delivered version a subscription to all rows remembers.
const DELIVERED_MAX: usize = 4_096;
/// The time of a change is taken before its commit. At most this much, in microseconds, lies between the two.
const COMMIT_DELAY_US_MAX: i64 = 60_000_000;

/// The rows of one subscription.
pub struct Watch<R: WatchedRow> {
    /// Contains at least the rows that the subscriber may see.
    rows: Select<R::Entity>,
    /// The ids of the watched rows; `None` for all rows.
    ids: Option<HashSet<i64>>,
    /// Only rows whose changes this user may learn of; `None` for every row.
    user: Option<i64>,
}

impl<R: WatchedRow> Watch<R> {
    /// The rows with these ids, or all rows.
    pub fn rows(ids: Option<HashSet<i64>>) -> Self {
        Self {
            rows: R::Entity::find(),
            ids,
            user: None,
        }
    }

    /// The rows whose changes that user may learn of. `rows` selects at least these.
    pub fn for_user(user: i64, rows: Select<R::Entity>) -> Self {
        Self {
            rows,
            ids: None,
            user: Some(user),
        }
    }

    fn concerns(&self, audience: &Audience) -> bool {
        self.user.is_none_or(|user| audience.concerns(user))
    }
}

/// Checks the number of rows that a subscription names.
///
/// # Errors
/// `INVALID_INPUT` naming `field` for more than a hundred rows.
pub fn check_watch_limit<T>(field: &'static str, named: &[T]) -> Result<()> {
    if named.len() > WATCHED_MAX {
        return Err(Error::invalid(field, format!("must be at most {WATCHED_MAX}")));
    }
    Ok(())
}

/// Returns each watched row after its changes from now on.
///
/// Changes in quick succession may arrive as one, and a state is never older than the one delivered before. After
/// lost events, the table is read for the rows that changed meanwhile. A deleted row is not delivered.
pub async fn changed_rows<R: WatchedRow>(
    services: &Services,
    watch: Watch<R>,
) -> Result<impl Stream<Item = Result<R>> + use<R>> {
    // Subscribe first, then read the current versions: a change in between is seen twice rather than never.
    let events = services.bus.subscribe_to(Topic::InvalidationsOf(R::ENTITY.name()));
    let mut follower = RowFollower {
        db: services.db.clone(),
        shared_reads: Arc::clone(&services.shared_reads),
        clock: services.clock.clone(),
        watch,
        delivered: HashMap::new(),
        complete_until_us: services.clock.now_us() - COMMIT_DELAY_US_MAX,
        ready: VecDeque::new(),
        lost: None,
    };
    // Boxed, so that an open subscription does not keep the memory of its reads. The same goes for the reads below.
    let known = follower.read_watched().boxed().await?;
    let versions = known.iter().map(|row| (row.id(), row.version()));
    follower.delivered.extend(versions);
    Ok(follow(follower, events))
}

/// The watched rows of one subscription, and its progress.
struct RowFollower<R: WatchedRow> {
    db: Db,
    shared_reads: Arc<SharedReads>,
    clock: Arc<dyn Clock>,
    watch: Watch<R>,
    /// The last delivered version of each row.
    delivered: HashMap<i64, i64>,
    /// Every change before this moment was seen, in microseconds since the epoch.
    complete_until_us: i64,
    /// Read, but not delivered yet.
    ready: VecDeque<R>,
    /// Changes were lost: those after this key (time, id) must be read.
    lost: Option<(i64, i64)>,
}

impl<R: WatchedRow> Follower for RowFollower<R> {
    type Item = R;

    async fn next(&mut self, events: &mut EventStream) -> Option<Result<R>> {
        loop {
            while let Some(row) = self.ready.pop_front() {
                if self.watch.concerns(&row.audience()) && self.record_if_newer(row.id(), row.version()) {
                    return Some(Ok(row));
                }
            }
            let read = match self.lost.take() {
                Some(position) => self.catch_up(position).boxed().await,
                None => match events.next().await? {
                    Delivery::Event(event) => self.read_changed(&event).await,
                    Delivery::Lagged(_) => self.start_catch_up().boxed().await,
                },
            };
            match read {
                Ok(rows) => self.ready.extend(rows),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<R: WatchedRow> RowFollower<R> {
    /// Whether this is newer than the last delivered version of the row; if so, records it as delivered.
    fn record_if_newer(&mut self, id: i64, version: i64) -> bool {
        if self.delivered.get(&id).is_some_and(|delivered| *delivered >= version) {
            return false;
        }
        // Clearing may repeat a row but never delivers an older one: each read sees everything that earlier reads
        // saw.
        if self.watch.ids.is_none() && self.delivered.len() >= DELIVERED_MAX {
            self.delivered.clear();
        }
        self.delivered.insert(id, version);
        true
    }

    /// Reads the changed row, if it is watched, still exists, and the change is not delivered yet.
    async fn read_changed(&self, event: &Event) -> Result<Vec<R>> {
        let Event::Invalidated {
            typename,
            key,
            version,
            audience,
        } = event
        else {
            return Ok(Vec::new());
        };
        let (true, Some(id)) = (*typename == R::ENTITY.name(), R::ENTITY.number(key)) else {
            return Ok(Vec::new());
        };
        let is_watched = self.watch.ids.as_ref().is_none_or(|ids| ids.contains(&id));
        let is_delivered = self.delivered.get(&id).is_some_and(|delivered| delivered >= version);
        if !is_watched || is_delivered || !self.watch.concerns(audience) {
            return Ok(Vec::new());
        }
        let ids = HashSet::from([id]);
        self.shared_reads.rows(&self.db, id, self.read(&ids)).boxed().await
    }

    /// Reads the watched rows, or nothing if all rows are watched: those are read in batches.
    async fn read_watched(&self) -> Result<Vec<R>> {
        match &self.watch.ids {
            Some(ids) => self.read(ids).await,
            None => Ok(Vec::new()),
        }
    }

    async fn read(&self, ids: &HashSet<i64>) -> Result<Vec<R>> {
        let Some(key) = key_column::<R::Entity>() else {
            return Ok(Vec::new());
        };
        let condition = is_among(key, ids.iter().copied());
        Ok(self.db.read().rows(R::Entity::find().filter(condition)).await?)
    }

    async fn start_catch_up(&mut self) -> Result<Vec<R>> {
        if self.watch.ids.is_none() {
            let begun_us = self.clock.now_us();
            self.lost = Some((self.complete_until_us, 0));
            self.complete_until_us = begun_us - COMMIT_DELAY_US_MAX;
        }
        self.read_watched().await
    }

    /// Reads the next batch of rows that changed after that key.
    async fn catch_up(&mut self, (at_us, id): (i64, i64)) -> Result<Vec<R>> {
        let Some(key) = key_column::<R::Entity>() else {
            return Ok(Vec::new());
        };
        // The filter is redundant, but an index serves it; no index serves the condition that the cursor builds from
        // two columns.
        let changed = self.watch.rows.clone().filter(R::CHANGED_AT.gte(at_us));
        let mut changed = changed.cursor_by((R::CHANGED_AT, key));
        let rows = changed.after((at_us, id)).first(BATCH).all(self.db.read()).await?;
        self.lost = rows.last().map(|row| (row.changed_at_us(), row.id()));
        Ok(rows)
    }
}

/// The column of the ids.
fn key_column<E: EntityTrait>() -> Option<E::Column> {
    E::PrimaryKey::iter().next().map(PrimaryKeyToColumn::into_column)
}
