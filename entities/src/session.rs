//! Sign-ins: each a chain of refresh tokens of which only the newest is good. Only digests are kept.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{Condition, ExprTrait};

/// One sign-in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// What access tokens name.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Who signed in.
    pub user_id: i64,
    /// The digest of what all refresh tokens of this session have in common: an outdated one is known by it.
    #[sea_orm(unique)]
    pub family_hash: String,
    /// The digest of the one refresh token that is good.
    pub refresh_hash: String,
    /// When the person signed in, in microseconds since the epoch.
    pub created_at_us: i64,
    /// When the newest tokens were made, in microseconds since the epoch.
    pub used_at_us: i64,
    /// When the refresh token ends, in microseconds since the epoch.
    pub expires_at_us: i64,
    /// When the session was ended, in microseconds since the epoch.
    pub ended_at_us: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The two digests of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Of the part all tokens of one session share.
    pub family: String,
    /// Of the whole token.
    pub token: String,
}

/// Starts a session and answers its id.
///
/// # Errors
/// When the database fails.
pub async fn start(
    tx: &impl ConnectionTrait,
    user_id: i64,
    digests: &Digests,
    now_us: i64,
    expires_at_us: i64,
) -> Result<i64, DbErr> {
    let row = ActiveModel {
        id: NotSet,
        user_id: Set(user_id),
        family_hash: Set(digests.family.clone()),
        refresh_hash: Set(digests.token.clone()),
        created_at_us: Set(now_us),
        used_at_us: Set(now_us),
        expires_at_us: Set(expires_at_us),
        ended_at_us: Set(None),
    };
    Ok(Entity::insert(row).exec(tx).await?.last_insert_id)
}

/// What became of a refresh token that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Used {
    /// It was good, and `next` has taken its place.
    Replaced(Box<Model>),
    /// It was good once: somebody has a copy, so its session is ended now.
    Stolen(Box<Model>),
    /// It belongs to no session that is open.
    Unknown,
}

/// Puts the digest `next` in the place of a good token. One guarded statement: of two uses at once one finds it good.
///
/// # Errors
/// When the database fails.
pub async fn rotate(
    tx: &impl ConnectionTrait,
    token: &Digests,
    next: &Digests,
    now_us: i64,
    expires_at_us: i64,
) -> Result<Used, DbErr> {
    let open = |update: sea_orm::UpdateMany<Entity>| {
        update
            .filter(Column::FamilyHash.eq(&token.family))
            .filter(Column::EndedAtUs.is_null())
            .filter(Column::ExpiresAtUs.gt(now_us))
    };
    let replaced = open(Entity::update_many())
        .col_expr(Column::RefreshHash, Expr::value(&next.token))
        .col_expr(Column::UsedAtUs, Expr::value(now_us))
        .col_expr(Column::ExpiresAtUs, Expr::value(expires_at_us))
        .filter(Column::RefreshHash.eq(&token.token))
        .exec(tx)
        .await?;
    let found = Entity::find()
        .filter(Column::FamilyHash.eq(&token.family))
        .one(tx)
        .await?;
    let Some(found) = found.map(Box::new) else {
        return Ok(Used::Unknown);
    };
    if replaced.rows_affected == 1 {
        return Ok(Used::Replaced(found));
    }
    let ended = open(Entity::update_many())
        .col_expr(Column::EndedAtUs, Expr::value(now_us))
        .exec(tx)
        .await?;
    Ok(match ended.rows_affected {
        1 => Used::Stolen(found),
        _ => Used::Unknown,
    })
}

/// Which of a person's sessions are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// That one.
    Only(i64),
    /// Every one but that.
    AllBut(i64),
}

/// Ends open sessions of a person, and answers the ones that ended.
///
/// # Errors
/// When the database fails.
pub async fn end(tx: &impl ConnectionTrait, user_id: i64, which: Which, now_us: i64) -> Result<Vec<Model>, DbErr> {
    let open = Column::UserId.eq(user_id).and(Column::EndedAtUs.is_null());
    let open = match which {
        Which::All => open,
        Which::Only(id) => open.and(Column::Id.eq(id)),
        Which::AllBut(id) => open.and(Column::Id.ne(id)),
    };
    let ending = Entity::find().filter(open.clone()).all(tx).await?;
    Entity::update_many()
        .col_expr(Column::EndedAtUs, Expr::value(now_us))
        .filter(open)
        .exec(tx)
        .await?;
    Ok(ending)
}

/// Sessions that were ended at `since_us` or later, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn ended_since(db: &impl ConnectionTrait, since_us: i64) -> Result<Vec<Model>, DbErr> {
    use sea_orm::QueryOrder;
    Entity::find()
        .filter(Column::EndedAtUs.gte(since_us))
        .order_by_asc(Column::EndedAtUs)
        .all(db)
        .await
}

/// Deletes up to `rows_max` sessions that were ended, or ran out, before `before_us`; returns how many.
///
/// # Errors
/// When the database fails.
pub async fn sweep(tx: &impl ConnectionTrait, before_us: i64, rows_max: u64) -> Result<u64, DbErr> {
    let over = Condition::any()
        .add(Column::EndedAtUs.lt(before_us))
        .add(Column::ExpiresAtUs.lt(before_us));
    let over = Query::select()
        .column(Column::Id)
        .from(Entity)
        .cond_where(over)
        .limit(rows_max)
        .take();
    let swept = Entity::delete_many()
        .filter(Column::Id.in_subquery(over))
        .exec(tx)
        .await?;
    Ok(swept.rows_affected)
}
