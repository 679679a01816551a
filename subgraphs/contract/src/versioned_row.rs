//! Rows whose changes are counted, and the events that their changes publish.

use entities::expiry::EndedObligations;
use entities::lending::AffectedBalance;
use entities::{
    authorization, book, brokerage_order, holding, message, post_votes, product, reservation, shop_order, stock,
    voting, wallet,
};
use sea_orm::{EntityTrait, FromQueryResult, ModelTrait};

use crate::{Audience, EntityType, Event, ReadEntity};

/// A row whose changes are counted.
pub trait VersionedRow: ModelTrait<Entity: ReadEntity<Model = Self>> + FromQueryResult + Send + Sync + 'static {
    /// The entity of which these rows are a part.
    const ENTITY: EntityType;

    /// Returns the row's id.
    fn id(&self) -> i64;

    /// Returns the number that rises with every change of the row.
    fn version(&self) -> i64;

    /// Returns the viewers who may learn of a change.
    fn audience(&self) -> Audience {
        Audience::Everyone
    }
}

/// A row that also has the time of its last change, so that subscriptions can follow its table
/// ([`changed_rows`](crate::changed_rows())).
pub trait WatchedRow: VersionedRow {
    /// The column with the time of the last change, in microseconds since the epoch. A subscription to all rows needs
    /// an index of it and the id.
    const CHANGED_AT: <Self::Entity as EntityTrait>::Column;

    /// Returns the time of the last change.
    fn changed_at_us(&self) -> i64;
}

/// Implements [`VersionedRow`] for the rows of a table by their entity, their id, and the users who may learn of
/// a change; without users, every caller may. With a time of change, they are [`WatchedRow`]s.
macro_rules! versioned_rows {
    ($($table:ident: $entity:ident by $id:ident
        $(for |$row:ident| $users:expr)? $(, watched by $column:ident as $changed_at:ident)?;)+) => {$(
        impl VersionedRow for $table::Model {
            const ENTITY: EntityType = EntityType::$entity;

            fn id(&self) -> i64 {
                self.$id
            }

            fn version(&self) -> i64 {
                self.version
            }

            $(fn audience(&self) -> Audience {
                let $row = self;
                Audience::Users($users)
            })?
        }

        $(impl WatchedRow for $table::Model {
            const CHANGED_AT: $table::Column = $table::Column::$column;

            fn changed_at_us(&self) -> i64 {
                self.$changed_at
            }
        })?
    )+};
}

versioned_rows! {
    authorization: Authorization by id for |row| vec![row.investor_id, row.broker_id];
    book: Book by id, watched by ChangedAtUs as changed_at_us;
    brokerage_order: BrokerageOrder by id for |row| row.parties(), watched by ChangedAtUs as changed_at_us;
    holding: Holding by id for |row| vec![row.user_id];
    message: Message by id for |row| vec![row.from_id, row.to_id];
    // Votes are public. A post's votes are part of the post, wherever it is stored.
    post_votes: Post by post_id, watched by ChangedAtUs as changed_at_us;
    product: Product by id, watched by ChangedAtUs as changed_at_us;
    shop_order: ShopOrder by id for |row| vec![row.user_id];
    stock: Stock by id, watched by ChangedAtUs as changed_at_us;
    wallet: Wallet by id for |row| vec![row.user_id];
}

/// A change that has events to publish.
pub trait Invalidates {
    /// Returns the events to publish after the commit.
    fn events(&self) -> Vec<Event>;
}

impl<T: VersionedRow> Invalidates for T {
    fn events(&self) -> Vec<Event> {
        let (number, version) = (self.id(), self.version());
        vec![Event::invalidated(T::ENTITY, number, version, self.audience())]
    }
}

/// `None` means that nothing changed, so there are no events.
impl<T: Invalidates> Invalidates for Option<T> {
    fn events(&self) -> Vec<Event> {
        self.as_ref().map_or_else(Vec::new, Invalidates::events)
    }
}

impl<T: Invalidates> Invalidates for [T] {
    fn events(&self) -> Vec<Event> {
        self.iter().flat_map(Invalidates::events).collect()
    }
}

impl Invalidates for voting::VoteOutcome {
    fn events(&self) -> Vec<Event> {
        // Karma is public.
        let changed = |&(id, version)| Event::invalidated(EntityType::User, id, version, Audience::Everyone);
        let karma = self.karma.iter().map(changed);
        let votes = self.changed.then_some(&self.votes).into_iter();
        votes.flat_map(Invalidates::events).chain(karma).collect()
    }
}

impl Invalidates for AffectedBalance {
    fn events(&self) -> Vec<Event> {
        match self {
            Self::Wallet(wallet) => wallet.events(),
            Self::Holding(holding) => holding.events(),
        }
    }
}

impl Invalidates for reservation::ReservationEnd {
    fn events(&self) -> Vec<Event> {
        [self.stock.events(), self.order.events()].concat()
    }
}

impl Invalidates for EndedObligations {
    fn events(&self) -> Vec<Event> {
        [
            self.affected.events(),
            self.authorizations.events(),
            self.orders.events(),
        ]
        .concat()
    }
}
