//! Authorizations: money or shares that an investor lends to one broker, until they are used, revoked or expired.
//!
//! The remaining amount of an open authorization is in the bucket `lent` of the investor's wallet or holding;
//! [`crate::lending`] moves both.

use database::DbConnection;
use sea_orm::QueryOrder;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{EntityError, Violation};
use crate::fee_terms::{FeePart, FeeTerms};
use crate::sql;
use crate::text_enum::text_enum;

/// One authorization. It is open until it is revoked, its expiry is processed, or an account is closed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "broker_authorization")]
pub struct Model {
    /// The authorization's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The kind of asset that is lent.
    pub kind: AuthorizationKind,
    /// The user who lends.
    pub investor_id: i64,
    /// The broker who may use it.
    pub broker_id: i64,
    /// The investor's holding that the shares belong to; of shares only.
    pub holding_id: Option<i64>,
    /// The holding's stock; of shares only.
    pub stock_id: Option<i64>,
    /// The ISO 4217 currency code; of money only.
    pub currency: Option<String>,
    /// The sum of the grant and all increases, as far as 64 bits can count it: minor units or shares.
    pub granted: i64,
    /// The amount left to use: minor units or shares.
    pub remaining: i64,
    /// The amount that went back to the investor when it ended.
    pub given_back: i64,
    /// The highest fee that the investor agreed to for any part of the remaining amount, in hundredths of a percent
    /// of a trade.
    pub fee_basis_points: i64,
    /// The parts that are lent under lower fees, as JSON: `[[fee, amount], …]`, the lowest fee first; `None` where
    /// one fee applies to all of it. [`Model::terms`] reads it.
    pub lower_fees: Option<String>,
    /// The start of its validity, in microseconds since the epoch.
    pub starts_at_us: i64,
    /// The end of its validity, in microseconds since the epoch.
    pub ends_at_us: i64,
    /// How it ended; `None` while it is open.
    pub ended_by: Option<AuthorizationEnd>,
    /// When it ended, in microseconds since the epoch.
    pub ended_at_us: Option<i64>,
    /// When it was first granted, in microseconds since the epoch.
    pub granted_at_us: i64,
    /// Rises by one with every change.
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Whether it is open: it has not been ended. An overdue one stays open until its expiry is processed, and an open
    /// one may start in the future.
    pub fn is_open(&self) -> bool {
        self.ended_at_us.is_none()
    }

    /// Returns the agreed fee for each part of the remaining amount. A fee that the broker raised after a grant
    /// does not count: the investor has not agreed to it.
    ///
    /// # Errors
    /// When the stored parts cannot be read.
    pub fn terms(&self) -> Result<FeeTerms, DbErr> {
        let Some(lower) = &self.lower_fees else {
            return Ok(FeeTerms::flat(self.fee_basis_points, self.remaining));
        };
        let lower: Vec<(i64, i64)> = serde_json::from_str(lower)
            .map_err(|error| DbErr::Custom(format!("the fees of authorization {}: {error}", self.id)))?;
        let mut terms = FeeTerms::default();
        for (fee_basis_points, amount) in lower {
            terms.add(FeePart {
                fee_basis_points,
                amount,
            });
        }
        terms.add(FeePart {
            fee_basis_points: self.fee_basis_points,
            amount: self.remaining - terms.total(),
        });
        Ok(terms)
    }

    /// Whether the broker can use it at that moment: it has started, and it has neither expired nor ended.
    pub fn in_force(&self, now_us: i64) -> bool {
        self.ended_at_us.is_none() && self.starts_at_us <= now_us && now_us < self.ends_at_us
    }
}

text_enum! {
    /// The kind of asset that an authorization lends.
    pub enum AuthorizationKind {
        /// Money, for purchases.
        Capital = "CAPITAL",
        /// Shares of a holding, for sales.
        StockHolding = "STOCK_HOLDING",
    }
}

/// The thing that is lent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LentAsset {
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

impl LentAsset {
    /// Returns the kind of the asset.
    pub fn kind(&self) -> AuthorizationKind {
        match self {
            Self::Capital(_) => AuthorizationKind::Capital,
            Self::Shares { .. } => AuthorizationKind::StockHolding,
        }
    }
}

