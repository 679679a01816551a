//! The mutations that grant and revoke an authorization.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use contract::{
    Changed, ContextExt, DateTime, Error, Event, IdempotencyKey, Money, Once, Result, Role, SETTLED_MAX, Tx, Viewer,
    micros, once, parse_id,
};
use entities::authorization::{self, End, Grant, Lent, Raised};
use entities::holding::{self, SHARES_MAX};
use entities::{expiry, lending, user};
use sea_orm::EntityTrait;
use serde::Serialize;

use crate::authorization::{Authorization, AuthorizationKind, find};
use crate::user::percent;

/// What an investor lends to a broker.
#[derive(InputObject)]
pub(crate) struct GrantInput {
    /// Money or shares.
    kind: AuthorizationKind,
    /// Who may use it: the id of a broker.
    broker: ID,
    /// The id of the viewer's holding that the shares are of. For `STOCK_HOLDING`, which needs it.
    holding: Option<ID>,
    /// How much money, above zero. For `CAPITAL`, which needs it.
    amount: Option<Money>,
    /// How many shares, from 1 to 2,147,483,647. For `STOCK_HOLDING`, which needs it.
    shares: Option<i64>,
    /// From when it can be used; now, if left out.
    starts_at: Option<DateTime>,
    /// When it is over: in the future and after `startsAt`.
    ends_at: DateTime,
    /// The highest fee of the broker, in percent from 0 to 100, that the investor agrees to for what is lent now: `CONFLICT`
    /// when the broker's is higher. Left out, a new authorization has the broker's fee of now, and what is added to one keeps
    /// the lower of that and what was agreed to before.
    max_fee_percent: Option<f64>,
}

/// What a grant came to.
#[derive(SimpleObject)]
pub(crate) struct GrantedAuthorization {
    /// The authorization as it is now.
    authorization: Authorization,
    /// Whether it is new; false when one that was active was raised.
    created: bool,
}

/// The mutations that grant and revoke an authorization.
#[derive(Default)]
pub struct GrantMutation;

#[Object]
impl GrantMutation {
    /// Lends money or shares of the viewer to one broker: they leave what is free and are committed. Where one of the same
    /// kind (and currency or holding) is active between the two, it is raised, and is over at the later of the two moments.
    /// The broker's fee of now is the most the broker can take of what is lent by this; what was lent before keeps the fee
    /// that was agreed to for it (see `maxFeePercent`). For investors.
    async fn grant_authorization(
        &self,
        ctx: &Context<'_>,
        input: GrantInput,
        #[graphql(desc = "Sent again with this key, the same request has no second effect: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<GrantedAuthorization> {
        let (viewer, services) = (ctx.viewer(), ctx.services());
        viewer.signed_in()?;
        let wish = input.check()?;
        let investor = investor(viewer)?;
        let key = IdempotencyKey::of(viewer, "grantAuthorization", idempotency_key, &wish)?;
        let now_us = ctx.now_us();
        services.settle_due().await?;
        let write = async move |tx: &Tx| {
            let mut news = Vec::new();
            let effect = async || {
                let grant = wish.grant(tx, investor, now_us).await?;
                // Expire overdue authorizations first: they must not be increased, and the funds they release can be lent.
                let settled = expiry::settle(tx, now_us, SETTLED_MAX).await?;
                let (raised, touched) = lending::grant(tx, &grant, now_us).await?;
                news.extend(settled.events());
                news.extend(touched.events());
                news.extend(raised.authorization.events());
                Ok(raised)
            };
            let granted = once(tx, key.as_ref(), now_us, effect).await?;
            Ok((granted, news))
        };
        let tell = |(_, news): &(Once<Raised>, Vec<Event>)| news.clone();
        let (granted, _) = services.write_and_tell(write, tell).await?;
        let Raised { authorization, created } = granted.into_inner();
        Ok(GrantedAuthorization {
            authorization: Authorization(authorization),
            created,
        })
    }

    /// Takes an authorization back: what was not used is the viewer's to use again. One that has ended stays as it is. For
    /// its investor.
    async fn revoke_authorization(&self, ctx: &Context<'_>, id: ID) -> Result<Authorization> {
        ctx.viewer().signed_in()?;
        let now_us = ctx.now_us();
        let found = find(ctx, &id).await?.ok_or(Error::NotFound("authorization"))?;
        if !ctx.viewer().is(found.investor_id) {
            return Err(Error::Forbidden("only the investor may revoke an authorization"));
        }
        if !found.is_open() {
            return Ok(Authorization(found));
        }
        let write = async move |tx: &Tx| {
            let ended = lending::end(tx, found.id, End::Revoked, now_us).await?;
            if let Some((ended, touched)) = ended {
                let touched = touched.iter().flat_map(Changed::events);
                let news = touched.chain(ended.events()).collect();
                return Ok((ended, news));
            }
            let now = authorization::Entity::find_by_id(found.id).one(tx).await?;
            Ok((now.ok_or(Error::NotFound("authorization"))?, Vec::new()))
        };
        let tell = |(_, news): &(authorization::Model, Vec<Event>)| news.clone();
        let (ended, _) = ctx.services().write_and_tell(write, tell).await?;
        Ok(Authorization(ended))
    }
}

