//! Posts in communities.

use database::DbConnection;
use sea_orm::ActiveValue::NotSet;
use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel, QueryOrder, QuerySelect, Select};

use crate::community::{self, case_fold};
use crate::{KeyedQuery, ListQuery, ListedRows, post_votes, sql};

/// One post. Its id is never reused. A post changes only when it is deleted or when its author's name is erased.
/// The version that rises with every change visible in the API is the version of its votes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "post")]
pub struct Model {
    /// The post's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The title.
    pub title: String,
    /// The name of its community, in its first spelling.
    pub community: String,
    /// The case-insensitive key of the community's name ([`case_fold`]).
    pub community_key: String,
    /// The name it was posted under.
    pub username: String,
    /// The active user who had that name; `None` where a program gave another name.
    pub author_id: Option<i64>,
    /// The post's date, in microseconds since the epoch.
    pub at_us: i64,
    /// The URL of the page that the post is about.
    pub url: Option<String>,
    /// The text.
    pub text: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// The attributes of a new post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPost {
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
    /// The name of its community, in any case.
    pub community: String,
    /// The URL of the page that the post is about.
    pub url: Option<String>,
    /// The name it is posted under.
    pub username: String,
    /// The user who has that name.
    pub author_id: Option<i64>,
    /// The post's date, in microseconds since the epoch.
    pub at_us: i64,
}

/// Adds a post without votes, and its community if it is the first post there. Returns the post and the version to
/// publish.
pub async fn add(tx: &impl DbConnection, post: NewPost, now_us: i64) -> Result<(Model, i64), DbErr> {
    let community = community::find_or_create(tx, &post.community).await?;
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

/// Deletes a post and its votes. Returns the version to publish, or `None` when no such post exists. Its community
/// stays.
pub async fn remove(tx: &impl DbConnection, id: i64, now_us: i64) -> Result<Option<i64>, DbErr> {
    match Entity::delete_by_id(id).exec(tx).await?.rows_affected {
        0 => Ok(None),
        _ => Ok(Some(post_votes::forget(tx, id, now_us).await?.version)),
    }
}

/// Changes the username shown on all posts of a user.
pub async fn rename_author(tx: &impl DbConnection, author: i64, username: &str) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Username, username.into())
        .filter(Column::AuthorId.eq(author))
        .exec(tx)
        .await?;
    Ok(())
}

/// Selects the posts in a community, given by its name in any case, or in all communities.
pub fn posted_in(community: Option<&str>) -> Select<Entity> {
    in_community(community.map(case_fold).as_deref())
}

/// Selects the posts of a user.
pub fn posted_by(author: i64) -> Select<Entity> {
    Entity::find().filter(Column::AuthorId.eq(author))
}

/// Lists posts with their text, or without it as [`without_text`].
pub struct PostLists {
    /// All posts.
    pub all: ListQuery<Entity>,
    /// The posts of the community with that key.
    pub in_community: ListQuery<Entity>,
    /// The posts of that user.
    pub by_author: ListQuery<Entity>,
}

/// The lists with texts.
pub static LISTS: PostLists = PostLists {
    all: ListQuery::new(|| posted_in(None)),
    in_community: ListQuery::new(|| posted_in(Some(""))),
    by_author: ListQuery::new(|| posted_by(0)),
};

/// The lists without texts.
pub static LISTS_WITHOUT_TEXT: PostLists = PostLists {
    all: ListQuery::new(|| without_text(posted_in(None))),
    in_community: ListQuery::new(|| without_text(posted_in(Some("")))),
    by_author: ListQuery::new(|| without_text(posted_by(0))),
};

impl PostLists {
    /// The posts in a community, given by its name in any case, or in all communities.
    pub fn posted_in(&'static self, community: Option<&str>) -> ListedRows<Entity> {
        match community {
            Some(name) => self.in_community.of(case_fold(name)),
            None => self.all.all(),
        }
    }
}

/// Posts by id, without their text.
pub static WITHOUT_TEXT_BY_ID: KeyedQuery<Entity> = KeyedQuery::of(|| without_text(Entity::find()), Column::Id);

/// Selects the same posts without their text, which may be long and which lists rarely show.
pub fn without_text(posts: Select<Entity>) -> Select<Entity> {
    sql::without_text(posts, Column::Text)
}

/// Returns the id of the newest post in the community with that key, or in all; 0 when there is none.
pub async fn newest_id(db: &impl DbConnection, community_key: Option<&str>) -> Result<i64, DbErr> {
    let newest: Option<Option<i64>> = in_community(community_key)
        .select_only()
        .column_as(Column::Id.max(), "newest")
        .into_tuple()
        .one(db)
        .await?;
    Ok(newest.flatten().unwrap_or(0))
}

/// Selects the posts that were added after the post `id` in the community with that key, or in all; ordered by id,
/// not by date.
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
