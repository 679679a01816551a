//! Batching: many resolvers each ask for one row, and one statement reads all of them.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::time::Duration;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader as Load, NoCache};
use entities::is_among;
use sea_orm::sea_query::FromValueTuple;
use sea_orm::{Iterable, ModelTrait, PrimaryKeyToColumn, PrimaryKeyTrait, QueryFilter};

use crate::{Db, Error, ReadEntity, Result, Services};

/// A loader without a cache: it batches the requests of one tick and always reads the database.
pub type Loader<L> = DataLoader<L, NoCache>;

/// The most keys that one statement asks for.
const BATCH_MAX: usize = 1_000;
/// The most rows with long texts that one statement reads.
const TEXTS_BATCH_MAX: usize = 16;

/// Wraps a batch function for resolvers.
///
/// The delay is zero: async-graphql's default of 1 ms was 85 % of the latency of a list of 20.
pub fn batch_loader<L: Send + Sync + 'static>(function: L) -> Loader<L> {
    DataLoader::new(function, tokio::spawn)
        .delay(Duration::ZERO)
        .max_batch_size(BATCH_MAX)
}

/// Reads rows by id, many at once. It does not check who may see them.
pub struct RowLoader<E> {
    db: Db,
    /// The services that expire overdue rows before a read, for tables that need it.
    expiring: Option<Services>,
    of: PhantomData<fn() -> E>,
}

/// Returns the loader that [`load_row`] uses. A domain's schema needs one as data for each table that it reads by id.
pub fn row_loader<E: 'static>(db: &Db) -> Loader<RowLoader<E>> {
    batch_loader(RowLoader {
        db: db.clone(),
        expiring: None,
        of: PhantomData,
    })
}

/// Like [`row_loader`], for a table with long texts: only a few of them are in memory before an answer counts them.
pub fn text_row_loader<E: 'static>(db: &Db) -> Loader<RowLoader<E>> {
    row_loader(db).max_batch_size(TEXTS_BATCH_MAX)
}

/// Like [`row_loader`], for a table that expiry changes: it first expires what is overdue ([`Services::expire_overdue`]),
/// once for each batch.
pub fn current_row_loader<E: 'static>(services: &Services) -> Loader<RowLoader<E>> {
    batch_loader(RowLoader {
        db: services.db.clone(),
        expiring: Some(services.clone()),
        of: PhantomData,
    })
}

impl<E> Load<i64> for RowLoader<E>
where
    E: ReadEntity<Model: Sync, PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
{
    type Value = E::Model;
    type Error = Error;

    async fn load(&self, ids: &[i64]) -> Result<HashMap<i64, E::Model>> {
        let Some(id) = E::PrimaryKey::iter().next() else {
            return Ok(HashMap::new());
        };
        if let Some(services) = &self.expiring {
            services.expire_overdue().await?;
        }
        let asked = is_among(id.into_column(), ids.iter().copied());
        let found = self.db.read().rows(E::find().filter(asked)).await?;
        let keyed = |row: E::Model| (i64::from_value_tuple(row.get_primary_key_value()), row);
        Ok(found.into_iter().map(keyed).collect())
    }
}

/// Returns the row with that id, if it exists. Batched.
///
/// # Panics
/// When the schema has no [`row_loader`] (or [`current_row_loader`]) of that table.
pub async fn load_row<E>(ctx: &Context<'_>, id: i64) -> Result<Option<E::Model>>
where
    E: ReadEntity<Model: Sync, PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
{
    ctx.data_unchecked::<Loader<RowLoader<E>>>().load_one(id).await
}
