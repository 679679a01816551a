//! The type `BrokerageOrder`, its status, and the viewers that may see it.

use async_graphql::{Context, Description, Enum, ID, Object};
use contract::{
    ContextExt, DateTime, EntityType, Money, MoneySum, PageArgs, PageConnection, Paginate, Result, Rows, Side, Viewer,
    load_row, to_date_time,
};
use entities::{brokerage_order, side};

use crate::authorization::Authorization;
use crate::exchange_order::ExchangeOrder;
use crate::stock::Stock;
use crate::user::User;

/// The status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "brokerage_order::OrderStatus")]
pub enum OrderStatus {
    /// The automated order waits for its limit price.
    Pending,
    /// The order was executed.
    Completed,
    /// The order was cancelled or has expired without a trade.
    Cancelled,
}

/// Why the system cancelled the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "brokerage_order::CancelReason")]
pub enum CancelReason {
    /// The order expired.
    Expired,
    /// The investor's account was closed.
    #[graphql(name = "LEFT")]
    AccountClosed,
}

/// An order to buy or sell shares at the exchange; only its investor, its broker and operators can read it.
#[derive(Description)]
pub struct BrokerageOrder(pub(crate) brokerage_order::Model);

impl BrokerageOrder {
    fn money(&self, minor: i64) -> Money {
        Money {
            minor,
            currency: self.0.currency.clone(),
        }
    }
}

#[Object(use_type_description)]
impl BrokerageOrder {
    /// The order's id.
    async fn id(&self) -> ID {
        EntityType::BrokerageOrder.id(self.0.id)
    }

    /// Whether it buys or sells.
    async fn side(&self) -> Side {
        self.0.side.into()
    }

    /// The stock of the shares.
    async fn stock(&self) -> Stock {
        Stock(self.0.stock_id)
    }

    /// The number of shares.
    async fn quantity(&self) -> i64 {
        self.0.quantity
    }

    /// The order's status.
    async fn status(&self) -> OrderStatus {
        self.0.status.into()
    }

    /// The price of one share at which it was executed.
    async fn price(&self) -> Option<Money> {
        self.0.price_minor.map(|minor| self.money(minor))
    }

    /// Quantity times price, without the fee; null until the order is executed.
    async fn total(&self) -> Option<MoneySum> {
        let price = self.0.price_minor?;
        Some(MoneySum {
            minor: i128::from(self.0.quantity) * i128::from(price),
            currency: self.0.currency.clone(),
        })
    }

    /// The broker's fee: added to the cost of a purchase, deducted from the proceeds of a sale. Zero for an investor's
    /// own order.
    async fn fee(&self) -> Money {
        self.money(self.0.fee_minor)
    }

    /// Whether it waits (or waited) for its limit price.
    async fn automated(&self) -> bool {
        self.0.limit_minor.is_some()
    }

    /// The price of one share that an automated order waits for: at most this for a purchase, at least this for a sale.
    async fn limit_price(&self) -> Option<Money> {
        self.0.limit_minor.map(|minor| self.money(minor))
    }

    /// When an automated order expires; null if it is good until cancelled.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at_us.map(to_date_time)
    }

    /// The investor on whose account the order is.
    async fn investor(&self) -> User {
        User::new(self.0.investor_id)
    }

    /// The broker who placed it for the investor; null if the investor placed it.
    async fn broker(&self) -> Option<User> {
        self.0.broker_id.map(User::new)
    }

    /// The authorization that the broker used; null for an investor's own order.
    async fn authorization(&self) -> Option<Authorization> {
        self.0.authorization_id.map(Authorization)
    }

    /// The trade at the exchange that executed it; null until the trade has a number.
    async fn exchange_order(&self, ctx: &Context<'_>) -> Result<Option<ExchangeOrder>> {
        let number = match (self.0.exchange_number, self.0.reservation_id) {
            // The log may have assigned a number that is not written back yet.
            (None, Some(id)) => ctx.services().order_log.assigned_number(ctx.db(), id).await?,
            (number, _) => number,
        };
        Ok(number.map(ExchangeOrder))
    }

    /// Why the system cancelled the order; null if it did not.
    async fn reason(&self) -> Option<CancelReason> {
        self.0.reason.map(CancelReason::from)
    }

    /// When it was placed.
    async fn placed_at(&self) -> DateTime {
        to_date_time(self.0.placed_at_us)
    }

    /// When it was executed.
    async fn completed_at(&self) -> Option<DateTime> {
        self.0.price_minor.and(self.0.ended_at_us).map(to_date_time)
    }
}

/// Whether the viewer is the order's investor or its broker.
pub(crate) fn is_party(viewer: &Viewer, order: &brokerage_order::Model) -> bool {
    order.parties().into_iter().any(|party| viewer.is_user(party))
}

/// A filter of a person's orders.
pub(crate) struct OrderFilter {
    pub(crate) side: Option<side::Side>,
    pub(crate) status: Option<OrderStatus>,
}

/// Returns a page of the orders of which a person is the investor or the broker, newest first.
pub(crate) async fn for_party(
    ctx: &Context<'_>,
    party: i64,
    filter: OrderFilter,
    args: PageArgs,
) -> Result<PageConnection<BrokerageOrder>> {
    ctx.viewer().require_self_or_operator(party)?;
    let (side, status) = (filter.side, filter.status.map(Into::into));
    let [invested, brokered]: [Rows<_>; 2] = if side.is_none() && status.is_none() {
        brokerage_order::FOR_PARTY.each_ref().map(|list| list.of(party).into())
    } else {
        brokerage_order::for_party(party, side, status).map(Rows::from)
    };
    invested
        .newest_first()
        .or(brokered)
        .paginate(ctx, args, BrokerageOrder)
        .await
}

/// Returns the order with that id, if there is one and the viewer may see it. Batched.
async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<BrokerageOrder>> {
    let viewer = ctx.viewer();
    let found = load_row::<brokerage_order::Entity>(ctx, id).await?;
    Ok(found
        .filter(|order| viewer.is_operator() || is_party(viewer, order))
        .map(BrokerageOrder))
}

/// Reads of orders.
#[derive(Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// The order with that id, for its investor, its broker and operators; null for other viewers.
    async fn brokerage_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's id.")] id: ID,
    ) -> Option<Result<BrokerageOrder>> {
        match EntityType::BrokerageOrder.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves an order another subgraph refers to.
    #[graphql(entity)]
    async fn brokerage_order_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<BrokerageOrder>> {
        match EntityType::BrokerageOrder.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }
}
