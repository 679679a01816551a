//! A trade with the exchange, and its number.

use async_graphql::{Context, ID, Object};
use contract::{
    ContextExt, DateTime, EntityType, Error, ExchangeTrade, IdempotencyKey, Money, PageArgs, PageConnection, Paginate,
    Result, Side, TradeRecord, UnnumberedTrade, Viewer, idempotent, load_row, recorded_answer, to_date_time,
};
use entities::exchange_order;
use entities::stock::StockRef;
use sea_orm::{EntityTrait, Order};

use crate::stock::{BAZAAR, Stock, checked_name, checked_quantity, find as find_stock};
use crate::user::User;

/// An executed trade. It never changes.
pub struct ExchangeOrder(pub(crate) exchange_order::Model);

/// An executed trade. It never changes.
#[Object]
impl ExchangeOrder {
    /// The trade's id.
    async fn id(&self) -> ID {
        EntityType::ExchangeOrder.id(self.0.number)
    }

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
        self.0.side.into()
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
        let may_know = |trader: &i64| viewer.is_user(*trader) || viewer.is_operator();
        self.0.trader_id.filter(may_know).map(User::new)
    }

    /// When the trade was executed.
    async fn at(&self) -> DateTime {
        to_date_time(self.0.at_us)
    }
}

/// The trade with that number, if there is one. Batched.
pub(crate) async fn find(ctx: &Context<'_>, number: i64) -> Result<Option<ExchangeOrder>> {
    // First the log: a trade that it forgets meanwhile is in the table.
    if let Some(order) = ctx.services().order_log.unwritten(number) {
        return Ok(Some(ExchangeOrder(order)));
    }
    Ok(load_row::<exchange_order::Entity>(ctx, number)
        .await?
        .map(ExchangeOrder))
}

/// Reads of trades; public.
#[derive(Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// The trade with that number.
    async fn exchange_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The trade's number.")] number: i64,
    ) -> Option<Result<ExchangeOrder>> {
        match ctx.services().order_log.has(ctx.services(), number).await {
            Ok(true) => find(ctx, number).await.transpose(),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves a trade another subgraph refers to by its id.
    #[graphql(entity)]
    async fn exchange_order_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<ExchangeOrder>> {
        match EntityType::ExchangeOrder.number(&id) {
            Some(number) => find(ctx, number).await,
            None => Ok(None),
        }
    }

    /// Resolves a trade another subgraph refers to by its number.
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
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PageConnection<ExchangeOrder>> {
        let args = PageArgs::new(first, after, last, before);
        // A client that pages by number continues after the last number it got, so a page must not skip a number.
        let whole = ctx.services().order_log.contiguous_through(ctx.db()).await?;
        let all = exchange_order::Entity::find().sorted_by(&[exchange_order::Column::Number], Order::Asc);
        let all = all.between(after_number, whole.map(|whole| whole.saturating_add(1)));
        all.paginate(ctx, args, ExchangeOrder).await
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
        #[graphql(desc = "The direction of the trade, seen from the trader.")] side: Side,
        #[graphql(desc = "The number of shares, 1 to 2,147,483,647.")] quantity: i32,
        #[graphql(desc = "The id of the trader. If omitted: the calling administrator, or no person for a program.")]
        trader: Option<ID>,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<ExchangeOrder> {
        let viewer = ctx.viewer();
        viewer.require_operator_or(BAZAAR)?;
        let for_another = trader.is_some();
        let trader_id = match (trader, viewer) {
            (Some(id), _) => {
                let trader = EntityType::User.parse("trader", &id)?;
                Some(trader.ok_or(Error::NotFound("trader"))?)
            }
            (None, Viewer::User { id, .. }) => Some(*id),
            (None, _) => None,
        };
        let trade = ExchangeTrade {
            stock: StockRef::Name(checked_name(&stock)?),
            side: side.into(),
            quantity: checked_quantity("quantity", quantity)?,
            price_minor: None,
            trader_id,
        };
        let request = (&trade.stock, trade.side, trade.quantity);
        let key = if for_another {
            IdempotencyKey::for_mutation(viewer, "trade", idempotency_key, &(request, trade.trader_id))
        } else {
            IdempotencyKey::for_mutation(viewer, "trade", idempotency_key, &request)
        }?;
        let (log, now_us) = (ctx.services().order_log.clone(), ctx.now_us());
        let _permit = match log.ready().await {
            Ok(permit) => permit,
            Err(refused) => return replayed_trade(ctx, key.as_ref(), refused).await.map(ExchangeOrder),
        };
        let has_key = key.is_some();
        let recorded = ctx
            .services()
            .write(async move |tx| {
                let execute = async || Ok(log.trade(tx, &trade, now_us).await?.recorded);
                idempotent(tx, key.as_ref(), now_us, execute).await
            })
            .await?;
        Ok(ExchangeOrder(match recorded.into_inner() {
            TradeRecord::Numbered(order) => order,
            TradeRecord::Reserved(trade) => {
                let unnumbered = UnnumberedTrade {
                    reservation_id: trade.id,
                    has_key,
                    moved_shares_only: true,
                };
                trade.to_exchange_order(ctx.services().order_log.number(ctx.db(), unnumbered).await?)
            }
        }))
    }
}

/// The trade that the key already has, for a retry while no trades can be executed; otherwise the given error.
async fn replayed_trade(
    ctx: &Context<'_>,
    key: Option<&IdempotencyKey>,
    refused: Error,
) -> Result<exchange_order::Model> {
    match recorded_answer(ctx.db().read(), key).await? {
        None => Err(refused),
        Some(TradeRecord::Numbered(order)) => Ok(order),
        Some(TradeRecord::Reserved(trade)) => {
            let number = ctx.services().order_log.assigned_number(ctx.db(), trade.id).await;
            let number = number.ok().flatten().ok_or(Error::OutcomeUnknown)?;
            Ok(trade.to_exchange_order(number))
        }
    }
}
