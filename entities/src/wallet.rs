//! Wallets: a user's money in one currency, in four buckets. [`crate::ledger`] moves it.

use database::DbConnection;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{KeyedQuery, sql};

/// A user's money in one currency. Each bucket is the sum of its ledger entries and never below zero.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "wallet")]
pub struct Model {
    /// The wallet's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The owner of the money.
    pub user_id: i64,
    /// The ISO 4217 currency code.
    pub currency: String,
    /// The free amount, in minor units.
    pub balance_minor: i64,
    /// The amount set aside for brokers, but not lent yet.
    pub committed_minor: i64,
    /// The amount lent to brokers: the sum of the remaining amounts of the open capital authorizations.
    pub lent_minor: i64,
    /// The amount reserved for automated orders: the sum of the pending holds.
    pub held_minor: i64,
    /// Rises by one with every ledger transaction.
    pub version: i64,
    /// When it was opened, in microseconds since the epoch.
    pub opened_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Returns a user's wallet in that currency, if it exists.
pub async fn find(db: &impl DbConnection, user_id: i64, currency: &str) -> Result<Option<Model>, DbErr> {
    db.row(
        Entity::find()
            .filter(Column::UserId.eq(user_id))
            .filter(Column::Currency.eq(currency)),
    )
    .await
}

/// Opens an empty wallet in that currency for a user; leaves an existing one unchanged.
///
/// # Errors
/// When the database fails, and when no such user exists.
pub async fn open(tx: &impl DbConnection, user_id: i64, currency: &str, now_us: i64) -> Result<(), DbErr> {
    let open = "INSERT INTO wallet (user_id, currency, version, opened_at_us) VALUES ($1, $2, 0, $3)
         ON CONFLICT (user_id, currency) DO NOTHING";
    sql::execute(tx, open, [user_id.into(), currency.into(), now_us.into()]).await?;
    Ok(())
}

/// Returns the wallets of those users, the oldest first.
pub async fn for_users(db: &impl DbConnection, people: &[i64]) -> Result<Vec<Model>, DbErr> {
    static BY_USER: KeyedQuery<Entity> = KeyedQuery::of(|| Entity::find().order_by_asc(Column::Id), Column::UserId);
    BY_USER.find(db, people.iter().copied()).await
}
