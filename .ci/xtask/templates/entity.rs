//! The table `__entity__`.

use database::DbConnection;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;

/// One __label__. Its id is never reused.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "__entity__")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The title.
    pub title: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// Adds a row, and returns its id.
pub async fn add(tx: &impl DbConnection, title: String) -> Result<i64, DbErr> {
    let new = ActiveModel {
        id: NotSet,
        title: Set(title),
    };
    Ok(Entity::insert(new).exec(tx).await?.last_insert_id)
}
