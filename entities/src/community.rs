//! Communities, which posts belong to. The first post in a community creates it, and it stays.

use database::DbConnection;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::KeyedQuery;

/// One community. It never changes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "community")]
pub struct Model {
    /// Gives the order in which communities were created; never reused.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The name as it was first spelled.
    pub name: String,
    /// The case-insensitive key of the name ([`case_fold`]), which is unique.
    #[sea_orm(unique)]
    pub name_key: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// Returns the case-insensitive key of a community's name.
pub use crate::case_fold::case_fold;

/// Returns the community with that name in any case; creates it if it is missing.
pub async fn find_or_create(tx: &impl DbConnection, name: &str) -> Result<Model, DbErr> {
    let name_key = case_fold(name);
    let new = ActiveModel {
        id: NotSet,
        name: Set(name.to_owned()),
        name_key: Set(name_key.clone()),
    };
    // Insert first: of two transactions that create the same community at once, one succeeds, and both find it.
    Entity::insert(new)
        .on_conflict(OnConflict::column(Column::NameKey).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let found = tx.row(Entity::find().filter(Column::NameKey.eq(name_key))).await?;
    found.ok_or_else(|| DbErr::RecordNotFound("the community just made".to_owned()))
}

/// Returns the communities with these names, each in any case; in no particular order.
pub async fn by_names(db: &impl DbConnection, names: &[String]) -> Result<Vec<Model>, DbErr> {
    static BY_NAME: KeyedQuery<Entity> = KeyedQuery::new(Column::NameKey);
    BY_NAME.find(db, names.iter().map(|name| case_fold(name))).await
}
