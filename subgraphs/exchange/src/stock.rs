//! Stocks: their fields, how to find them, and the mutations of operators.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object};
use contract::{
    ContextExt, DateTime, Db, EntityType, Error, IdempotencyKey, Invalidates, Load, Loader, Money, PageArgs,
    PageConnection, Paginate, Result, Side, TxExt, batch_loader, clamp_to_int, idempotent, load, load_row,
    required_segment, to_date_time,
};
use entities::stock::{self, NewStock, StockRef};
use sea_orm::EntityTrait;

use crate::price::checked_price;

/// The open mount whose contract has trades and moves shares in and out of the catalog.
pub(crate) const BAZAAR: &str = "bazaar";
/// The most characters of a stock's name.
const NAME_CHARS_MAX: usize = 64;

/// A stock of the exchange. The day's figures are those of the current UTC day.
#[derive(Clone)]
pub struct Stock(pub(crate) stock::Model);

// The fields tagged `cacheable` change only with the stock's version. The day's figures also change at midnight.
#[Object]
impl Stock {
    /// The stock's id.
    #[graphql(tag = "cacheable")]
    async fn id(&self) -> ID {
        EntityType::Stock.id(self.0.id)
    }

    /// The name; upper and lower case differ. It never changes.
    #[graphql(tag = "cacheable")]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The price of one share.
    #[graphql(tag = "cacheable")]
    async fn price(&self) -> Money {
        self.money(self.0.price_minor)
    }

    /// The number of shares that the exchange has to sell.
    #[graphql(tag = "cacheable")]
    async fn quantity(&self) -> i64 {
        self.0.quantity
    }

    /// The price when the day began.
    async fn open(&self, ctx: &Context<'_>) -> Money {
        self.money(self.0.today(ctx.now_us()).open_minor)
    }

    /// The highest price of the day.
    async fn high(&self, ctx: &Context<'_>) -> Money {
        self.money(self.0.today(ctx.now_us()).high_minor)
    }

    /// The lowest price of the day.
    async fn low(&self, ctx: &Context<'_>) -> Money {
        self.money(self.0.today(ctx.now_us()).low_minor)
    }

    /// The last price of the day: the current one.
    #[graphql(tag = "cacheable")]
    async fn close(&self) -> Money {
        self.money(self.0.price_minor)
    }

    /// Shares bought and sold on the day, together; counted up to 2,147,483,647.
    async fn volume(&self, ctx: &Context<'_>) -> i64 {
        clamp_to_int(self.0.today(ctx.now_us()).volume)
    }

    /// When its price or its quantity last changed.
    #[graphql(tag = "cacheable")]
    async fn updated_at(&self) -> DateTime {
        to_date_time(self.0.changed_at_us)
    }
}

impl Stock {
    fn money(&self, minor: i64) -> Money {
        Money {
            minor,
            currency: self.0.currency.clone(),
        }
    }
}

/// The stock with that id, if there is one. Batched.
pub(crate) async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<Stock>> {
    Ok(load_row::<stock::Entity>(ctx, id).await?.map(Stock))
}

/// The stock of that name, if there is one. Batched.
pub(crate) async fn find_by_name(ctx: &Context<'_>, name: String) -> Result<Option<Stock>> {
    Ok(load::<StockByName, _>(ctx, name).await?.map(Stock))
}

/// Reads stocks by name, many at once.
pub(crate) struct StockByName(Db);

/// The loader that [`find_by_name`] uses.
pub(crate) fn by_name_loader(db: &Db) -> Loader<StockByName> {
    batch_loader(StockByName(db.clone()))
}

impl Load<String> for StockByName {
    type Value = stock::Model;
    type Error = Error;

    async fn load(&self, names: &[String]) -> Result<HashMap<String, stock::Model>> {
        let found = stock::by_names(self.0.read(), names).await?;
        Ok(found.into_iter().map(|stock| (stock.name.clone(), stock)).collect())
    }
}

/// Reads of stocks; public.
#[derive(Default)]
pub struct StockQuery;

