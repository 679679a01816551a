//! Batching: many resolvers each ask for one row, and one statement reads all of them.

pub(crate) mod batch;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::Context;
pub use async_graphql::dataloader::Loader as Load;
use entities::KeyedQuery;
use sea_orm::sea_query::FromValueTuple;
use sea_orm::{EntityTrait, Iterable, ModelTrait, PrimaryKeyToColumn, PrimaryKeyTrait};

use crate::{Db, Error, ReadEntity, Result, Services};
use batch::Batches;

/// A key by which a loader reads values.
pub trait LoadKey: Clone + Eq + Hash + Send + Sync + 'static {}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> LoadKey for K {}

/// A loader without a cache: it batches the keys that the resolvers of one request need, and always reads the database.
pub struct Loader<L> {
    pub(crate) load: Arc<L>,
    /// The most keys of a batch.
    pub(crate) keys_max: usize,
}

/// The most keys that one statement asks for.
const BATCH_MAX: usize = 1_000;
/// The most rows with long texts that one statement reads.
const TEXTS_BATCH_MAX: usize = 16;

/// Wraps a batch function for resolvers, which call it by [`load`]. A domain's schema needs the loader as data.
pub fn batch_loader<L>(load: L) -> Loader<L> {
    Loader {
        load: Arc::new(load),
        keys_max: BATCH_MAX,
    }
}

/// Returns the value of that key, if it has one. Batched.
///
/// # Panics
/// When the schema has no loader of that type, or the request is not one of a [`DomainSchema`](crate::DomainSchema).
pub async fn load<L: Load<K, Error = Error>, K: LoadKey>(ctx: &Context<'_>, key: K) -> Result<Option<L::Value>> {
    let (loader, batches) = (ctx.data_unchecked::<Loader<L>>(), ctx.data_unchecked::<Arc<Batches>>());
    batches.load(loader, key).await
}

/// A table whose rows have an integer as their key.
pub trait RowEntity: ReadEntity<Model: Sync, PrimaryKey: PrimaryKeyTrait<ValueType = i64>> {}

impl<E> RowEntity for E where E: ReadEntity<Model: Sync, PrimaryKey: PrimaryKeyTrait<ValueType = i64>> {}

/// Reads rows by id, many at once. It does not check who may see them.
pub struct RowLoader<E: EntityTrait> {
    db: Db,
    /// `None` for a table without a key, which has no loader.
    rows: Option<KeyedQuery<E>>,
    /// The services that expire overdue rows before a read, for tables that need it.
    expiring: Option<Services>,
}

/// Returns the loader that [`load_row`] uses. A domain's schema needs one as data for each table that it reads by id.
pub fn row_loader<E: RowEntity>(db: &Db) -> Loader<RowLoader<E>> {
    batch_loader(RowLoader {
        db: db.clone(),
        rows: by_primary_key(),
        expiring: None,
    })
}

/// Like [`row_loader`], for a table with long texts: only a few of them are in memory before an answer counts them.
pub fn text_row_loader<E: RowEntity>(db: &Db) -> Loader<RowLoader<E>> {
    Loader {
        keys_max: TEXTS_BATCH_MAX,
        ..row_loader(db)
    }
}

/// Like [`row_loader`], for a table that expiry changes: it first expires what is overdue ([`Services::expire_overdue`]),
/// once for each batch.
pub fn current_row_loader<E: RowEntity>(services: &Services) -> Loader<RowLoader<E>> {
    batch_loader(RowLoader {
        db: services.db.clone(),
        rows: by_primary_key(),
        expiring: Some(services.clone()),
    })
}

fn by_primary_key<E: RowEntity>() -> Option<KeyedQuery<E>> {
    let key = E::PrimaryKey::iter().next()?;
    Some(KeyedQuery::new(key.into_column()))
}

impl<E: RowEntity> Load<i64> for RowLoader<E> {
    type Value = E::Model;
    type Error = Error;

    async fn load(&self, ids: &[i64]) -> Result<HashMap<i64, E::Model>> {
        let Some(rows) = &self.rows else {
            return Ok(HashMap::new());
        };
        if let Some(services) = &self.expiring {
            services.expire_overdue().await?;
        }
        let found = rows.find(self.db.read(), ids.iter().copied()).await?;
        let keyed = |row: E::Model| (i64::from_value_tuple(row.get_primary_key_value()), row);
        Ok(found.into_iter().map(keyed).collect())
    }
}

/// Returns the row with that id, if it exists. Batched.
///
/// # Panics
/// When the schema has no [`row_loader`] (or [`current_row_loader`]) of that table.
pub async fn load_row<E: RowEntity>(ctx: &Context<'_>, id: i64) -> Result<Option<E::Model>> {
    load::<RowLoader<E>, _>(ctx, id).await
}
