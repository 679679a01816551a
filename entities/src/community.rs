//! Communities: what posts are made in. One exists once somebody posted in it, and stays.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

/// One community. It never changes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "community")]
pub struct Model {
    /// Says which community came first; never used again.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// As it was first spelled.
    pub name: String,
    /// What makes it unique: [`folded`].
    #[sea_orm(unique)]
    pub name_key: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// What the spellings of one community's name have in common.
pub use crate::case_fold::folded;

/// The community with that name in any case; made if there is none.
///
/// # Errors
/// When the database fails.
pub async fn found_or_made(tx: &impl ConnectionTrait, name: &str) -> Result<Model, DbErr> {
    let name_key = folded(name);
    let new = ActiveModel {
        id: NotSet,
        name: Set(name.to_owned()),
        name_key: Set(name_key.clone()),
    };
    // Insert first: of two that make the same community at once, one does, and both find it.
    Entity::insert(new)
        .on_conflict(OnConflict::column(Column::NameKey).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let found = Entity::find().filter(Column::NameKey.eq(name_key)).one(tx).await?;
    found.ok_or_else(|| DbErr::RecordNotFound("the community just made".to_owned()))
}

/// The communities with these names, each in any case; in no order.
///
/// # Errors
/// When the database fails.
pub async fn named(db: &impl ConnectionTrait, names: &[String]) -> Result<Vec<Model>, DbErr> {
    let keys = names.iter().map(|name| folded(name));
    Entity::find().filter(Column::NameKey.is_in(keys)).all(db).await
}
