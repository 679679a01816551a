//! The addresses that users signed in from: the right password from one of them is always accepted.

use database::DbConnection;
use sea_orm::ActiveValue::Set;
use sea_orm::Order;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query};
use sha2::{Digest, Sha256};

/// An address that a user signed in from. Only a digest is stored.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_address")]
pub struct Model {
    /// The user's account.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: i64,
    /// A digest of the account and the address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address_hash: String,
    /// When the user last signed in from there, in microseconds since the epoch.
    pub used_at_us: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Records that the user signed in from `address`, and keeps their latest `rows_max` addresses.
pub async fn record(
    tx: &impl DbConnection,
    account_id: i64,
    address: &str,
    now_us: i64,
    rows_max: u64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        account_id: Set(account_id),
        address_hash: Set(hash(account_id, address)),
        used_at_us: Set(now_us),
    };
    let used_again = OnConflict::columns([Column::AccountId, Column::AddressHash])
        .update_column(Column::UsedAtUs)
        .to_owned();
    Entity::insert(row)
        .on_conflict(used_again)
        .exec_without_returning(tx)
        .await?;
    let latest = Query::select()
        .column(Column::AddressHash)
        .from(Entity)
        .and_where(Column::AccountId.eq(account_id))
        .order_by(Column::UsedAtUs, Order::Desc)
        .limit(rows_max)
        .take();
    Entity::delete_many()
        .filter(Column::AccountId.eq(account_id))
        .filter(Column::AddressHash.not_in_subquery(latest))
        .exec(tx)
        .await?;
    Ok(())
}

/// Whether the user signed in from `address` before.
pub async fn is_known(db: &impl DbConnection, account_id: i64, address: &str) -> Result<bool, DbErr> {
    let key = (account_id, hash(account_id, address));
    Ok(db.row(Entity::find_by_id(key)).await?.is_some())
}

/// Deletes the addresses that the user signed in from.
pub(crate) async fn forget(tx: &impl DbConnection, account_id: i64) -> Result<(), DbErr> {
    let gone = Entity::delete_many().filter(Column::AccountId.eq(account_id));
    gone.exec(tx).await?;
    Ok(())
}

fn hash(account_id: i64, address: &str) -> String {
    let digest = Sha256::digest(format!("{account_id} {address}"));
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
