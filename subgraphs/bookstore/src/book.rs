//! Books: their GraphQL type, the queries that find them, and the mutations with which operators change them.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use contract::{
    ContextExt, EntityType, Error, IdempotencyKey, Money, PageArgs, PageConnection, Paginate, Result, TxExt,
    idempotent, load_row, non_null, optional_text, path_segment, required_text,
};
use entities::book::{self, BookChange, NewBook};

/// The open mount whose document describes the bookstore.
pub(crate) const BOOKSTORE_MOUNT: &str = "bookstore";
/// The longest title or topic, in characters.
const TEXT_CHARS_MAX: usize = 300;
/// The most topics that one list has.
const TOPICS_MAX: u64 = 1_000;

/// A book of the store.
#[derive(Clone)]
pub struct Book(pub(crate) book::Model);

/// A book of the bookstore.
#[Object]
impl Book {
    /// The book's id.
    #[graphql(tag = "cacheable")]
    async fn id(&self) -> ID {
        EntityType::Book.id(self.0.id)
    }

    /// The title.
    #[graphql(tag = "cacheable")]
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The topic.
    #[graphql(tag = "cacheable")]
    async fn topic(&self) -> &str {
        &self.0.topic
    }

    /// The price of one copy.
    #[graphql(tag = "cacheable")]
    async fn price(&self) -> Money {
        Money {
            minor: self.0.price_minor,
            currency: self.0.currency.clone(),
        }
    }

    /// The copies that are left to sell.
    #[graphql(tag = "cacheable")]
    async fn quantity(&self) -> i64 {
        self.0.quantity
    }
}

/// Returns the book with that id, if it exists. Lookups are batched.
pub(crate) async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<Book>> {
    Ok(load_row::<book::Entity>(ctx, id).await?.map(Book))
}

/// Queries that read books.
#[derive(Default)]
pub struct BookQuery;