/// Returns the id of the viewer, who has to be an investor.
fn investor(viewer: &Viewer) -> Result<i64> {
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
struct Wish {
    broker: ID,
    of: Of,
    amount: i64,
    starts_at_us: Option<i64>,
    ends_at_us: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_fee_basis_points: Option<i64>,
}

/// The kind of asset that is lent.
#[derive(Clone, Serialize)]
enum Of {
    /// Money in this currency.
    Currency(String),
    /// Shares of the holding with this id.
    Holding(ID),
}

impl GrantInput {
    fn check(self) -> Result<Wish> {
        let (of, amount) = match self.kind {
            AuthorizationKind::Capital => {
                absent("input.holding", self.holding.is_some(), "is for STOCK_HOLDING only")?;
                absent("input.shares", self.shares.is_some(), "is for STOCK_HOLDING only")?;
                let Money { minor, currency } = needed("input.amount", self.amount, "is needed for CAPITAL")?;
                if minor <= 0 {
                    return Err(Error::invalid("input.amount", "must be above zero"));
                }
                (Of::Currency(currency), minor)
            }
            AuthorizationKind::StockHolding => {
                absent("input.amount", self.amount.is_some(), "is for CAPITAL only")?;
                let holding = needed("input.holding", self.holding, "is needed for STOCK_HOLDING")?;
                let shares = needed("input.shares", self.shares, "is needed for STOCK_HOLDING")?;
                if !(1..=SHARES_MAX).contains(&shares) {
                    return Err(Error::invalid(
                        "input.shares",
                        format!("must be from 1 to {SHARES_MAX}"),
                    ));
                }
                (Of::Holding(holding), shares)
            }
        };
        let starts_at_us = self.starts_at.map(|at| micros("input.startsAt", at)).transpose()?;
        let ends_at_us = micros("input.endsAt", self.ends_at)?;
        if starts_at_us.is_some_and(|starts_at_us| ends_at_us <= starts_at_us) {
            return Err(Error::invalid("input.endsAt", "must be after startsAt"));
        }
        Ok(Wish {
            broker: self.broker,
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

impl Wish {
    /// Returns the grant with the broker, the fee and the holding as they are at `now_us`.
    ///
    /// # Errors
    /// `INVALID_INPUT` for an end that is not in the future, `NOT_FOUND` for an unknown broker or a holding that is not the
    /// investor's, `CONFLICT` for a fee above the agreed one, `UNAUTHENTICATED` when the investor's account is closed.
    async fn grant(&self, tx: &Tx, investor_id: i64, now_us: i64) -> Result<Grant> {
        if self.ends_at_us <= now_us {
            return Err(Error::invalid("input.endsAt", "must be in the future"));
        }
        if !user::is_active(tx, investor_id).await? {
            return Err(Error::Unauthenticated);
        }
        let broker = self.broker(tx, investor_id).await?;
        let fee_basis_points = broker.fee_basis_points.unwrap_or(0);
        if self.max_fee_basis_points.is_some_and(|max| fee_basis_points > max) {
            let fee = percent(fee_basis_points);
            return Err(Error::conflict(format!(
                "maxFeePercent is below the broker's fee of {fee} percent"
            )));
        }
        Ok(Grant {
            lent: self.lent(tx, investor_id).await?,
            investor_id,
            broker_id: broker.id,
            amount: self.amount,
            starts_at_us: self.starts_at_us.unwrap_or(now_us),
            ends_at_us: self.ends_at_us,
            fee_basis_points,
            accepts_higher_fee: self.max_fee_basis_points.is_some(),
        })
    }

    async fn broker(&self, tx: &Tx, investor_id: i64) -> Result<user::Model> {
        let found = match parse_id(&self.broker) {
            Some(id) => user::by_id(tx, id).await?,
            None => None,
        };
        let is_one =
            |person: &user::Model| person.active && person.role == Role::Broker.as_str() && person.id != investor_id;
        found.filter(is_one).ok_or(Error::NotFound("broker"))
    }

    async fn lent(&self, tx: &Tx, investor_id: i64) -> Result<Lent> {
        let holding = match &self.of {
            Of::Currency(currency) => return Ok(Lent::Capital(currency.clone())),
            Of::Holding(id) => parse_id(id),
        };
        let found = match holding {
            Some(id) => holding::Entity::find_by_id(id).one(tx).await?,
            None => None,
        };
        let own = found.filter(|holding| holding.user_id == investor_id);
        own.map(|holding| Lent::Shares {
            holding_id: holding.id,
            stock_id: holding.stock_id,
        })
        .ok_or(Error::NotFound("holding"))
    }
}

fn absent(field: &'static str, is_there: bool, reason: &'static str) -> Result<()> {
    match is_there {
        true => Err(Error::invalid(field, reason)),
        false => Ok(()),
    }
}

fn needed<T>(field: &'static str, value: Option<T>, reason: &'static str) -> Result<T> {
    value.ok_or_else(|| Error::invalid(field, reason))
}
