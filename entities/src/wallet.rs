//! Wallets: somebody's money in one currency, in four buckets. What moves it is in [`crate::ledger`].

use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::sql;

/// Somebody's money in one currency. Each bucket is the sum of its ledger entries and never below zero.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "wallet")]
pub struct Model {
    /// The wallet's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Whose money it is.
    pub user_id: i64,
    /// The ISO 4217 currency code.
    pub currency: String,
    /// What is free to use, in minor units.
    pub balance_minor: i64,
    /// What is set aside for brokers and lent to none of them.
    pub committed_minor: i64,
    /// What is lent to brokers: the sum of what is left of the open capital authorizations.
    pub lent_minor: i64,
    /// What covers automated orders: the sum of the pending holds.
    pub held_minor: i64,
    /// Rises by one with every movement.
    pub version: i64,
    /// When it was opened, in microseconds since the epoch.
    pub opened_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Somebody's wallet in that currency, if anything ever moved in it.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &impl ConnectionTrait, user_id: i64, currency: &str) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.eq(user_id))
        .filter(Column::Currency.eq(currency))
        .one(db)
        .await
}

/// Opens somebody's wallet in that currency, empty; leaves one that is there as it is.
///
/// # Errors
/// When the database fails, and when there is no such person.
pub async fn open(tx: &impl ConnectionTrait, user_id: i64, currency: &str, now_us: i64) -> Result<(), DbErr> {
    let open = "INSERT INTO wallet (user_id, currency, version, opened_at_us) VALUES ($1, $2, 0, $3)
         ON CONFLICT (user_id, currency) DO NOTHING";
    sql::count(tx, open, [user_id.into(), currency.into(), now_us.into()]).await?;
    Ok(())
}

/// The wallets of those people, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_people(db: &impl ConnectionTrait, people: &[i64]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.is_in(people.iter().copied()))
        .order_by_asc(Column::Id)
        .all(db)
        .await
}
