//! The mutation that places an order: its input, its checks, and its one write transaction.

use async_graphql::{Context, ID, InputObject, Object};
use contract::{
    ContextExt, DateTime, DbConnection, EntityType, Error, IdempotencyKey, Money, Result, Role, Services, Side,
    UnnumberedTrade, Viewer, idempotent, recorded_answer, to_timestamp_us,
};
use entities::stock::{self, QUANTITY_MAX};
use entities::{authorization, brokerage_order, side, user};
use sea_orm::EntityTrait;
use serde::{Deserialize, Serialize};

use crate::order::BrokerageOrder;
use crate::order_context::{Limit, OrderContext};
use crate::settings::Settings;
use crate::{automated_order, market_order};

/// A new order.
#[derive(InputObject)]
pub struct PlaceOrderInput {
    /// Whether it buys or sells.
    side: Side,
    /// The stock's id.
    stock: ID,
    /// The number of shares, 1 to 2,147,483,647.
    quantity: i64,
    /// The id of the authorization that the broker uses; an investor's own order has none.
    authorization: Option<ID>,
    /// Whether the order waits for its limit price; only for an investor's own order.
    #[graphql(default_with = "Some(false)")]
    automated: Option<bool>,
    /// The price of one share, in US dollars, that an automated order waits for: at most this for a purchase, at least
    /// this for a sale. Other orders have none.
    limit_price: Option<Money>,
    /// When an automated order expires; if omitted, it is good until cancelled.
    expires_at: Option<DateTime>,
}

/// An order that is not placed yet. Its form is valid; the checks that need the database are still to come.
#[derive(Clone, Debug, Serialize)]
struct OrderDraft {
    side: side::Side,
    /// The id without its prefix.
    stock: String,
    quantity: i64,
    /// The id without its prefix.
    authorization: Option<String>,
    limit: Option<Limit>,
}

impl PlaceOrderInput {
    fn checked(self) -> Result<OrderDraft> {
        if !(1..=QUANTITY_MAX).contains(&self.quantity) {
            return Err(Error::invalid("input.quantity", format!("must be 1 to {QUANTITY_MAX}")));
        }
        let automated = self.automated.unwrap_or(false);
        if automated && self.authorization.is_some() {
            return Err(Error::InvalidAutomatedOrder(
                "an automated order is the investor's own: it takes no authorization",
            ));
        }
        let limit = match (automated, self.limit_price) {
            (true, Some(price)) => Some(Limit {
                price_minor: limit_minor(&price)?,
                expires_at_us: self
                    .expires_at
                    .map(|at| to_timestamp_us("input.expiresAt", at))
                    .transpose()?,
            }),
            (true, None) => {
                return Err(Error::invalid(
                    "input.limitPrice",
                    "must be given for an automated order",
                ));
            }
            (false, Some(_)) => return Err(Error::invalid("input.limitPrice", "is for automated orders only")),
            (false, None) if self.expires_at.is_some() => {
                return Err(Error::invalid("input.expiresAt", "is for automated orders only"));
            }
            (false, None) => None,
        };
        Ok(OrderDraft {
            side: self.side.into(),
            stock: EntityType::Stock.unprefixed("input.stock", &self.stock)?,
            quantity: self.quantity,
            authorization: self
                .authorization
                .map(|id| EntityType::Authorization.unprefixed("input.authorization", &id))
                .transpose()?,
            limit,
        })
    }
}

fn limit_minor(price: &Money) -> Result<i64> {
    let minor = price.usd_minor("input.limitPrice")?;
    if minor <= 0 {
        return Err(Error::invalid("input.limitPrice", "must be more than 0"));
    }
    Ok(minor)
}

/// The mutation that places an order.
#[derive(Default)]
pub struct PlaceMutation;

#[Object]
impl PlaceMutation {
    /// Places an order: an investor's own, or a broker's for an investor under an authorization. The order is executed
    /// at once at the stock's current price. An automated order is executed when the price reaches its limit; until
    /// then it reserves the shares, or the money at its limit.
    async fn place_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: PlaceOrderInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<BrokerageOrder> {
        let viewer = ctx.viewer();
        let placer = match viewer {
            Viewer::Service { .. } => return Err(NO_TRADER),
            viewer => viewer.require_user()?,
        };
        let draft = input.checked()?;
        let key = IdempotencyKey::for_mutation(viewer, "placeOrder", idempotency_key, &draft)?;
        let services = ctx.services();
        let (log, now_us) = (services.order_log.clone(), ctx.now_us());
        let _permit = match log.ready().await {
            Ok(permit) => permit,
            Err(refused) => {
                return replayed_order(services, key.as_ref(), refused)
                    .await
                    .map(BrokerageOrder);
            }
        };
        let has_key = key.is_some();
        let pending_max = ctx.data_unchecked::<Settings>().pending_orders_max;
        let placed = services
            .write(async move |tx| {
                let context = OrderContext { tx, log: &*log, now_us };
                idempotent(tx, key.as_ref(), now_us, async || {
                    let order = context.place(placer, &draft, pending_max).await?;
                    Ok(PlacedOrder { order })
                })
                .await
            })
            .await?;
        let order = placed.into_inner().order;
        wait_for_number(services, order, has_key).await.map(BrokerageOrder)
    }
}

