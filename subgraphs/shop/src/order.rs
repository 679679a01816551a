//! Orders: their GraphQL type, the access check, and the queries that read them.

use async_graphql::{Context, ID, Object};
use chrono::{Days, NaiveDate};
use contract::{ContextExt, Date, DateTime, EntityType, Error, Money, MoneySum, Result, load_row, to_date_time};
use entities::shop_order;

use crate::product::{self, Product};
use crate::user::User;

/// The open mount whose document has routes for all orders.
pub(crate) const SHOP_MOUNT: &str = "shop";

/// An order of the shop. Its quantity is not available to other orders until it is deleted.
pub struct ShopOrder(pub(crate) shop_order::Model);

/// An order of the shop. Its quantity of the product is not available to others until the order is deleted.
#[Object]
impl ShopOrder {
    /// The order's id.
    async fn id(&self) -> ID {
        EntityType::ShopOrder.id(self.0.id)
    }

    /// The owner of the order.
    async fn user(&self) -> User {
        User(self.0.user_id)
    }

    /// The ordered product, in its current state.
    async fn product(&self, ctx: &Context<'_>) -> Result<Product> {
        let found = product::find(ctx, self.0.product_id).await?;
        found.ok_or_else(|| Error::Internal(format!("product {} is gone", self.0.product_id).into()))
    }

    /// The number of units.
    async fn quantity(&self) -> i64 {
        self.0.quantity
    }

    /// The date that the client gave for the order.
    async fn date(&self) -> Date {
        date_of(self.0.day).into()
    }

    /// The price of one unit when it was ordered.
    async fn unit_price(&self) -> Money {
        self.money(self.0.price_minor)
    }

    /// The price of the whole order.
    async fn total(&self) -> MoneySum {
        MoneySum {
            minor: i128::from(self.0.price_minor) * i128::from(self.0.quantity),
            currency: self.0.currency.clone(),
        }
    }

    /// When it was placed.
    async fn placed_at(&self) -> DateTime {
        to_date_time(self.0.placed_at_us)
    }
}

impl ShopOrder {
    fn money(&self, minor: i64) -> Money {
        Money {
            minor,
            currency: self.0.currency.clone(),
        }
    }
}

/// Returns the days since the epoch.
///
/// # Errors
/// `INVALID_INPUT` when the date is not a day of the calendar.
pub(crate) fn day_of(date: &Date) -> Result<i64> {
    let day = date.day("input.date")?;
    Ok(day.signed_duration_since(NaiveDate::default()).num_days())
}

fn date_of(day: i64) -> NaiveDate {
    let epoch = NaiveDate::default();
    let days = Days::new(day.unsigned_abs());
    let date = if day < 0 {
        epoch.checked_sub_days(days)
    } else {
        epoch.checked_add_days(days)
    };
    date.unwrap_or_default()
}

/// Returns the order with that id, if it exists and the viewer may see it. Lookups are batched.
async fn find(ctx: &Context<'_>, id: i64) -> Result<Option<ShopOrder>> {
    let found = load_row::<shop_order::Entity>(ctx, id).await?;
    let viewer = ctx.viewer();
    let may_see = |order: &shop_order::Model| viewer.is_operator_or(SHOP_MOUNT) || viewer.is_user(order.user_id);
    Ok(found.filter(may_see).map(ShopOrder))
}

/// Queries that read orders.
#[derive(Default)]
pub struct ShopOrderQuery;

#[Object]
impl ShopOrderQuery {
    /// The order with that id, for its owner and for operators; null for other viewers.
    async fn shop_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's id.")] id: ID,
    ) -> Option<Result<ShopOrder>> {
        match EntityType::ShopOrder.parse("id", &id).transpose()? {
            Ok(id) => find(ctx, id).await.transpose(),
            Err(error) => Some(Err(error)),
        }
    }

    /// Resolves an order another subgraph refers to.
    #[graphql(entity)]
    async fn shop_order_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<ShopOrder>> {
        match EntityType::ShopOrder.number(&id) {
            Some(id) => find(ctx, id).await,
            None => Ok(None),
        }
    }
}
