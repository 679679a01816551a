//! Subscriptions to changing rows: each row after its changes, never older than the state delivered before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::Arc;

use futures_util::stream::{Stream, StreamExt};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, Iterable, PrimaryKeyToColumn, PrimaryKeyTrait, QueryFilter,
};

use crate::{Audience, Clock, Db, Delivery, Error, Event, EventStream, Follower, Result, Services, follow};

/// The most rows that one subscription may name.
const WATCHED_MAX: usize = 100;
/// The number of rows read at once after changes were lost.
const BATCH: u64 = 100;
/// The number of rows whose last delivered version a subscription to all rows remembers.
const DELIVERED_MAX: usize = 4_096;
/// The time of a change is taken before its commit. At most this much, in microseconds, lies between the two.
const COMMIT_DELAY_US_MAX: i64 = 60_000_000;

/// The rows of one subscription: their table, and the rows of it that the subscriber may see.
pub trait WatchedTable: Sized + Send + Sync + 'static {
    /// The table.
    type Entity: EntityTrait<Model: Send + Sync, PrimaryKey: PrimaryKeyTrait<ValueType = i64>>;

    /// The GraphQL type in the invalidations of these rows, `Book`; their keys are the rows' ids.
    const TYPENAME: &'static str;

    /// Returns the id, the version and the time of change of a row.
    fn row_version(row: &RowOf<Self>) -> RowVersion;

    /// Returns rows that changed after the moment `at_us`, or at that moment with an id over `id`, the earliest
    /// change first. It should, but need not, leave out rows that the subscriber may not see.
    fn changed_after(
        &self,
        db: &DatabaseConnection,
        at_us: i64,
        id: i64,
        limit: u64,
    ) -> impl Future<Output = Result<Vec<RowOf<Self>>, DbErr>> + Send;

    /// Whether the subscriber may see that row. Every row is checked before it is delivered.
    fn may_see(&self, _row: &RowOf<Self>) -> bool {
        true
    }

    /// Whether a change with this `audience` can belong to a row that the subscriber may see. If not, the row is
    /// not even read.
    fn can_concern(&self, _audience: &Audience) -> bool {
        true
    }
}

/// One row of that table.
pub type RowOf<R> = <<R as WatchedTable>::Entity as EntityTrait>::Model;

/// The identity of a row and of one of its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowVersion {
    /// The row's id.
    pub id: i64,
    /// Rises with every change of the row.
    pub version: i64,
    /// When it last changed, in microseconds since the epoch.
    pub changed_at_us: i64,
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

/// Returns each row after its changes from now on: the rows with the ids `watched`, or all of them.
///
/// Changes in quick succession may arrive as one, and a state is never older than the one delivered before. After
/// lost events, the table is read for the rows that changed meanwhile. A deleted row is not delivered.
pub async fn changed_rows<R: WatchedTable>(
    services: &Services,
    rows: R,
    watched: Option<HashSet<i64>>,
) -> Result<impl Stream<Item = Result<RowOf<R>>> + use<R>> {
    // Subscribe first, then read the current versions: a change in between is seen twice rather than never.
    let events = services.bus.subscribe();
    let mut watch = TableWatch {
        db: services.db.clone(),
        clock: services.clock.clone(),
        rows,
        watched,
        delivered: HashMap::new(),
        complete_until_us: services.clock.now_us() - COMMIT_DELAY_US_MAX,
        ready: VecDeque::new(),
        lost: None,
    };
    let known = watch.read_watched().await?;
    let versions = known.iter().map(R::row_version).map(|row| (row.id, row.version));
    watch.delivered.extend(versions);
    Ok(follow(watch, events))
}

