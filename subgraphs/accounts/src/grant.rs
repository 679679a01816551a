//! The mutations that grant and revoke an authorization.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use contract::{
    ContextExt, DateTime, DbConnection, EXPIRED_MAX, EntityType, Error, IdempotencyKey, Money, Result, Role, Tx, TxExt,
    Viewer, idempotent, to_timestamp_us,
};
use entities::authorization::{self, AuthorizationEnd, Grant, GrantOutcome, LentAsset};
use entities::holding::{self, SHARES_MAX};
use entities::{expiry, lending, user};
use sea_orm::EntityTrait;
use serde::Serialize;

use crate::authorization::{Authorization, AuthorizationKind, find};
use crate::user::percent;

/// The money or shares that an investor lends to a broker.
#[derive(InputObject)]
pub(crate) struct GrantInput {
    /// Money or shares.
    kind: AuthorizationKind,
    /// The id of the broker who may use it.
    broker: ID,
    /// The id of the viewer's holding that contains the shares. Required for `STOCK_HOLDING`, and only valid there.
    holding: Option<ID>,
    /// The amount of money, above zero. Required for `CAPITAL`, and only valid there.
    amount: Option<Money>,
    /// The number of shares, from 1 to 2,147,483,647. Required for `STOCK_HOLDING`, and only valid there.
    shares: Option<i64>,
    /// When the broker can start to use it; the default is now.
    starts_at: Option<DateTime>,
    /// When it expires: in the future and after `startsAt`.
    ends_at: DateTime,
    /// The highest fee of the broker, in percent from 0 to 100, that the investor agrees to for this grant: `CONFLICT`
    /// if the broker's fee is higher. If omitted, a new authorization gets the broker's current fee. An increase gets
    /// the lower of the current fee and the fee that was agreed to before.
    max_fee_percent: Option<f64>,
}

/// The result of a grant.
#[derive(SimpleObject)]
pub(crate) struct GrantedAuthorization {
    /// The authorization as it is now.
    authorization: Authorization,
    /// Whether the grant created the authorization; false if it increased an active one.
    created: bool,
}

/// The mutations that grant and revoke an authorization.
#[derive(Default)]
pub struct GrantMutation;

#[Object]
impl GrantMutation {
    /// Lends money or shares of the viewer to one broker: free money, or set-aside and free shares. They count as
    /// committed. If an authorization of the same kind (and currency or holding) is active between the two, the grant
    /// increases it, and it expires at the later of the two times. The broker's current fee is the highest that the
    /// broker can take of the amount lent by this grant. Earlier amounts keep the fee that was agreed to for them (see
    /// `maxFeePercent`). For investors.
    async fn grant_authorization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The money or the shares, and the broker.")] input: GrantInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<GrantedAuthorization> {
        let (viewer, services) = (ctx.viewer(), ctx.services());
        viewer.require_signed_in()?;
        let validated = input.validate()?;
        let investor = require_investor(viewer)?;
        let key = IdempotencyKey::for_mutation(viewer, "grantAuthorization", idempotency_key, &validated)?;
        let now_us = ctx.now_us();
        services.expire_overdue().await?;
        let write = async move |tx: &Tx| {
            let effect = async || {
                let grant = validated.to_grant(tx, investor, now_us).await?;
                // Expire overdue authorizations first: they must not be increased, and the funds they release can be lent.
                let expired = expiry::expire(tx, now_us, EXPIRED_MAX).await?;
                tx.invalidate(&expired);
                let (outcome, affected) = lending::grant(tx, &grant, now_us).await?;
                tx.invalidate(&affected);
                tx.invalidate(&outcome.authorization);
                Ok(outcome)
            };
            idempotent(tx, key.as_ref(), now_us, effect).await
        };
        let granted = services.write(write).await?;
        let GrantOutcome { authorization, created } = granted.into_inner();
        Ok(GrantedAuthorization {
            authorization: Authorization(authorization),
            created,
        })
    }

    /// Revokes an authorization: the unused money or shares return to the investor. An authorization that has ended
    /// stays as it is. For its investor.
    async fn revoke_authorization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The authorization's id.")] id: ID,
    ) -> Result<Authorization> {
        ctx.viewer().require_signed_in()?;
        let now_us = ctx.now_us();
        let id = EntityType::Authorization.parse("id", &id)?;
        let id = id.ok_or(Error::NotFound("authorization"))?;
        let found = find(ctx, id).await?.ok_or(Error::NotFound("authorization"))?;
        if !ctx.viewer().is_user(found.investor_id) {
            return Err(Error::Forbidden("only the investor may revoke an authorization"));
        }
        if !found.is_open() {
            return Ok(Authorization(found));
        }
        let write = async move |tx: &Tx| {
            let ended = lending::end(tx, found.id, AuthorizationEnd::Revoked, now_us).await?;
            if let Some((ended, affected)) = ended {
                tx.invalidate(&affected);
                tx.invalidate(&ended);
                return Ok(ended);
            }
            let now = tx.row(authorization::Entity::find_by_id(found.id)).await?;
            now.ok_or(Error::NotFound("authorization"))
        };
        ctx.services().write(write).await.map(Authorization)
    }
}

/// Returns the id of the viewer, who has to be an investor.
fn require_investor(viewer: &Viewer) -> Result<i64> {
    match viewer {
        Viewer::User {
            id,
            role: Role::Investor,
            ..
        } => Ok(*id),
        _ => Err(Error::Forbidden("only an investor may grant an authorization")),
    }
}

/// A grant whose form is valid. Only the write transaction checks that the broker and the holding exist.
#[derive(Clone, Serialize)]
struct ValidatedGrant {
    /// The id without its prefix.
    broker: String,
    of: GrantedAsset,
    amount: i64,
    starts_at_us: Option<i64>,
    ends_at_us: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_fee_basis_points: Option<i64>,
}

