//! Idempotency keys with the answer their first use had.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QuerySelect};

/// Keys are kept this long: 48 hours, twice what CONTRACTS 7 promises.
const KEPT_US: i64 = 48 * 3600 * 1_000_000;
/// How many outlived keys one new key sweeps away: more than one, so that the table shrinks; few, so that no write is long.
const SWEPT_PER_KEY: u64 = 8;

/// One used key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// Whose key it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// The key as the caller sent it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// A digest of the request it came with.
    pub fingerprint: String,
    /// What was answered, as JSON.
    pub answer: String,
    /// When, in microseconds since the epoch.
    pub used_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a key was used for.
#[derive(Clone, Debug)]
pub struct Found {
    /// The digest of the request.
    pub fingerprint: String,
    /// What was answered, as JSON.
    pub answer: String,
}

/// What `key` was used for in `scope`, if it was.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &impl ConnectionTrait, scope: &str, key: &str) -> Result<Option<Found>, DbErr> {
    let row = Entity::find_by_id((scope.to_owned(), key.to_owned())).one(db).await?;
    Ok(row.map(|row| Found {
        fingerprint: row.fingerprint,
        answer: row.answer,
    }))
}

/// Keeps what `key` was used for, in the transaction of its effect, and sweeps a few outlived keys away.
///
/// # Errors
/// When the database fails.
pub async fn remember(
    tx: &impl ConnectionTrait,
    scope: &str,
    key: &str,
    fingerprint: &str,
    answer: &str,
    now_us: i64,
) -> Result<(), DbErr> {
    let used = ActiveModel {
        scope: Set(scope.to_owned()),
        key: Set(key.to_owned()),
        fingerprint: Set(fingerprint.to_owned()),
        answer: Set(answer.to_owned()),
        used_at_us: Set(now_us),
    };
    Entity::insert(used).exec_without_returning(tx).await?;
    let outlived = Entity::find()
        .filter(Column::UsedAtUs.lt(now_us - KEPT_US))
        .limit(SWEPT_PER_KEY)
        .all(tx)
        .await?;
    for row in outlived {
        row.delete(tx).await?;
    }
    Ok(())
}
