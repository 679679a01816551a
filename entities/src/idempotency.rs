//! Idempotency keys with the answer of their first use.

use database::DbConnection;
use sea_orm::ActiveValue::Set;
use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, Query};

/// One used key.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// The scope of the key: its owner.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// The key as the caller sent it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// A digest of the request it came with.
    pub fingerprint: String,
    /// The answer, as JSON.
    pub answer: String,
    /// The time of use, in microseconds since the epoch.
    pub used_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The recorded use of a key.
#[derive(Clone, Debug)]
pub struct RecordedUse {
    /// The digest of the request.
    pub fingerprint: String,
    /// The answer, as JSON.
    pub answer: String,
}

/// Returns the recorded use of `key` in `scope`, if it was used.
pub async fn find(db: &impl DbConnection, scope: &str, key: &str) -> Result<Option<RecordedUse>, DbErr> {
    let row = db.row(Entity::find_by_id((scope.to_owned(), key.to_owned()))).await?;
    Ok(row.map(|row| RecordedUse {
        fingerprint: row.fingerprint,
        answer: row.answer,
    }))
}

/// Records the use of `key`, in the transaction of its effect.
pub async fn record(
    tx: &impl DbConnection,
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
    Ok(())
}

/// Deletes up to `rows_max` keys that were used before `before_us`; returns the number deleted.
pub async fn sweep(tx: &impl DbConnection, before_us: i64, rows_max: u64) -> Result<u64, DbErr> {
    let over = Query::select()
        .columns([Column::Scope, Column::Key])
        .from(Entity)
        .and_where(Column::UsedAtUs.lt(before_us))
        .limit(rows_max)
        .take();
    let key = Expr::tuple([Expr::col(Column::Scope), Expr::col(Column::Key)]);
    let swept = Entity::delete_many().filter(key.in_subquery(over)).exec(tx).await?;
    Ok(swept.rows_affected)
}
