//! A trade with the exchange, and its number.

use async_graphql::{Context, ID, Object};
use contract::{
    Changed, ContextExt, DateTime, Error, IdempotencyKey, Money, PageArgs, Paged, Recorded, Result, Side, Trade,
    Unnumbered, Viewer, answered_before, once, page, parse_id, rfc3339, row,
};
use entities::stock::Which;
use entities::{exchange_order, reservation};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter};

use crate::stock::{BAZAAR, Stock, checked_quantity, find as find_stock, typed_name};
use crate::user::User;

/// An executed trade. It never changes.
pub struct ExchangeOrder(pub(crate) exchange_order::Model);

/// An executed trade. It never changes.
#[Object]
impl ExchangeOrder {
    /// Its number: 0, 1, 2 … without gaps.
    async fn number(&self) -> i64 {
        self.0.number
    }

    /// The stock that was traded, in its current state.
    async fn stock(&self, ctx: &Context<'_>) -> Result<Stock> {
        let stock = find_stock(ctx, self.0.stock_id).await?;
        stock.ok_or_else(|| Error::Internal(format!("stock {} of a trade is gone", self.0.stock_id).into()))
    }

    /// The number of shares.
    async fn quantity(&self) -> i64 {
        self.0.quantity
    }

    /// The direction of the trade, seen from the trader.
    async fn side(&self) -> Side {
        entities::side::Side::of(&self.0.side).into()
    }

    /// The price that was paid for one share.
    async fn price(&self) -> Money {
        Money {
            minor: self.0.price_minor,
            currency: self.0.currency.clone(),
        }
    }

    /// The trader, visible to themselves and to operators. Null for other viewers, and if a program traded for no
    /// person.
    async fn trader(&self, ctx: &Context<'_>) -> Option<User> {
        let viewer = ctx.viewer();
        let may_know = |trader: &i64| viewer.is(*trader) || viewer.is_operator();
        self.0.trader_id.filter(may_know).map(User::of)
    }

    /// When the trade was executed.
    async fn at(&self) -> DateTime {
        rfc3339(self.0.at_us)
    }
}

/// The trade with that number, if there is one. Batched.
pub(crate) async fn find(ctx: &Context<'_>, number: i64) -> Result<Option<ExchangeOrder>> {
    Ok(row::<exchange_order::Entity>(ctx, number).await?.map(ExchangeOrder))
}

/// Reads of trades; public.
#[derive(Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// The trade with that number.
    async fn exchange_order(&self, ctx: &Context<'_>, number: i64) -> Option<Result<ExchangeOrder>> {
        match ctx.services().orders.has(ctx.services(), number).await {
            Ok(true) => find(ctx, number).await.transpose(),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves a trade another subgraph refers to.
    #[graphql(entity)]
    async fn exchange_order_by_number(&self, ctx: &Context<'_>, number: i64) -> Result<Option<ExchangeOrder>> {
        find(ctx, number).await
    }

    /// All trades, ordered by number.
    async fn exchange_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns only trades with a larger number, for a client that has all trades up to it.")]
        after_number: Option<i64>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Paged<ExchangeOrder>> {
        let (mut all, args) = (
            exchange_order::Entity::find(),
            PageArgs::new(first, after, last, before),
        );
        if let Some(known) = after_number {
            all = all.filter(exchange_order::Column::Number.gt(known));
        }
        // A client that pages by number continues after the last number it got, so a page must not skip a number.
        if let Some(whole) = ctx.services().orders.whole_through(ctx.db()).await? {
            all = all.filter(exchange_order::Column::Number.lte(whole));
        }
        let key = |order: &exchange_order::Model| vec![order.number];
        page(
            ctx.db().read(),
            all,
            exchange_order::Column::Number,
            Order::Asc,
            args,
            key,
            ExchangeOrder,
        )
        .await
    }
}

/// Trades.
#[derive(Default)]
pub struct OrderMutation;

#[Object]
impl OrderMutation {
    /// Trades shares with the exchange at their current price: BUY removes shares from the exchange, SELL adds shares
    /// to it.
    ///
    /// No money is transferred, so only programs and administrators may call it (the bazaar's REST routes are such a
    /// program). People trade for money with `placeOrder`. A refused trade uses no number. For operators.
    async fn trade(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stock's name.")] stock: String,
        side: Side,
        #[graphql(desc = "The number of shares, 1 to 2,147,483,647.")] quantity: i32,
        #[graphql(desc = "The id of the trader. If omitted: the calling administrator, or no person for a program.")]
        trader: Option<ID>,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<ExchangeOrder> {
        let viewer = ctx.viewer();
        viewer.operator_or(BAZAAR)?;
        let for_another = trader.is_some();
        let trader_id = match (trader, viewer) {
            (Some(id), _) => Some(parse_id(&id).ok_or(Error::NotFound("trader"))?),
            (None, Viewer::User { id, .. }) => Some(*id),
            (None, _) => None,
        };
        let trade = Trade {
            stock: Which::Name(typed_name(&stock)?),
            side: side.into(),
            quantity: checked_quantity("quantity", quantity)?,
            price_minor: None,
            trader_id,
        };
        let asked = (&trade.stock, trade.side, trade.quantity);
        let key = match for_another {
            true => IdempotencyKey::of(viewer, "trade", idempotency_key, &(asked, trade.trader_id)),
            false => IdempotencyKey::of(viewer, "trade", idempotency_key, &asked),
        }?;
        let (orders, now_us) = (ctx.services().orders.clone(), ctx.now_us());
        let _permit = match orders.ready().await {
            Ok(permit) => permit,
            Err(refused) => return traded_before(ctx, key.as_ref(), refused).await.map(ExchangeOrder),
        };
        let has_key = key.is_some();
        let (recorded, _) = ctx
            .services()
            .write_and_tell(
                async move |tx| {
                    // Only a trade that is executed now changes the stock; a replay publishes no event.
                    let mut changed = None;
                    let carry_out = async || {
                        let traded = orders.trade(tx, &trade, now_us).await?;
                        changed = Some(traded.stock);
                        Ok(traded.recorded)
                    };
                    let recorded = once(tx, key.as_ref(), now_us, carry_out).await?;
                    Ok((recorded.into_inner(), changed))
                },
                |(_, changed)| changed.events(),
            )
            .await?;
        Ok(ExchangeOrder(match recorded {
            Recorded::Numbered(order) => order,
            Recorded::Reserved(trade) => {
                let unnumbered = Unnumbered {
                    reservation_id: trade.id,
                    has_key,
                    moved_shares_only: true,
                };
                trade.numbered(ctx.services().orders.number(ctx.db(), unnumbered).await?)
            }
        }))
    }
}

/// The trade that the key already has, for a retry while no trades can be executed; otherwise the given error.
async fn traded_before(
    ctx: &Context<'_>,
    key: Option<&IdempotencyKey>,
    refused: Error,
) -> Result<exchange_order::Model> {
    let db = ctx.db().read();
    match answered_before(db, key).await? {
        None => Err(refused),
        Some(Recorded::Numbered(order)) => Ok(order),
        Some(Recorded::Reserved(trade)) => {
            let number = reservation::number_of(db, trade.id).await?;
            number.map(|number| trade.numbered(number)).ok_or(Error::OutcomeUnknown)
        }
    }
}
