//! Authorizations: money or shares that an investor lends to one broker, until they are used, revoked or over.
//!
//! What is left of an open one lies in the bucket `lent` of the investor's wallet or holding; [`crate::lending`] moves both.

use sea_orm::QueryOrder;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::failed::{Failed, Refusal};
use crate::sql;

/// One authorization. It is open until it is revoked or its end was carried out.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "broker_authorization")]
pub struct Model {
    /// The authorization's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// `CAPITAL` or `STOCK_HOLDING`.
    pub kind: String,
    /// Who lends.
    pub investor_id: i64,
    /// Who may use it.
    pub broker_id: i64,
    /// Whose shares they are: the investor's holding; of shares only.
    pub holding_id: Option<i64>,
    /// The holding's stock; of shares only.
    pub stock_id: Option<i64>,
    /// The ISO 4217 currency code; of money only.
    pub currency: Option<String>,
    /// What was ever put in: minor units or shares.
    pub granted: i64,
    /// What is left to use: minor units or shares.
    pub remaining: i64,
    /// What went back to the investor when it ended.
    pub given_back: i64,
    /// What the broker takes of a trade at most, in hundredths of a percent: what the investor saw when granting.
    pub fee_basis_points: i64,
    /// From when it holds, in microseconds since the epoch.
    pub starts_at_us: i64,
    /// When it is over, in microseconds since the epoch.
    pub ends_at_us: i64,
    /// `REVOKED`, `EXPIRED` or `LEFT`.
    pub ended_by: Option<String>,
    /// When it ended, in microseconds since the epoch.
    pub ended_at_us: Option<i64>,
    /// When it was first granted, in microseconds since the epoch.
    pub granted_at_us: i64,
    /// Rises by one with every change.
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Whether it was neither revoked nor carried out as over: it lends something, or can be raised. It may not have begun.
    pub fn is_open(&self) -> bool {
        self.ended_at_us.is_none()
    }

    /// What the broker takes of a trade under it, in hundredths of a percent, whose fee is `current` now. A fee that rose
    /// after the grant was agreed to by nobody.
    pub fn fee(&self, current: i64) -> i64 {
        self.fee_basis_points.min(current)
    }

    /// Whether it can be used at that moment: begun, not over, not revoked.
    pub fn in_force(&self, now_us: i64) -> bool {
        self.ended_at_us.is_none() && self.starts_at_us <= now_us && now_us < self.ends_at_us
    }
}

/// What is lent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lent {
    /// Money, in this ISO 4217 currency.
    Capital(String),
    /// Shares of a holding of that stock.
    Shares {
        /// The investor's holding.
        holding_id: i64,
        /// Its stock.
        stock_id: i64,
    },
}

impl Lent {
    /// The word in the database.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Capital(_) => "CAPITAL",
            Self::Shares { .. } => "STOCK_HOLDING",
        }
    }
}

/// What is granted, or added to what was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What is lent.
    pub lent: Lent,
    /// Who lends.
    pub investor_id: i64,
    /// To whom.
    pub broker_id: i64,
    /// How much: minor units or shares, above zero.
    pub amount: i64,
    /// From when, in microseconds since the epoch.
    pub starts_at_us: i64,
    /// Until when.
    pub ends_at_us: i64,
    /// What the broker may take of a trade, in hundredths of a percent.
    pub fee_basis_points: i64,
}

/// Who adds to what is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The investor, who may let it begin earlier, and agrees to the fee as it is now.
    Investor,
    /// A trade of the broker's, which changes neither, unless the fee is a lower one.
    Trade,
}

/// How an authorization ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The investor took it back.
    Revoked,
    /// Its time was over.
    Expired,
    /// One of the two left.
    Left,
}

impl End {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "REVOKED",
            Self::Expired => "EXPIRED",
            Self::Left => "LEFT",
        }
    }
}

/// On which side of an authorization somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// They lend.
    Investor,
    /// They may use what is lent.
    Broker,
}

/// Somebody's authorizations on that side: all, or those that are open (or have ended).
pub fn of(user_id: i64, side: Side, open: Option<bool>) -> Select<Entity> {
    let column = match side {
        Side::Investor => Column::InvestorId,
        Side::Broker => Column::BrokerId,
    };
    let theirs = Entity::find().filter(column.eq(user_id));
    match open {
        None => theirs,
        Some(true) => theirs.filter(Column::EndedAtUs.is_null()),
        Some(false) => theirs.filter(Column::EndedAtUs.is_not_null()),
    }
}

