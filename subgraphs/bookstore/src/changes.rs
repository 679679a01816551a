//! `bookChanged`: books as they are after each change.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use async_graphql::{Context, ID, Subscription};
use contract::{Clock, ContextExt, Db, Delivery, Error, Event, EventStream, Follower, Result, follow, parse_id};
use entities::book;
use futures_util::stream::{Stream, StreamExt, TryStreamExt};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::book::{Book, TYPENAME};

/// How many books one subscription may name.
const IDS_MAX: usize = 100;
/// How many books are read at once when changes were lost.
const BATCH: u64 = 100;
/// Of how many books a subscription to all of them remembers what it last showed.
const SHOWN_MAX: usize = 4_096;
/// A change's time is taken before its commit; this much, in microseconds, lies between them at most.
const COMMIT_US_MAX: i64 = 60_000_000;

/// The domain's subscription.
#[derive(Default)]
pub struct BookSubscription;

#[Subscription]
impl BookSubscription {
    /// A book after each of its changes (a sale, an update): of those books, at most 100, or of all.
    ///
    /// Changes in quick succession may arrive as one; what arrives is never older than what came before.
    async fn book_changed(
        &self,
        ctx: &Context<'_>,
        ids: Option<Vec<ID>>,
    ) -> Result<impl Stream<Item = Result<Book>> + use<>> {
        if ids.as_ref().is_some_and(|ids| ids.len() > IDS_MAX) {
            return Err(Error::invalid("ids", format!("must be at most {IDS_MAX}")));
        }
        let services = ctx.services();
        let watched: Option<HashSet<i64>> = ids.map(|ids| ids.iter().filter_map(parse_id).collect());
        // Listen first, then read what is already known: a change in between is seen twice rather than never.
        let events = services.bus.subscribe();
        let mut watch = Watch {
            db: services.db.clone(),
            clock: services.clock.clone(),
            shown: HashMap::new(),
            complete_until_us: services.clock.now_us() - COMMIT_US_MAX,
            ready: VecDeque::new(),
            lost: None,
            watched,
        };
        let known = watch.read_watched().await?;
        watch
            .shown
            .extend(known.into_iter().map(|book| (book.id, book.version)));
        Ok(follow(watch, events).map_ok(Book))
    }
}

/// What one subscription watches, and how far it has come.
struct Watch {
    db: Db,
    clock: Arc<dyn Clock>,
    /// The books, or all of them.
    watched: Option<HashSet<i64>>,
    /// The version of each book that was last shown.
    shown: HashMap<i64, i64>,
    /// Every change before this moment was seen, in microseconds since the epoch.
    complete_until_us: i64,
    /// Read, and not shown yet.
    ready: VecDeque<book::Model>,
    /// Changes were lost: those behind this key (time, id) have to be read.
    lost: Option<(i64, i64)>,
}

impl Follower for Watch {
    type Item = book::Model;

    async fn next(&mut self, events: &mut EventStream) -> Option<Result<book::Model>> {
        loop {
            while let Some(book) = self.ready.pop_front() {
                if self.is_news(&book) {
                    return Some(Ok(book));
                }
            }
            let read = match self.lost.take() {
                Some(behind) => self.catch_up(behind).await,
                None => match events.next().await? {
                    Delivery::Event(event) => self.read_changed(&event).await,
                    Delivery::Lagged(_) => self.begin_catching_up().await,
                },
            };
            match read {
                Ok(books) => self.ready.extend(books),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Watch {
    /// Whether this is newer than what was last shown of the book; if so it counts as shown.
    fn is_news(&mut self, book: &book::Model) -> bool {
        if self.shown.get(&book.id).is_some_and(|shown| *shown >= book.version) {
            return false;
        }
        // Forgetting costs a repetition, never an older book: each read sees everything that earlier ones saw.
        if self.watched.is_none() && self.shown.len() >= SHOWN_MAX {
            self.shown.clear();
        }
        self.shown.insert(book.id, book.version);
        true
    }

    /// The book that changed, if it is watched, still there, and its change not shown yet.
    async fn read_changed(&self, event: &Event) -> Result<Vec<book::Model>> {
        let Event::Invalidated {
            typename: TYPENAME,
            key,
            version,
            ..
        } = event
        else {
            return Ok(Vec::new());
        };
        let Ok(id) = key.parse::<i64>() else {
            return Ok(Vec::new());
        };
        let is_watched = self.watched.as_ref().is_none_or(|ids| ids.contains(&id));
        if !is_watched || self.shown.get(&id).is_some_and(|shown| shown >= version) {
            return Ok(Vec::new());
        }
        let book = book::Entity::find_by_id(id).one(self.db.read()).await?;
        Ok(book.into_iter().collect())
    }

    /// The watched books, or nothing when all are watched: those are read batch by batch.
    async fn read_watched(&self) -> Result<Vec<book::Model>> {
        let Some(ids) = &self.watched else {
            return Ok(Vec::new());
        };
        let books = book::Entity::find().filter(book::Column::Id.is_in(ids.iter().copied()));
        Ok(books.all(self.db.read()).await?)
    }

    async fn begin_catching_up(&mut self) -> Result<Vec<book::Model>> {
        if self.watched.is_none() {
            let begun_us = self.clock.now_us();
            self.lost = Some((self.complete_until_us, 0));
            self.complete_until_us = begun_us - COMMIT_US_MAX;
        }
        self.read_watched().await
    }

    /// The next batch of changed books behind that key.
    async fn catch_up(&mut self, (at_us, id): (i64, i64)) -> Result<Vec<book::Model>> {
        let books = book::changed_behind(self.db.read(), at_us, id, BATCH).await?;
        self.lost = books.last().map(|book| (book.changed_at_us, book.id));
        Ok(books)
    }
}