/// A new grant, or an increase of an existing one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The thing that is lent.
    pub lent: LentAsset,
    /// The user who lends.
    pub investor_id: i64,
    /// The broker.
    pub broker_id: i64,
    /// The amount in minor units or shares, above zero.
    pub amount: i64,
    /// The start, in microseconds since the epoch.
    pub starts_at_us: i64,
    /// The end, in microseconds since the epoch.
    pub ends_at_us: i64,
    /// The broker's current fee, in hundredths of a percent. A new authorization gets it.
    pub fee_basis_points: i64,
    /// Whether the investor agrees to the current fee even where it is higher than the fee agreed to for the amount
    /// already lent.
    pub accepts_higher_fee: bool,
}

/// The cause of an increase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncreaseCause<'a> {
    /// The investor; their grant may move the start to an earlier time.
    Investor,
    /// A trade of the broker, which brings in money or shares under these terms.
    Trade(&'a FeeTerms),
}

text_enum! {
    /// How an authorization ends.
    pub enum AuthorizationEnd {
        /// The investor revoked it.
        Revoked = "REVOKED",
        /// Its validity ended.
        Expired = "EXPIRED",
        /// The investor's or the broker's account was closed.
        AccountClosed = "LEFT",
    }
}

/// A user's side of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The user lends.
    Investor,
    /// The user may use what is lent.
    Broker,
}

/// Selects a user's authorizations on that side: all, or only the open ones, or only the ended ones.
pub fn for_party(user_id: i64, party: Party, open: Option<bool>) -> Select<Entity> {
    let column = match party {
        Party::Investor => Column::InvestorId,
        Party::Broker => Column::BrokerId,
    };
    let theirs = Entity::find().filter(column.eq(user_id));
    match open {
        None => theirs,
        Some(true) => theirs.filter(Column::EndedAtUs.is_null()),
        Some(false) => theirs.filter(Column::EndedAtUs.is_not_null()),
    }
}

/// Records a grant: increases the open authorization of the same kind (and holding or currency) between the two
/// users, or creates one. An increased one ends at the later of the two moments; its other changes depend on `by`.
///
/// The amount already lent keeps its agreed fee, or gets the broker's current fee if the investor adds to it while
/// that is lower. The added amount gets the lower of the two fees, unless the investor accepts a higher one.
pub async fn apply_grant(
    tx: &impl DbConnection,
    grant: &Grant,
    by: IncreaseCause<'_>,
    now_us: i64,
) -> Result<GrantOutcome, DbErr> {
    if let Some(authorization) = increase_under_same_fee(tx, grant, by).await? {
        return Ok(GrantOutcome {
            authorization,
            created: false,
        });
    }
    if let Some(open) = find_open(tx, grant).await? {
        return Ok(GrantOutcome {
            authorization: increase_under_another_fee(tx, open, grant, by).await?,
            created: false,
        });
    }
    Ok(GrantOutcome {
        authorization: create(tx, grant, by, now_us).await?,
        created: true,
    })
}

/// The columns that say what is lent: holding, stock, currency.
fn lent_columns(grant: &Grant) -> (Option<i64>, Option<i64>, Option<&str>) {
    match &grant.lent {
        LentAsset::Capital(currency) => (None, None, Some(currency.as_str())),
        LentAsset::Shares { holding_id, stock_id } => (Some(*holding_id), Some(*stock_id), None),
    }
}