/// The watched rows of one subscription, and its progress.
struct TableWatch<R: WatchedTable> {
    db: Db,
    clock: Arc<dyn Clock>,
    rows: R,
    /// The ids of the watched rows; `None` for all rows.
    watched: Option<HashSet<i64>>,
    /// The last delivered version of each row.
    delivered: HashMap<i64, i64>,
    /// Every change before this moment was seen, in microseconds since the epoch.
    complete_until_us: i64,
    /// Read, but not delivered yet.
    ready: VecDeque<RowOf<R>>,
    /// Changes were lost: those after this key (time, id) must be read.
    lost: Option<(i64, i64)>,
}

impl<R: WatchedTable> Follower for TableWatch<R> {
    type Item = RowOf<R>;

    async fn next(&mut self, events: &mut EventStream) -> Option<Result<RowOf<R>>> {
        loop {
            while let Some(row) = self.ready.pop_front() {
                if self.rows.may_see(&row) && self.record_if_newer(R::row_version(&row)) {
                    return Some(Ok(row));
                }
            }
            let read = match self.lost.take() {
                Some(position) => self.catch_up(position).await,
                None => match events.next().await? {
                    Delivery::Event(event) => self.read_changed(&event).await,
                    Delivery::Lagged(_) => self.start_catch_up().await,
                },
            };
            match read {
                Ok(rows) => self.ready.extend(rows),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<R: WatchedTable> TableWatch<R> {
    /// Whether this is newer than the last delivered version of the row; if so, records it as delivered.
    fn record_if_newer(&mut self, RowVersion { id, version, .. }: RowVersion) -> bool {
        if self.delivered.get(&id).is_some_and(|delivered| *delivered >= version) {
            return false;
        }
        // Clearing may repeat a row but never delivers an older one: each read sees everything that earlier reads
        // saw.
        if self.watched.is_none() && self.delivered.len() >= DELIVERED_MAX {
            self.delivered.clear();
        }
        self.delivered.insert(id, version);
        true
    }

    /// Reads the changed row, if it is watched, still exists, and the change is not delivered yet.
    async fn read_changed(&self, event: &Event) -> Result<Vec<RowOf<R>>> {
        let Event::Invalidated {
            typename,
            key,
            version,
            audience,
        } = event
        else {
            return Ok(Vec::new());
        };
        let (true, Ok(id)) = (*typename == R::TYPENAME, key.parse::<i64>()) else {
            return Ok(Vec::new());
        };
        let is_watched = self.watched.as_ref().is_none_or(|ids| ids.contains(&id));
        let is_delivered = self.delivered.get(&id).is_some_and(|delivered| delivered >= version);
        if !is_watched || is_delivered || !self.rows.can_concern(audience) {
            return Ok(Vec::new());
        }
        self.read(&HashSet::from([id])).await
    }

    /// Reads the watched rows, or nothing if all rows are watched: those are read in batches.
    async fn read_watched(&self) -> Result<Vec<RowOf<R>>> {
        match &self.watched {
            Some(ids) => self.read(ids).await,
            None => Ok(Vec::new()),
        }
    }

    async fn read(&self, ids: &HashSet<i64>) -> Result<Vec<RowOf<R>>> {
        let Some(id) = <R::Entity as EntityTrait>::PrimaryKey::iter().next() else {
            return Ok(Vec::new());
        };
        let asked = id.into_column().is_in(ids.iter().copied());
        Ok(R::Entity::find().filter(asked).all(self.db.read()).await?)
    }

    async fn start_catch_up(&mut self) -> Result<Vec<RowOf<R>>> {
        if self.watched.is_none() {
            let begun_us = self.clock.now_us();
            self.lost = Some((self.complete_until_us, 0));
            self.complete_until_us = begun_us - COMMIT_DELAY_US_MAX;
        }
        self.read_watched().await
    }

    /// Reads the next batch of rows that changed after that key.
    async fn catch_up(&mut self, (at_us, id): (i64, i64)) -> Result<Vec<RowOf<R>>> {
        let rows = self.rows.changed_after(self.db.read(), at_us, id, BATCH).await?;
        let last = rows.last().map(R::row_version);
        self.lost = last.map(|row| (row.changed_at_us, row.id));
        Ok(rows)
    }
}
