//! Products: their GraphQL type, the queries that find them, and the mutations with which operators change them.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use contract::{
    ContextExt, EntityType, Error, IdempotencyKey, Money, PageArgs, PageConnection, Paginate, Result, TxExt,
    idempotent, load_row, non_null, optional_text, required_line,
};
use entities::product::{self, NewProduct, ProductChange, ProductChangeOutcome};

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 64;
/// The longest search text, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// A product of the shop.
#[derive(Clone)]
pub struct Product(pub(crate) product::Model);

/// A product of the shop.
#[Object]
impl Product {
    /// The product's id.
    #[graphql(tag = "cacheable")]
    async fn id(&self) -> ID {
        EntityType::Product.id(self.0.id)
    }

    /// The name; unique without regard to case.
    #[graphql(tag = "cacheable")]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The price of one unit.
    #[graphql(tag = "cacheable")]
    async fn price(&self) -> Money {
        Money {
            minor: self.0.price_minor,
            currency: self.0.currency.clone(),
        }
    }

    /// How many can still be ordered.
    #[graphql(tag = "cacheable")]
    async fn available(&self) -> i64 {
        self.0.available
    }
}

/// Returns the product with that id, if it exists. Lookups are batched.
pub(crate) async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<Product>> {
    Ok(load_row::<product::Entity>(ctx, id).await?.map(Product))
}

/// Queries that read products.
#[derive(Default)]
pub struct ProductQuery;

#[Object]
impl ProductQuery {
    /// The product with that id.
    #[graphql(tag = "cacheable")]
    async fn product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product's id.")] id: ID,
    ) -> Option<Result<Product>> {
        match EntityType::Product.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves a product another subgraph refers to.
    #[graphql(entity)]
    async fn product_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Product>> {
        match EntityType::Product.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }

    /// Products, ordered by id: all, or those with a text in their name, in any case.
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only products with this text in their name.")] text: Option<String>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PageConnection<Product>> {
        let text = optional_text("text", text.as_deref(), TEXT_CHARS_MAX)?;
        let found = product::search(text.as_deref());
        let args = PageArgs::new(first, after, last, before);
        found.paginate(ctx, args, Product).await
    }
}

/// A new product.
#[derive(InputObject)]
pub struct ProductInput {
    /// The name, up to 64 characters, unique without regard to case.
    name: String,
    /// The price of one unit in US dollars, 0.01 to 1,000,000,000,000.00.
    price: Money,
    /// How many units can be ordered, 0 or more.
    available: i32,
}

impl ProductInput {
    fn validate(self) -> Result<NewProduct> {
        let (price_minor, currency) = validate_price(self.price)?;
        Ok(NewProduct {
            name: validate_name(&self.name)?,
            price_minor,
            currency,
            available: validate_available(self.available)?,
        })
    }
}

/// New values for some fields of a product. An omitted field keeps its value.
#[derive(InputObject)]
pub struct ProductPatch {
    /// The name, up to 64 characters, unique without regard to case.
    name: MaybeUndefined<String>,
    /// The price of one unit in US dollars, 0.01 to 1,000,000,000,000.00. Existing orders keep their price.
    price: MaybeUndefined<Money>,
    /// How many units can be ordered from now on, 0 or more. Existing orders stay as they are.
    available: MaybeUndefined<i32>,
}

impl ProductPatch {
    fn validate(self) -> Result<ProductChange> {
        let change = ProductChange {
            name: non_null("input.name", self.name)?
                .as_deref()
                .map(validate_name)
                .transpose()?,
            price: non_null("input.price", self.price)?.map(validate_price).transpose()?,
            available: non_null("input.available", self.available)?
                .map(validate_available)
                .transpose()?,
        };
        if change == ProductChange::default() {
            return Err(Error::invalid("input", "must change something"));
        }
        Ok(change)
    }
}

fn validate_name(name: &str) -> Result<String> {
    required_line("input.name", name, NAME_CHARS_MAX)
}

fn validate_price(price: Money) -> Result<(i64, String)> {
    if price.usd_minor("input.price")? < 1 {
        return Err(Error::invalid("input.price", "must be at least 0.01"));
    }
    Ok((price.minor, price.currency))
}

fn validate_available(available: i32) -> Result<i64> {
    if available < 0 {
        return Err(Error::invalid("input.available", "must not be negative"));
    }
    Ok(available.into())
}

/// Mutations that change products. Only operators may run them.
#[derive(Default)]
pub struct ProductMutation;

#[Object]
impl ProductMutation {
    /// Adds a product. For operators.
    async fn add_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product.")] input: ProductInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Product> {
        ctx.viewer().require_operator()?;
        let new = input.validate()?;
        let key = IdempotencyKey::for_mutation(ctx.viewer(), "addProduct", idempotency_key, &new)?;
        let now_us = ctx.now_us();
        let added = ctx
            .services()
            .write(async move |tx| {
                let add = async || {
                    let added = product::add(tx, new.clone(), now_us).await?;
                    let product = added.ok_or_else(name_taken_error)?;
                    tx.invalidate(&product);
                    Ok(product)
                };
                idempotent(tx, key.as_ref(), now_us, add).await
            })
            .await?;
        Ok(Product(added.into_inner()))
    }

    /// Changes a product. Omitted fields keep their values; no field can be null. For operators.
    async fn update_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product's id.")] id: ID,
        #[graphql(desc = "The changes.")] input: ProductPatch,
    ) -> Result<Product> {
        ctx.viewer().require_operator()?;
        let change = input.validate()?;
        let id = EntityType::Product
            .parse("id", &id)?
            .ok_or(Error::NotFound("product"))?;
        let now_us = ctx.now_us();
        let product = ctx
            .services()
            .write(
                async move |tx| match product::change(tx, id, change.clone(), now_us).await? {
                    ProductChangeOutcome::Done(product) => {
                        tx.invalidate(&*product);
                        Ok(*product)
                    }
                    ProductChangeOutcome::NoProduct => Err(Error::NotFound("product")),
                    ProductChangeOutcome::NameTaken => Err(name_taken_error()),
                    ProductChangeOutcome::TooMany => {
                        Err(Error::conflict("with what is ordered it would be too many to count"))
                    }
                },
            )
            .await?;
        Ok(Product(product))
    }
}

fn name_taken_error() -> Error {
    Error::conflict("there is a product of this name")
}