/// The kind of asset that is lent.
#[derive(Clone, Serialize)]
enum GrantedAsset {
    /// Money in this currency.
    Currency(String),
    /// Shares of the holding with this id, without its prefix.
    Holding(String),
}

impl GrantInput {
    fn validate(self) -> Result<ValidatedGrant> {
        let (of, amount) = match self.kind {
            AuthorizationKind::Capital => {
                require_absent("input.holding", self.holding.is_some(), "is for STOCK_HOLDING only")?;
                require_absent("input.shares", self.shares.is_some(), "is for STOCK_HOLDING only")?;
                let Money { minor, currency } = require_present("input.amount", self.amount, "is needed for CAPITAL")?;
                if minor <= 0 {
                    return Err(Error::invalid("input.amount", "must be above zero"));
                }
                (GrantedAsset::Currency(currency), minor)
            }
            AuthorizationKind::StockHolding => {
                require_absent("input.amount", self.amount.is_some(), "is for CAPITAL only")?;
                let holding = require_present("input.holding", self.holding, "is needed for STOCK_HOLDING")?;
                let shares = require_present("input.shares", self.shares, "is needed for STOCK_HOLDING")?;
                if !(1..=SHARES_MAX).contains(&shares) {
                    return Err(Error::invalid(
                        "input.shares",
                        format!("must be from 1 to {SHARES_MAX}"),
                    ));
                }
                let holding = EntityType::Holding.unprefixed("input.holding", &holding)?;
                (GrantedAsset::Holding(holding), shares)
            }
        };
        let starts_at_us = self
            .starts_at
            .map(|at| to_timestamp_us("input.startsAt", at))
            .transpose()?;
        let ends_at_us = to_timestamp_us("input.endsAt", self.ends_at)?;
        if starts_at_us.is_some_and(|starts_at_us| ends_at_us <= starts_at_us) {
            return Err(Error::invalid("input.endsAt", "must be after startsAt"));
        }
        Ok(ValidatedGrant {
            broker: EntityType::User.unprefixed("input.broker", &self.broker)?,
            of,
            amount,
            starts_at_us,
            ends_at_us,
            max_fee_basis_points: self.max_fee_percent.map(max_fee_basis_points).transpose()?,
        })
    }
}

/// Converts the highest fee that the investor agrees to, rounded down: a broker's fee has two decimals.
fn max_fee_basis_points(percent: f64) -> Result<i64> {
    if !(0.0..=100.0).contains(&percent) {
        return Err(Error::invalid("input.maxFeePercent", "must be from 0 to 100"));
    }
    // The small addend compensates for decimals that have no exact floating-point value.
    Ok((percent * 100.0 + 1e-6).floor() as i64)
}

impl ValidatedGrant {
    /// Returns the grant with the broker, the fee and the holding as they are at `now_us`.
    ///
    /// # Errors
    /// `INVALID_INPUT` for an end that is not in the future, `NOT_FOUND` for an unknown broker or a holding that is not the
    /// investor's, `CONFLICT` for a fee above the agreed one, `UNAUTHENTICATED` when the investor's account is closed.
    async fn to_grant(&self, tx: &Tx, investor_id: i64, now_us: i64) -> Result<Grant> {
        if self.ends_at_us <= now_us {
            return Err(Error::invalid("input.endsAt", "must be in the future"));
        }
        if !user::is_active(tx, investor_id).await? {
            return Err(Error::Unauthenticated);
        }
        let broker = self.find_broker(tx, investor_id).await?;
        let fee_basis_points = broker.fee_basis_points.unwrap_or(0);
        if self.max_fee_basis_points.is_some_and(|max| fee_basis_points > max) {
            let fee = percent(fee_basis_points);
            return Err(Error::conflict(format!(
                "maxFeePercent is below the broker's fee of {fee} percent"
            )));
        }
        Ok(Grant {
            lent: self.find_lent(tx, investor_id).await?,
            investor_id,
            broker_id: broker.id,
            amount: self.amount,
            starts_at_us: self.starts_at_us.unwrap_or(now_us),
            ends_at_us: self.ends_at_us,
            fee_basis_points,
            accepts_higher_fee: self.max_fee_basis_points.is_some(),
        })
    }

    async fn find_broker(&self, tx: &Tx, investor_id: i64) -> Result<user::Model> {
        let found = match EntityType::User.number(&self.broker) {
            Some(id) => user::by_id(tx, id).await?,
            None => None,
        };
        let is_broker = |person: &user::Model| person.active && person.role == Role::Broker && person.id != investor_id;
        found.filter(is_broker).ok_or(Error::NotFound("broker"))
    }

    async fn find_lent(&self, tx: &Tx, investor_id: i64) -> Result<LentAsset> {
        let holding = match &self.of {
            GrantedAsset::Currency(currency) => return Ok(LentAsset::Capital(currency.clone())),
            GrantedAsset::Holding(id) => EntityType::Holding.number(id),
        };
        let found = match holding {
            Some(id) => tx.row(holding::Entity::find_by_id(id)).await?,
            None => None,
        };
        let own = found.filter(|holding| holding.user_id == investor_id);
        own.map(|holding| LentAsset::Shares {
            holding_id: holding.id,
            stock_id: holding.stock_id,
        })
        .ok_or(Error::NotFound("holding"))
    }
}

fn require_absent(field: &'static str, is_there: bool, reason: &'static str) -> Result<()> {
    if is_there {
        Err(Error::invalid(field, reason))
    } else {
        Ok(())
    }
}

fn require_present<T>(field: &'static str, value: Option<T>, reason: &'static str) -> Result<T> {
    value.ok_or_else(|| Error::invalid(field, reason))
}