/// Records a grant: raises the open authorization of the same kind (and holding) between the two, or makes one. A
/// raised one ends at the later of the two moments; what else of it changes depends on who adds to it.
///
/// # Errors
/// When the database fails.
pub async fn raise(tx: &impl ConnectionTrait, grant: &Grant, by: By, now_us: i64) -> Result<Raised, DbErr> {
    let (holding, stock, currency) = match &grant.lent {
        Lent::Capital(currency) => (None, None, Some(currency.as_str())),
        Lent::Shares { holding_id, stock_id } => (Some(*holding_id), Some(*stock_id), None),
    };
    let raise = "UPDATE broker_authorization SET granted = granted + $1, remaining = remaining + $1, version = version + 1,
             ends_at_us = CASE WHEN ends_at_us < $2 THEN $2 ELSE ends_at_us END,
             starts_at_us = CASE WHEN $9 AND starts_at_us > $3 THEN $3 ELSE starts_at_us END,
             fee_basis_points = CASE WHEN $9 OR fee_basis_points > $10 THEN $10 ELSE fee_basis_points END
         WHERE investor_id = $4 AND broker_id = $5 AND kind = $6 AND coalesce(holding_id, 0) = $7 AND ended_at_us IS NULL
             AND coalesce(currency, '') = $8
         RETURNING *";
    let values = [
        grant.amount.into(),
        grant.ends_at_us.into(),
        grant.starts_at_us.into(),
        grant.investor_id.into(),
        grant.broker_id.into(),
        grant.lent.kind().into(),
        holding.unwrap_or(0).into(),
        currency.unwrap_or_default().into(),
        (by == By::Investor).into(),
        grant.fee_basis_points.into(),
    ];
    if let Some(authorization) = sql::changed(tx, raise, values).await? {
        return Ok(Raised {
            authorization,
            created: false,
        });
    }
    let make = "INSERT INTO broker_authorization (kind, investor_id, broker_id, holding_id, stock_id, currency, granted, remaining,
             starts_at_us, ends_at_us, granted_at_us, fee_basis_points, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, 1) RETURNING *";
    let values = [
        grant.lent.kind().into(),
        grant.investor_id.into(),
        grant.broker_id.into(),
        holding.into(),
        stock.into(),
        currency.into(),
        grant.amount.into(),
        grant.starts_at_us.into(),
        grant.ends_at_us.into(),
        now_us.into(),
        grant.fee_basis_points.into(),
    ];
    Ok(Raised {
        authorization: sql::made(tx, make, values).await?,
        created: true,
    })
}

/// A granted authorization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// As it is now.
    pub authorization: Model,
    /// Whether it is new, or was raised.
    pub created: bool,
}

/// Takes from what a broker may use. The bucket `lent` is the caller's.
///
/// # Errors
/// [`Refusal::AuthorizationNotInForce`], [`Refusal::InsufficientAuthorization`], or when the database fails.
pub async fn spend(tx: &impl ConnectionTrait, id: i64, amount: i64, now_us: i64) -> Result<Model, Failed> {
    let sql = "UPDATE broker_authorization SET remaining = remaining - $1, version = version + 1
         WHERE id = $2 AND ended_at_us IS NULL AND starts_at_us <= $3 AND ends_at_us > $3 AND remaining >= $1 RETURNING *";
    let spent = sql::changed(tx, sql, [amount.into(), id.into(), now_us.into()]).await?;
    if let Some(authorization) = spent {
        return Ok(authorization);
    }
    let now: Option<Model> = Entity::find_by_id(id).one(tx).await?;
    Err(match now.is_some_and(|authorization| authorization.in_force(now_us)) {
        true => Refusal::InsufficientAuthorization,
        false => Refusal::AuthorizationNotInForce,
    }
    .into())
}

/// Ends an open authorization: nothing is left of it, `given_back` says what was. `None` when it had ended.
///
/// # Errors
/// When the database fails.
pub async fn end(tx: &impl ConnectionTrait, id: i64, end: End, now_us: i64) -> Result<Option<Model>, DbErr> {
    let sql = "UPDATE broker_authorization SET given_back = remaining, remaining = 0, ended_by = $1, ended_at_us = $2,
             version = version + 1
         WHERE id = $3 AND ended_at_us IS NULL RETURNING *";
    sql::changed(tx, sql, [end.as_str().into(), now_us.into(), id.into()]).await
}

/// Open authorizations whose time is over, the first to end first.
///
/// # Errors
/// When the database fails.
pub async fn due(db: &impl ConnectionTrait, now_us: i64, limit: u64) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::EndedAtUs.is_null())
        .filter(Column::EndsAtUs.lte(now_us))
        .order_by_asc(Column::EndsAtUs)
        .limit(limit)
        .all(db)
        .await
}
