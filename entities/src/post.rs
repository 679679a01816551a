//! Posts in communities.

use sea_orm::ActiveValue::NotSet;
use sea_orm::entity::prelude::*;
use sea_orm::{IdenStatic, IntoActiveModel, Iterable, QueryOrder, QuerySelect, Select};

use crate::community::{self, folded};
use crate::post_votes;

/// One post. Its id is never used again. It never changes, except that it is deleted and that an erased author's name goes;
/// what rises with every change that the API tells of is the version of its votes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "post")]
pub struct Model {
    /// The post's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The title.
    pub title: String,
    /// The name of its community, as that was first spelled.
    pub community: String,
    /// What makes the community's name unique: [`folded`].
    pub community_key: String,
    /// The name it was posted under.
    pub username: String,
    /// The person who had that name and was active; none where a program named somebody else.
    pub author_id: Option<i64>,
    /// The post's date, in microseconds since the epoch.
    pub at_us: i64,
    /// What it is about, elsewhere.
    pub url: Option<String>,
    /// What it says.
    pub text: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a post is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPost {
    /// The title.
    pub title: String,
    /// What it says.
    pub text: String,
    /// The name of its community, in any case.
    pub community: String,
    /// What it is about, elsewhere.
    pub url: Option<String>,
    /// The name it is posted under.
    pub username: String,
    /// The person who has that name.
    pub author_id: Option<i64>,
    /// The post's date, in microseconds since the epoch.
    pub at_us: i64,
}

/// Adds a post, with no votes, and its community if it is the first in it; answers the version to publish with it, too.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &impl ConnectionTrait, post: NewPost, now_us: i64) -> Result<(Model, i64), DbErr> {
    let community = community::found_or_made(tx, &post.community).await?;
    let mut added = Model {
        id: 0,
        title: post.title,
        community: community.name,
        community_key: community.name_key,
        username: post.username,
        author_id: post.author_id,
        at_us: post.at_us,
        url: post.url,
        text: post.text,
    };
    let mut row = added.clone().into_active_model();
    row.id = NotSet;
    added.id = Entity::insert(row).exec(tx).await?.last_insert_id;
    let votes = post_votes::begin(tx, added.id, &added.community_key, now_us).await?;
    Ok((added, votes.version))
}

/// Deletes a post and its votes; answers the version to publish, or `None` when there is no such post. Its community stays.
///
/// # Errors
/// When the database fails.
pub async fn remove(tx: &impl ConnectionTrait, id: i64, now_us: i64) -> Result<Option<i64>, DbErr> {
    match Entity::delete_by_id(id).exec(tx).await?.rows_affected {
        0 => Ok(None),
        _ => Ok(Some(post_votes::forget(tx, id, now_us).await?.version)),
    }
}

/// Shows all posts of a person under another name.
///
/// # Errors
/// When the database fails.
pub async fn rename_author(tx: &impl ConnectionTrait, author: i64, username: &str) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Username, username.into())
        .filter(Column::AuthorId.eq(author))
        .exec(tx)
        .await?;
    Ok(())
}

/// The posts in a community, its name in any case; or in all.
pub fn posted_in(community: Option<&str>) -> Select<Entity> {
    in_community(community.map(folded).as_deref())
}

/// The posts of a person.
pub fn posted_by(author: i64) -> Select<Entity> {
    Entity::find().filter(Column::AuthorId.eq(author))
}

/// The same posts without what they say, which may be long: a list rarely shows it.
pub fn without_text(posts: Select<Entity>) -> Select<Entity> {
    let short = Column::iter().filter(|column| !matches!(column, Column::Text));
    posts
        .select_only()
        .columns(short)
        .column_as(Expr::value(""), Column::Text.as_str())
}

/// The id of the newest post in the community with that key, or in all; 0 when there is none.
///
/// # Errors
/// When the database fails.
pub async fn newest_id(db: &impl ConnectionTrait, community_key: Option<&str>) -> Result<i64, DbErr> {
    let newest: Option<Option<i64>> = in_community(community_key)
        .select_only()
        .column_as(Column::Id.max(), "newest")
        .into_tuple()
        .one(db)
        .await?;
    Ok(newest.flatten().unwrap_or(0))
}

/// What was posted after the post `id` in the community with that key, or in all; in that order, whatever their dates.
pub fn posted_after(community_key: Option<&str>, id: i64) -> Select<Entity> {
    in_community(community_key)
        .filter(Column::Id.gt(id))
        .order_by_asc(Column::Id)
}

fn in_community(key: Option<&str>) -> Select<Entity> {
    match key {
        Some(key) => Entity::find().filter(Column::CommunityKey.eq(key)),
        None => Entity::find(),
    }
}
