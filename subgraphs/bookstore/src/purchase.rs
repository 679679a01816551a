//! Purchases: their GraphQL type, the access check, the queries that read them, and the sale of a copy.

use async_graphql::{Context, ID, Object};
use contract::{
    ContextExt, CountedConnection, DateTime, EntityType, Error, IdempotencyKey, Money, PageArgs, Paginate, Result,
    TotalCount, Tx, TxExt, idempotent, load_row, to_date_time,
};
use entities::book::{self, TakeCopyOutcome};
use entities::book_purchase;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};

use crate::book::{BOOKSTORE_MOUNT, Book, find as find_book};
use crate::user::User;

/// The sale of one copy of a book. It stays readable after the book is changed or deleted.
pub struct BookPurchase(pub(crate) book_purchase::Model);

/// The sale of one copy of a book. It stays readable after the book is changed or deleted.
#[Object]
impl BookPurchase {
    /// The purchase's id.
    async fn id(&self) -> ID {
        EntityType::BookPurchase.id(self.0.id)
    }

    /// The book as it is now; null when it has been deleted since.
    async fn book(&self, ctx: &Context<'_>) -> Option<Result<Book>> {
        find_book(ctx, self.0.book_id).await.transpose()
    }

    /// The id of the book, deleted or not.
    async fn book_id(&self) -> ID {
        EntityType::Book.id(self.0.book_id)
    }

    /// The title under which it was sold.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The price that was paid.
    async fn price(&self) -> Money {
        Money {
            minor: self.0.price_minor,
            currency: self.0.currency.clone(),
        }
    }

    /// The copies that were left right after this sale.
    async fn quantity_after(&self) -> i64 {
        self.0.quantity_after
    }

    /// The buyer; null if a program bought it.
    async fn buyer(&self) -> Option<User> {
        self.0.buyer_id.map(User)
    }

    /// When it was sold.
    async fn at(&self) -> DateTime {
        to_date_time(self.0.at_us)
    }
}

/// Returns the purchase with that id, if it exists and the viewer may see it. Lookups are batched.
async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<BookPurchase>> {
    let found = load_row::<book_purchase::Entity>(ctx, id).await?;
    let viewer = ctx.viewer();
    let may_see = |purchase: &book_purchase::Model| {
        viewer.is_operator_or(BOOKSTORE_MOUNT) || purchase.buyer_id.is_some_and(|id| viewer.is_user(id))
    };
    Ok(found.filter(may_see).map(BookPurchase))
}

/// Returns a page of what a person bought, oldest first.
pub(crate) async fn of_buyer(ctx: &Context<'_>, buyer: i64, args: PageArgs) -> Result<CountedConnection<BookPurchase>> {
    ctx.viewer().require_self_or_operator(buyer)?;
    let all = || book_purchase::Entity::find().filter(book_purchase::Column::BuyerId.eq(buyer));
    let count = TotalCount::of(ctx, all).await?;
    let page = book_purchase::OF_BUYER.of(buyer).paginate(ctx, args, BookPurchase);
    Ok(count.with(page.await?))
}

/// Queries that read purchases.
#[derive(Default)]
pub struct PurchaseQuery;

#[Object]
impl PurchaseQuery {
    /// The purchase with that id, for its buyer and for operators; null for other viewers.
    async fn book_purchase(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The purchase's id.")] id: ID,
    ) -> Option<Result<BookPurchase>> {
        match EntityType::BookPurchase.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves a purchase another subgraph refers to.
    #[graphql(entity)]
    async fn book_purchase_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<BookPurchase>> {
        match EntityType::BookPurchase.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }

    /// All purchases, oldest first; for operators.
    async fn book_purchases(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of nodes from the front, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only nodes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The number of nodes from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only nodes before this cursor.")] before: Option<String>,
    ) -> Result<CountedConnection<BookPurchase>> {
        ctx.viewer().require_operator_or(BOOKSTORE_MOUNT)?;
        let args = PageArgs::new(first, after, last, before);
        let page = book_purchase::Entity::find().paginate(ctx, args, BookPurchase);
        Ok(TotalCount::default().with(page.await?))
    }
}

/// Mutations that sell books.
#[derive(Default)]
pub struct PurchaseMutation;

#[Object]
impl PurchaseMutation {
    /// Buys one copy of a book for the viewer; a purchase by a program has no buyer.
    async fn purchase_book(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The book's id.")] id: ID,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<BookPurchase> {
        let viewer = ctx.viewer();
        let buyer = viewer.require_user_or_program(BOOKSTORE_MOUNT)?;
        let unprefixed = EntityType::Book.unprefixed("id", &id)?;
        let key = IdempotencyKey::for_mutation(viewer, "purchaseBook", idempotency_key, &unprefixed)?;
        let id = EntityType::Book.parse("id", &id)?.ok_or(Error::NotFound("book"))?;
        let now_us = ctx.now_us();
        let sold = ctx
            .services()
            .write(async move |tx| {
                idempotent(tx, key.as_ref(), now_us, async || sell(tx, id, buyer, now_us).await).await
            })
            .await?;
        Ok(BookPurchase(sold.into_inner().purchase))
    }
}

/// The result of a sale that an idempotency key stores.
#[derive(Serialize, Deserialize)]
struct Sale {
    purchase: book_purchase::Model,
}

/// Takes a copy of the book and records the sale. An error leaves both undone.
async fn sell(tx: &Tx, book: i64, buyer: Option<i64>, now_us: i64) -> Result<Sale> {
    match book::take_copy(tx, book, now_us).await? {
        TakeCopyOutcome::Taken(book) => {
            let purchase = book_purchase::record(tx, &book, buyer, now_us).await?;
            tx.invalidate(&book);
            Ok(Sale { purchase })
        }
        TakeCopyOutcome::NoneLeft => Err(Error::InsufficientStock("book out of stock")),
        TakeCopyOutcome::NoBook => Err(Error::NotFound("book")),
    }
}