#[Object]
impl StockQuery {
    /// The stock with that id or that name; exactly one of the two is required.
    #[graphql(tag = "cacheable")]
    async fn stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stock's id.")] id: Option<ID>,
        #[graphql(desc = "The stock's name.")] name: Option<String>,
    ) -> Option<Result<Stock>> {
        let found = match (id, name) {
            (Some(id), None) => match EntityType::Stock.parse("id", &id).transpose()? {
                Ok(id) => find(ctx, id).await,
                Err(error) => Err(error),
            },
            (None, Some(name)) => find_by_name(ctx, name).await,
            (None, None) => Err(Error::invalid("id", "or name must be given")),
            (Some(_), Some(_)) => Err(Error::invalid("name", "cannot be combined with id")),
        };
        found.transpose()
    }

    /// Resolves a stock another subgraph refers to by its id.
    #[graphql(entity)]
    async fn stock_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Stock>> {
        match EntityType::Stock.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }

    /// Resolves a stock another subgraph refers to by its name.
    #[graphql(entity)]
    async fn stock_by_name(&self, ctx: &Context<'_>, name: String) -> Result<Option<Stock>> {
        find_by_name(ctx, name).await
    }

    /// All stocks, ordered by id.
    async fn stocks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PageConnection<Stock>> {
        let args = PageArgs::new(first, after, last, before);
        stock::Entity::find().paginate(ctx, args, Stock).await
    }
}

/// A new stock.
#[derive(InputObject)]
pub struct StockInput {
    /// The name, up to 64 characters; upper and lower case differ.
    name: String,
    /// The price of one share in US dollars, 0.01 to 1,000,000,000,000.00.
    price: Money,
    /// The number of shares to sell, 1 to 2,147,483,647.
    quantity: i32,
}

impl StockInput {
    fn checked(self) -> Result<NewStock> {
        Ok(NewStock {
            name: required_segment("input.name", &self.name, NAME_CHARS_MAX)?,
            price_minor: checked_price("input.price", &self.price)?,
            currency: self.price.currency,
            quantity: checked_quantity("input.quantity", self.quantity)?,
        })
    }
}

/// A stock's name from a request, trimmed. The database checks whether there is such a stock.
pub(crate) fn checked_name(name: &str) -> Result<String> {
    match name.trim() {
        "" => Err(Error::invalid("stock", "must not be blank")),
        name => Ok(name.to_owned()),
    }
}

/// A number of shares, from 1.
pub(crate) fn checked_quantity(field: &'static str, quantity: i32) -> Result<i64> {
    if quantity < 1 {
        return Err(Error::invalid(field, "must be at least 1"));
    }
    Ok(quantity.into())
}

/// Writes of stocks; for operators.
#[derive(Default)]
pub struct StockMutation;

#[Object]
impl StockMutation {
    /// Lists a new stock. For operators.
    async fn list_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stock.")] input: StockInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Stock> {
        ctx.viewer().require_operator()?;
        let new = input.checked()?;
        let key = IdempotencyKey::for_mutation(ctx.viewer(), "listStock", idempotency_key, &new)?;
        let now_us = ctx.now_us();
        let listed = ctx
            .services()
            .write(async move |tx| {
                let list = async || {
                    let listed = stock::add(tx, new.clone(), now_us).await?;
                    let stock = listed.ok_or_else(|| Error::conflict("a stock of this name is listed already"))?;
                    tx.invalidate(&stock);
                    Ok(stock)
                };
                idempotent(tx, key.as_ref(), now_us, list).await
            })
            .await?;
        Ok(Stock(listed.into_inner()))
    }

    /// Corrects the number of shares that the exchange has, without a trade: BUY removes shares, SELL adds shares. For
    /// operators.
    async fn adjust_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stock's name.")] stock: String,
        #[graphql(desc = "Whether shares are removed (`BUY`) or added (`SELL`).")] side: Side,
        #[graphql(desc = "The number of shares, 1 to 2,147,483,647.")] quantity: i32,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Stock> {
        ctx.viewer().require_operator_or(BAZAAR)?;
        let quantity = checked_quantity("quantity", quantity)?;
        let (stock_ref, side) = (StockRef::Name(checked_name(&stock)?), entities::side::Side::from(side));
        let key = IdempotencyKey::for_mutation(
            ctx.viewer(),
            "adjustStock",
            idempotency_key,
            &(&stock_ref, side, quantity),
        )?;
        let now_us = ctx.now_us();
        let adjusted = ctx
            .services()
            .write(async move |tx| {
                let adjust = async || {
                    let stock = stock::adjust(tx, &stock_ref, side, quantity, now_us).await?;
                    tx.invalidate(&stock);
                    Ok(stock)
                };
                idempotent(tx, key.as_ref(), now_us, adjust).await
            })
            .await?;
        Ok(Stock(adjusted.into_inner()))
    }

    /// Removes a stock from every cache, although the stock has not changed. For operators.
    async fn invalidate_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stock's name.")] stock: String,
    ) -> Result<bool> {
        ctx.viewer().require_operator_or(BAZAAR)?;
        let found = find_by_name(ctx, stock).await?.ok_or(Error::NotFound("stock"))?;
        let bus = &ctx.services().bus;
        found.0.events().into_iter().for_each(|event| bus.publish(event));
        Ok(true)
    }
}