/// Waits for the number of the order's trade, if the order log assigns it later, and returns the order with it.
async fn wait_for_number(
    services: &Services,
    order: brokerage_order::Model,
    has_key: bool,
) -> Result<brokerage_order::Model> {
    let (Some(reservation_id), None) = (order.reservation_id, order.exchange_number) else {
        return Ok(order);
    };
    let trade = UnnumberedTrade {
        reservation_id,
        has_key,
        // The order moved money too, which may have been spent again by now.
        moved_shares_only: false,
    };
    let number = services.order_log.number(&services.db, trade).await?;
    // The order is executed, so only the number is missing from it.
    Ok(with_number(order, number))
}

fn with_number(mut order: brokerage_order::Model, number: i64) -> brokerage_order::Model {
    order.exchange_number = Some(number);
    order
}

/// Returns the order that an earlier request with the same key placed, when no order can be placed now: a retry still gets
/// the result of the first request.
///
/// # Errors
/// `refused` if the key placed no order, and [`Error::OutcomeUnknown`] while the order's trade has no number.
async fn replayed_order(
    services: &Services,
    key: Option<&IdempotencyKey>,
    refused: Error,
) -> Result<brokerage_order::Model> {
    let placed: Option<PlacedOrder> = recorded_answer(services.db.read(), key).await?;
    let order = reload(services, &placed.ok_or(refused)?.order).await?;
    let (Some(id), None) = (order.reservation_id, order.exchange_number) else {
        return Ok(order);
    };
    let number = services.order_log.assigned_number(&services.db, id).await;
    let number = number.ok().flatten().ok_or(Error::OutcomeUnknown)?;
    Ok(with_number(order, number))
}

async fn reload(services: &Services, order: &brokerage_order::Model) -> Result<brokerage_order::Model> {
    let found = services
        .db
        .read()
        .row(brokerage_order::Entity::find_by_id(order.id))
        .await?;
    found.ok_or_else(|| Error::Internal(format!("order {} is gone", order.id).into()))
}

const NO_TRADER: Error = Error::Forbidden("only investors and brokers place orders");

/// A placed order, as an idempotency key stores it.
#[derive(Serialize, Deserialize)]
struct PlacedOrder {
    order: brokerage_order::Model,
}

impl OrderContext<'_> {
    async fn place(&self, placer: i64, draft: &OrderDraft, pending_max: u32) -> Result<brokerage_order::Model> {
        let person = user::trader(self.tx, placer).await?;
        // The token may be older than the deactivation.
        let person = person.filter(|person| person.active).ok_or(Error::Unauthenticated)?;
        let OrderDraft { side, quantity, .. } = *draft;
        match (person.role, &draft.authorization, draft.limit) {
            (Role::Investor, Some(_), _) => Err(Error::invalid(
                "input.authorization",
                "is for brokers only: an investor's own order takes none",
            )),
            (Role::Investor, None, None) => {
                market_order::execute_own(self, person.id, stock_id(draft)?, side, quantity).await
            }
            (Role::Investor, None, Some(limit)) => {
                let stock = self.stock(draft).await?;
                automated_order::place(self, person.id, &stock, side, quantity, limit, pending_max).await
            }
            (Role::Broker, _, Some(_)) => Err(Error::InvalidAutomatedOrder("only investors automate orders")),
            (Role::Broker, None, None) => Err(Error::invalid(
                "input.authorization",
                "must be given: a broker trades under an authorization",
            )),
            (Role::Broker, Some(id), None) => {
                let stock = self.stock(draft).await?;
                let authorization = self.authorization(id, placer).await?;
                market_order::execute_for_investor(self, &person, &authorization, &stock, side, quantity).await
            }
            (Role::Member, ..) => Err(NO_TRADER),
        }
    }

    async fn stock(&self, draft: &OrderDraft) -> Result<stock::Model> {
        let stock = self.tx.row(stock::Entity::find_by_id(stock_id(draft)?)).await?;
        stock.ok_or(Error::NotFound("stock"))
    }

    /// Returns the authorization with that id, if it is this broker's.
    async fn authorization(&self, id: &str, broker: i64) -> Result<authorization::Model> {
        let id = EntityType::Authorization
            .number(id)
            .ok_or(Error::NotFound("authorization"))?;
        let found = self.tx.row(authorization::Entity::find_by_id(id)).await?;
        found
            .filter(|authorization| authorization.broker_id == broker)
            .ok_or(Error::NotFound("authorization"))
    }
}

fn stock_id(draft: &OrderDraft) -> Result<i64> {
    EntityType::Stock.number(&draft.stock).ok_or(Error::NotFound("stock"))
}
