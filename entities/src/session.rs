//! Sessions: each is a chain of refresh tokens of which only the newest is valid. Only digests are stored.

use database::DbConnection;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{Condition, ExprTrait};

/// One session.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// The id that access tokens carry.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The user who signed in.
    pub user_id: i64,
    /// The digest of the part that all refresh tokens of this session share: it identifies outdated ones.
    #[sea_orm(unique)]
    pub family_hash: String,
    /// The digest of the one valid refresh token.
    pub refresh_hash: String,
    /// The time of the sign-in, in microseconds since the epoch.
    pub created_at_us: i64,
    /// When the newest tokens were issued, in microseconds since the epoch.
    pub used_at_us: i64,
    /// When the refresh token expires, in microseconds since the epoch.
    pub expires_at_us: i64,
    /// When the session was ended, in microseconds since the epoch.
    pub ended_at_us: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The two digests of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDigests {
    /// The digest of the part that all tokens of one session share.
    pub family: String,
    /// The digest of the whole token.
    pub token: String,
}

/// Starts a session and returns its id.
pub async fn start(
    tx: &impl DbConnection,
    user_id: i64,
    digests: &TokenDigests,
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

/// The outcome of using a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationOutcome {
    /// The token was valid, and `next` has replaced it.
    Replaced(Box<Model>),
    /// The token is outdated: a copy of it exists, so its session is ended now.
    Reused(Box<Model>),
    /// The token belongs to no open session.
    Unknown,
}

/// Replaces a valid token by the digest `next`. One guarded statement: of two concurrent uses, exactly one finds
/// the token valid.
pub async fn rotate(
    tx: &impl DbConnection,
    token: &TokenDigests,
    next: &TokenDigests,
    now_us: i64,
    expires_at_us: i64,
) -> Result<RotationOutcome, DbErr> {
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
    let found = tx
        .row(Entity::find().filter(Column::FamilyHash.eq(&token.family)))
        .await?;
    let Some(found) = found.map(Box::new) else {
        return Ok(RotationOutcome::Unknown);
    };
    if replaced.rows_affected == 1 {
        return Ok(RotationOutcome::Replaced(found));
    }
    let ended = open(Entity::update_many())
        .col_expr(Column::EndedAtUs, Expr::value(now_us))
        .exec(tx)
        .await?;
    Ok(match ended.rows_affected {
        1 => RotationOutcome::Reused(found),
        _ => RotationOutcome::Unknown,
    })
}

/// A choice of a user's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionSelection {
    /// All sessions.
    All,
    /// The session with this id.
    Only(i64),
    /// All sessions except the one with this id.
    AllBut(i64),
}

/// Ends open sessions of a user, and returns those that ended.
pub async fn end(
    tx: &impl DbConnection,
    user_id: i64,
    which: SessionSelection,
    now_us: i64,
) -> Result<Vec<Model>, DbErr> {
    let open = Column::UserId.eq(user_id).and(Column::EndedAtUs.is_null());
    let open = match which {
        SessionSelection::All => open,
        SessionSelection::Only(id) => open.and(Column::Id.eq(id)),
        SessionSelection::AllBut(id) => open.and(Column::Id.ne(id)),
    };
    let ending = tx.rows(Entity::find().filter(open.clone())).await?;
    Entity::update_many()
        .col_expr(Column::EndedAtUs, Expr::value(now_us))
        .filter(open)
        .exec(tx)
        .await?;
    Ok(ending)
}

/// Returns sessions that were ended at `since_us` or later, oldest first.
pub async fn ended_since(db: &impl DbConnection, since_us: i64) -> Result<Vec<Model>, DbErr> {
    use sea_orm::QueryOrder;
    db.rows(
        Entity::find()
            .filter(Column::EndedAtUs.gte(since_us))
            .order_by_asc(Column::EndedAtUs),
    )
    .await
}

/// Whether there is any session, ended or not.
pub async fn exists(db: &impl DbConnection) -> Result<bool, DbErr> {
    Ok(db.row(Entity::find()).await?.is_some())
}

/// Deletes up to `rows_max` sessions that were ended, or expired, before `before_us`; returns the number deleted.
pub async fn sweep(tx: &impl DbConnection, before_us: i64, rows_max: u64) -> Result<u64, DbErr> {
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
