//! The type `Authorization`: money or shares that an investor lends to one broker. The two parties and operators see it.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use contract::{
    ContextExt, CountedConnection, DateTime, EntityType, Money, PageArgs, Paginate, Result, Role, TotalCount, Viewer,
    load_row, to_date_time,
};
use entities::authorization::{self, Party};
use entities::user;

use crate::user::{User, percent, referenced_user};

/// The kind of asset that an authorization lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::authorization::AuthorizationKind")]
pub(crate) enum AuthorizationKind {
    /// Money, for purchases.
    Capital,
    /// Shares of a holding, for sales.
    StockHolding,
}

/// Money or shares that an investor lends to one broker, until they are used or the authorization is revoked or expires.
/// Only the two parties and operators reach it.
pub(crate) struct Authorization(pub(crate) authorization::Model);

#[Object]
impl Authorization {
    /// The authorization's id.
    async fn id(&self) -> ID {
        EntityType::Authorization.id(self.0.id)
    }

    /// The kind of asset that an authorization lends.
    async fn kind(&self) -> AuthorizationKind {
        self.0.kind.into()
    }

    /// The investor who lends.
    async fn investor(&self, ctx: &Context<'_>) -> Result<User> {
        referenced_user(ctx, self.0.investor_id).await
    }

    /// The broker who may use it.
    async fn broker(&self, ctx: &Context<'_>) -> Result<User> {
        referenced_user(ctx, self.0.broker_id).await
    }

    /// The investor's holding that contains the shares; null for money. The broker cannot read its other fields.
    async fn holding(&self) -> Option<Holding> {
        self.0.holding_id.map(|id| Holding {
            id: EntityType::Holding.id(id),
        })
    }

    /// The id of the investor's holding; null for money.
    async fn holding_id(&self) -> Option<ID> {
        self.0.holding_id.map(|id| EntityType::Holding.id(id))
    }

    /// The stock of the shares; null for money.
    async fn stock(&self) -> Option<Stock> {
        self.0.stock_id.map(|id| Stock {
            id: EntityType::Stock.id(id),
        })
    }

    /// The money that is left to use: zero once the authorization has ended, null for shares.
    async fn remaining(&self) -> Option<Money> {
        self.0.currency.as_ref().map(|currency| Money {
            minor: self.0.remaining,
            currency: currency.clone(),
        })
    }

    /// The shares that are left to use: zero once the authorization has ended, null for money.
    async fn remaining_shares(&self) -> Option<i64> {
        self.0.holding_id.map(|_| self.0.remaining)
    }

    /// The highest fee that the broker can take of a trade, in percent: the highest that the investor agreed to for any
    /// part of the remaining amount. A part with a lower agreed fee keeps that fee and is used first. If the broker's
    /// current fee is lower, the broker takes the current fee.
    async fn fee_percent(&self) -> f64 {
        percent(self.0.fee_basis_points)
    }

    /// When the broker can start to use it.
    async fn starts_at(&self) -> DateTime {
        to_date_time(self.0.starts_at_us)
    }

    /// When it expires.
    async fn ends_at(&self) -> DateTime {
        to_date_time(self.0.ends_at_us)
    }

    /// When it was revoked, expired, or ended with a closed account; null while it is active.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at_us.map(to_date_time)
    }

    /// Whether it has not ended. An authorization that starts in the future is active too: its money or shares are
    /// reserved, and another grant increases it. The broker can use it from `startsAt`.
    async fn active(&self) -> bool {
        self.0.is_open()
    }
}

/// A person's shares of one stock; only the owner and operators can read it.
#[derive(SimpleObject)]
#[graphql(unresolvable = "id")]
pub(crate) struct Holding {
    /// The holding's id.
    id: ID,
}

/// A stock that is traded at the exchange.
#[derive(SimpleObject)]
#[graphql(unresolvable = "id")]
pub(crate) struct Stock {
    /// The stock's id.
    id: ID,
}

/// Whether the viewer may see the authorization: its investor, its broker and operators may.
pub(crate) fn may_see(viewer: &Viewer, authorization: &authorization::Model) -> bool {
    viewer.is_operator() || viewer.is_user(authorization.investor_id) || viewer.is_user(authorization.broker_id)
}

/// Returns the authorization with that id, if there is one and the viewer may see it. Overdue authorizations expire first.
/// Batched.
pub(crate) async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<authorization::Model>> {
    let found = load_row::<authorization::Entity>(ctx, id).await?;
    Ok(found.filter(|authorization| may_see(ctx.viewer(), authorization)))
}

/// Returns a page of the authorizations that a person granted, or received if that person is a broker. The calling function
/// has to check that the viewer may see them.
///
/// # Errors
/// As [`Paginate::paginate`].
pub(crate) async fn authorizations_of(
    ctx: &Context<'_>,
    person: &user::Model,
    active: Option<bool>,
    args: PageArgs,
) -> Result<CountedConnection<Authorization>> {
    ctx.services().expire_overdue().await?;
    // Only investors grant and only brokers receive, and a person has one role.
    let side = if person.role == Role::Broker {
        Party::Broker
    } else {
        Party::Investor
    };
    let theirs = authorization::for_party(person.id, side, active);
    let count = TotalCount::of(ctx, || theirs.clone()).await?;
    Ok(count.with(theirs.paginate(ctx, args, Authorization).await?))
}

/// Reads of authorizations.
#[derive(Default)]
pub struct AuthorizationQuery;

#[Object]
impl AuthorizationQuery {
    /// The authorization with that id, for its investor, its broker and operators; null for other viewers.
    async fn authorization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The authorization's id.")] id: ID,
    ) -> Option<Result<Authorization>> {
        match EntityType::Authorization.parse("id", &id).transpose()? {
            Ok(id) => Some(find(ctx, id).await.transpose()?.map(Authorization)),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves an authorization another subgraph refers to.
    #[graphql(entity)]
    async fn authorization_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Authorization>> {
        match EntityType::Authorization.number(&id) {
            Some(id) => Ok(find(ctx, id).await?.map(Authorization)),
            None => Ok(None),
        }
    }
}