#[Object]
impl BookQuery {
    /// The book with that id.
    #[graphql(tag = "cacheable")]
    async fn book(&self, ctx: &Context<'_>, #[graphql(desc = "The book's id.")] id: ID) -> Option<Result<Book>> {
        match EntityType::Book.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves a book another subgraph refers to.
    #[graphql(entity)]
    async fn book_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Book>> {
        match EntityType::Book.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }

    /// Books, ordered by id: all, or those of one topic (the whole topic must match), with a text in their title, or
    /// both. Case does not matter.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection and its filters")]
    async fn books(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only books of this topic.")] topic: Option<String>,
        #[graphql(desc = "Only books with this text in their title.")] text: Option<String>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<PageConnection<Book>> {
        let topic = topic
            .map(|topic| required_text("topic", &topic, TEXT_CHARS_MAX))
            .transpose()?;
        let text = optional_text("text", text.as_deref(), TEXT_CHARS_MAX)?;
        let found = book::search(topic.as_deref(), text.as_deref());
        let args = PageArgs::new(first, after, last, before);
        found.paginate(ctx, args, Book).await
    }

    /// The topics that have books, in alphabetical order; the first 1,000 of them.
    async fn topics(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        Ok(book::topics(ctx.db().read(), TOPICS_MAX).await?)
    }
}

/// A new book.
#[derive(InputObject)]
pub struct BookInput {
    /// The title, up to 300 characters.
    title: String,
    /// The topic, up to 300 characters.
    topic: String,
    /// The price of one copy in US dollars, 0.00 to 1,000,000,000,000.00.
    price: Money,
    /// The number of copies to sell, 0 or more.
    quantity: i32,
}

impl BookInput {
    fn validate(self) -> Result<NewBook> {
        let (price_minor, currency) = validate_price(self.price)?;
        Ok(NewBook {
            title: required_text("input.title", &self.title, TEXT_CHARS_MAX)?,
            topic: validate_topic("input.topic", &self.topic)?,
            price_minor,
            currency,
            quantity: validate_quantity(self.quantity)?,
        })
    }
}

/// New values for some fields of a book. An omitted field keeps its value.
#[derive(InputObject)]
pub struct BookPatch {
    /// The title, up to 300 characters.
    title: MaybeUndefined<String>,
    /// The topic, up to 300 characters.
    topic: MaybeUndefined<String>,
    /// The price of one copy in US dollars, 0.00 to 1,000,000,000,000.00.
    price: MaybeUndefined<Money>,
    /// The number of copies to sell, 0 or more.
    quantity: MaybeUndefined<i32>,
}

impl BookPatch {
    fn validate(self) -> Result<BookChange> {
        let text = |field, value: String| required_text(field, &value, TEXT_CHARS_MAX);
        let change = BookChange {
            title: non_null("input.title", self.title)?
                .map(|title| text("input.title", title))
                .transpose()?,
            topic: non_null("input.topic", self.topic)?
                .map(|new| validate_topic("input.topic", &new))
                .transpose()?,
            price: non_null("input.price", self.price)?.map(validate_price).transpose()?,
            quantity: non_null("input.quantity", self.quantity)?
                .map(validate_quantity)
                .transpose()?,
        };
        if change == BookChange::default() {
            return Err(Error::invalid("input", "must change something"));
        }
        Ok(change)
    }
}

/// Validates a topic, which has to fit into the path of a search URL.
fn validate_topic(field: &'static str, text: &str) -> Result<String> {
    path_segment(field, required_text(field, text, TEXT_CHARS_MAX)?)
}

fn validate_price(price: Money) -> Result<(i64, String)> {
    if price.usd_minor("input.price")? < 0 {
        return Err(Error::invalid("input.price", "must not be negative"));
    }
    Ok((price.minor, price.currency))
}

fn validate_quantity(quantity: i32) -> Result<i64> {
    if quantity < 0 {
        return Err(Error::invalid("input.quantity", "must not be negative"));
    }
    Ok(quantity.into())
}

/// Mutations that change books. Only operators may run them.
#[derive(Default)]
pub struct BookMutation;

#[Object]
impl BookMutation {
    /// Adds a book. For operators.
    async fn add_book(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The book.")] input: BookInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<Book> {
        ctx.viewer().require_operator_or(BOOKSTORE_MOUNT)?;
        let new = input.validate()?;
        let key = IdempotencyKey::for_mutation(ctx.viewer(), "addBook", idempotency_key, &new)?;
        let now_us = ctx.now_us();
        let added = ctx
            .services()
            .write(async move |tx| {
                let add = async || {
                    let book = book::add(tx, new.clone(), now_us).await?;
                    tx.invalidate(&book);
                    Ok(book)
                };
                idempotent(tx, key.as_ref(), now_us, add).await
            })
            .await?;
        Ok(Book(added.into_inner()))
    }

    /// Changes a book. Omitted fields keep their values; no field can be null. For operators.
    async fn update_book(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The book's id.")] id: ID,
        #[graphql(desc = "The changes.")] input: BookPatch,
    ) -> Result<Book> {
        ctx.viewer().require_operator_or(BOOKSTORE_MOUNT)?;
        let change = input.validate()?;
        let id = EntityType::Book.parse("id", &id)?.ok_or(Error::NotFound("book"))?;
        let now_us = ctx.now_us();
        let book = ctx
            .services()
            .write(async move |tx| {
                let changed = book::change(tx, id, change.clone(), now_us).await?;
                let book = changed.ok_or(Error::NotFound("book"))?;
                tx.invalidate(&book);
                Ok(book)
            })
            .await?;
        Ok(Book(book))
    }

    /// Deletes a book. Its purchases stay. For operators.
    async fn delete_book(&self, ctx: &Context<'_>, #[graphql(desc = "The book's id.")] id: ID) -> Result<bool> {
        ctx.viewer().require_operator_or(BOOKSTORE_MOUNT)?;
        let id = EntityType::Book.parse("id", &id)?.ok_or(Error::NotFound("book"))?;
        ctx.services()
            .write(async move |tx| {
                let mut deleted = book::remove(tx, id).await?.ok_or(Error::NotFound("book"))?;
                // The deletion counts as the book's last version.
                deleted.version += 1;
                tx.invalidate(&deleted);
                Ok(())
            })
            .await?;
        Ok(true)
    }
}