/// Increases the open authorization in one statement, if one fee applies to the lent and the added amount: the
/// common case.
async fn increase_under_same_fee(
    tx: &impl DbConnection,
    grant: &Grant,
    by: IncreaseCause<'_>,
) -> Result<Option<Model>, DbErr> {
    let fee = match by {
        IncreaseCause::Investor => grant.fee_basis_points,
        IncreaseCause::Trade(terms) => match terms.parts() {
            [one] => one.fee_basis_points,
            _ => return Ok(None),
        },
    };
    let (holding, _, currency) = lent_columns(grant);
    let sql = format!(
        "UPDATE broker_authorization SET {INCREASE}
         WHERE investor_id = $5 AND broker_id = $6 AND kind = $7 AND coalesce(holding_id, 0) = $8 AND ended_at_us IS NULL
             AND coalesce(currency, '') = $9 AND fee_basis_points = $10 AND lower_fees IS NULL
         RETURNING *"
    );
    let values = [
        grant.amount.into(),
        grant.ends_at_us.into(),
        grant.starts_at_us.into(),
        (by == IncreaseCause::Investor).into(),
        grant.investor_id.into(),
        grant.broker_id.into(),
        grant.lent.kind().into(),
        holding.unwrap_or(0).into(),
        currency.unwrap_or_default().into(),
        fee.into(),
    ];
    sql::fetch_optional(tx, &sql, values).await
}

/// The assignments of every increase. Trades that move value back and forth increase `granted` without limit, so it
/// stops counting before the sum exceeds 64 bits, where SQLite would turn it into a float.
const INCREASE: &str = "remaining = remaining + $1, version = version + 1,
             granted = CASE WHEN granted < 9000000000000000000 THEN granted + $1 ELSE granted END,
             ends_at_us = CASE WHEN ends_at_us < $2 THEN $2 ELSE ends_at_us END,
             starts_at_us = CASE WHEN $4 AND starts_at_us > $3 THEN $3 ELSE starts_at_us END";

/// Finds the open authorization that this grant would increase.
async fn find_open(tx: &impl DbConnection, grant: &Grant) -> Result<Option<Model>, DbErr> {
    let (holding, _, currency) = lent_columns(grant);
    let of_holding = match holding {
        Some(id) => Column::HoldingId.eq(id),
        None => Column::HoldingId.is_null(),
    };
    let of_currency = match currency {
        Some(code) => Column::Currency.eq(code),
        None => Column::Currency.is_null(),
    };
    tx.row(
        Entity::find()
            .filter(Column::InvestorId.eq(grant.investor_id))
            .filter(Column::BrokerId.eq(grant.broker_id))
            .filter(Column::Kind.eq(grant.lent.kind()))
            .filter(of_holding)
            .filter(of_currency)
            .filter(Column::EndedAtUs.is_null()),
    )
    .await
}

async fn increase_under_another_fee(
    tx: &impl DbConnection,
    open: Model,
    grant: &Grant,
    by: IncreaseCause<'_>,
) -> Result<Model, DbErr> {
    let terms = increased_terms(&open, grant, by)?;
    let sql = format!(
        "UPDATE broker_authorization SET {INCREASE}, fee_basis_points = $5, lower_fees = $6
         WHERE id = $7 AND version = $8 AND ended_at_us IS NULL RETURNING *"
    );
    let (fee, lower) = fee_columns(&terms, grant.fee_basis_points);
    let values = [
        grant.amount.into(),
        grant.ends_at_us.into(),
        grant.starts_at_us.into(),
        (by == IncreaseCause::Investor).into(),
        fee.into(),
        lower.into(),
        open.id.into(),
        open.version.into(),
    ];
    // The row was read in this transaction, so no other writer can have changed it.
    sql::fetch_one(tx, &sql, values).await
}

fn increased_terms(open: &Model, grant: &Grant, by: IncreaseCause<'_>) -> Result<FeeTerms, DbErr> {
    let terms = open.terms()?;
    match by {
        IncreaseCause::Investor => {
            let lowest = terms
                .parts()
                .first()
                .map_or(open.fee_basis_points, |part| part.fee_basis_points);
            let mut terms = terms.capped(grant.fee_basis_points);
            terms.add(FeePart {
                fee_basis_points: if grant.accepts_higher_fee {
                    grant.fee_basis_points
                } else {
                    lowest.min(grant.fee_basis_points)
                },
                amount: grant.amount,
            });
            Ok(terms)
        }
        IncreaseCause::Trade(proceeds) => {
            let mut terms = terms;
            proceeds.parts().iter().for_each(|part| terms.add(*part));
            Ok(terms)
        }
    }
}

