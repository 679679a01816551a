//! Batching: many resolvers each ask for one thing, the database is asked once.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::time::Duration;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader as Load, NoCache};
use sea_orm::sea_query::FromValueTuple;
use sea_orm::{ColumnTrait, EntityTrait, Iterable, ModelTrait, PrimaryKeyToColumn, PrimaryKeyTrait, QueryFilter};

use crate::{Db, Error, Result, Services};

/// A loader that never remembers: batching is per tick, truth is always the database's.
pub type Loader<L> = DataLoader<L, NoCache>;

/// How many keys one statement asks for at most.
const BATCH_MAX: usize = 1_000;
/// How many rows with long texts one statement reads at most.
const TEXTS_BATCH_MAX: usize = 16;

/// Wraps a batch function for resolvers.
///
/// The delay is zero: async-graphql's default of 1 ms was 85 % of the latency of a list of 20.
pub fn loader<L: Send + Sync + 'static>(load: L) -> Loader<L> {
    DataLoader::new(load, tokio::spawn)
        .delay(Duration::ZERO)
        .max_batch_size(BATCH_MAX)
}

/// Reads rows by id, many at once; it knows nothing of who may see them.
pub struct Rows<E> {
    db: Db,
    /// Whose due is settled before rows are read.
    due: Option<Services>,
    of: PhantomData<fn() -> E>,
}

/// What [`row`] reads with: a domain's schema needs one as data for each table it is asked for.
pub fn rows<E: 'static>(db: &Db) -> Loader<Rows<E>> {
    loader(Rows {
        db: db.clone(),
        due: None,
        of: PhantomData,
    })
}

/// As [`rows`], of a table with long texts: a few of them are in memory before an answer counts them.
pub fn rows_of_texts<E: 'static>(db: &Db) -> Loader<Rows<E>> {
    rows(db).max_batch_size(TEXTS_BATCH_MAX)
}

/// As [`rows`], of a table that expiries change: what is due is settled first ([`Services::settle_due`]), once for all
/// that are asked for together.
pub fn settled_rows<E: 'static>(services: &Services) -> Loader<Rows<E>> {
    loader(Rows {
        db: services.db.clone(),
        due: Some(services.clone()),
        of: PhantomData,
    })
}

impl<E> Load<i64> for Rows<E>
where
    E: EntityTrait<Model: Sync, PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
{
    type Value = E::Model;
    type Error = Error;

    async fn load(&self, ids: &[i64]) -> Result<HashMap<i64, E::Model>> {
        let Some(id) = E::PrimaryKey::iter().next() else {
            return Ok(HashMap::new());
        };
        if let Some(services) = &self.due {
            services.settle_due().await?;
        }
        let asked = id.into_column().is_in(ids.iter().copied());
        let found = E::find().filter(asked).all(self.db.read()).await?;
        let keyed = |row: E::Model| (i64::from_value_tuple(row.get_primary_key_value()), row);
        Ok(found.into_iter().map(keyed).collect())
    }
}

/// The row with that id, if there is one. Batched.
///
/// # Errors
/// When the database fails.
///
/// # Panics
/// When the schema has no [`rows`] (or [`settled_rows`]) of that table.
pub async fn row<E>(ctx: &Context<'_>, id: i64) -> Result<Option<E::Model>>
where
    E: EntityTrait<Model: Sync, PrimaryKey: PrimaryKeyTrait<ValueType = i64>>,
{
    ctx.data_unchecked::<Loader<Rows<E>>>().load_one(id).await
}