/// The columns of the terms: the highest fee, and the parts under lower fees in their stored form. The fee is
/// `otherwise` where the terms are empty.
fn fee_columns(terms: &FeeTerms, otherwise: i64) -> (i64, Option<String>) {
    let Some((highest, lower)) = terms.parts().split_last() else {
        return (otherwise, None);
    };
    if lower.is_empty() {
        return (highest.fee_basis_points, None);
    }
    let lower: Vec<String> = lower
        .iter()
        .map(|part| format!("[{},{}]", part.fee_basis_points, part.amount))
        .collect();
    (highest.fee_basis_points, Some(format!("[{}]", lower.join(","))))
}

async fn create(tx: &impl DbConnection, grant: &Grant, by: IncreaseCause<'_>, now_us: i64) -> Result<Model, DbErr> {
    let (holding, stock, currency) = lent_columns(grant);
    let (fee, lower) = match by {
        IncreaseCause::Investor => (grant.fee_basis_points, None),
        IncreaseCause::Trade(terms) => fee_columns(terms, grant.fee_basis_points),
    };
    let sql = "INSERT INTO broker_authorization (kind, investor_id, broker_id, holding_id, stock_id, currency, granted, remaining,
             starts_at_us, ends_at_us, granted_at_us, fee_basis_points, lower_fees, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, 1) RETURNING *";
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
        fee.into(),
        lower.into(),
    ];
    sql::fetch_one(tx, sql, values).await
}

/// The result of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantOutcome {
    /// The authorization after the grant.
    pub authorization: Model,
    /// Whether it is new; otherwise an open one was increased.
    pub created: bool,
}

/// Takes `amount` from an authorization that was read in this transaction, the part with the lowest fee first. The
/// caller moves the bucket `lent`.
///
/// # Errors
/// [`Violation::AuthorizationNotInForce`], [`Violation::InsufficientAuthorization`], or when the database fails.
pub async fn spend(tx: &impl DbConnection, from: &Model, amount: i64, now_us: i64) -> Result<Model, EntityError> {
    let lower_fees = match &from.lower_fees {
        None => None,
        Some(_) => fee_columns(&from.terms()?.remaining_after(amount), from.fee_basis_points).1,
    };
    let sql = "UPDATE broker_authorization SET remaining = remaining - $1, lower_fees = $4, version = version + 1
         WHERE id = $2 AND ended_at_us IS NULL AND starts_at_us <= $3 AND ends_at_us > $3 AND remaining >= $1
             AND version = $5 RETURNING *";
    let values = [
        amount.into(),
        from.id.into(),
        now_us.into(),
        lower_fees.into(),
        from.version.into(),
    ];
    if let Some(authorization) = sql::fetch_optional(tx, sql, values).await? {
        return Ok(authorization);
    }
    let now: Option<Model> = tx.row(Entity::find_by_id(from.id)).await?;
    Err(if now.is_some_and(|authorization| authorization.in_force(now_us)) {
        Violation::InsufficientAuthorization
    } else {
        Violation::AuthorizationNotInForce
    }
    .into())
}

/// Ends an open authorization: `remaining` becomes zero and `given_back` gets its value. `None` when it had already
/// ended.
pub async fn end(tx: &impl DbConnection, id: i64, end: AuthorizationEnd, now_us: i64) -> Result<Option<Model>, DbErr> {
    let sql = "UPDATE broker_authorization SET given_back = remaining, remaining = 0, lower_fees = NULL, ended_by = $1, ended_at_us = $2,
             version = version + 1
         WHERE id = $3 AND ended_at_us IS NULL RETURNING *";
    sql::fetch_optional(tx, sql, [end.into(), now_us.into(), id.into()]).await
}

/// Returns open authorizations whose validity has ended, the earliest end first.
pub async fn overdue(db: &impl DbConnection, now_us: i64, limit: u64) -> Result<Vec<Model>, DbErr> {
    db.rows(
        Entity::find()
            .filter(Column::EndedAtUs.is_null())
            .filter(Column::EndsAtUs.lte(now_us))
            .order_by_asc(Column::EndsAtUs)
            .limit(limit),
    )
    .await
}
