//! The mutations of orders: place, change, delete.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use contract::{ContextExt, Date, EntityType, Error, IdempotencyKey, Result, Tx, TxExt, Viewer, idempotent, non_null};
use entities::shop_order::{self, NewShopOrder, ShopOrderChange, ShopOrderError, ShopOrderWrite};
use entities::user;

use crate::order::{SHOP_MOUNT, ShopOrder, day_of};

/// A new order.
#[derive(InputObject)]
pub struct ShopOrderInput {
    /// The id of the order's owner: the viewer or, for operators, any active person.
    user: Option<ID>,
    /// The id of the ordered product.
    product: ID,
    /// The number of units, 1 to 2,147,483,647.
    quantity: i32,
    /// The date of the order.
    date: Date,
}

/// New values for some fields of an order. An omitted field keeps its value.
#[derive(InputObject)]
pub struct ShopOrderPatch {
    /// The id of the order's owner. It may be repeated, but cannot be changed.
    user: MaybeUndefined<ID>,
    /// The id of the ordered product. Another product has its current price; more units of the same product keep the
    /// original price.
    product: MaybeUndefined<ID>,
    /// The number of units, 1 to 2,147,483,647.
    quantity: MaybeUndefined<i32>,
    /// The date of the order.
    date: MaybeUndefined<Date>,
}

impl ShopOrderPatch {
    /// Validates the input. Returns the changes and the owner that the client gave, if any.
    fn validate(self) -> Result<(ShopOrderChange, Option<ID>)> {
        let user = non_null("input.user", self.user)?;
        let product = non_null("input.product", self.product)?;
        let date = non_null("input.date", self.date)?;
        let change = ShopOrderChange {
            quantity: non_null("input.quantity", self.quantity)?
                .map(validate_quantity)
                .transpose()?,
            day: date.as_ref().map(day_of).transpose()?,
            product_id: product.as_ref().map(product_id).transpose()?,
        };
        if change == ShopOrderChange::default() {
            return Err(Error::invalid("input", "must change something"));
        }
        Ok((change, user))
    }
}

/// An id that no row has.
const UNKNOWN_ID: i64 = 0;

/// Returns the number of a product. An id that no product can have gets a number that finds none, because whether the
/// order exists is checked before that.
fn product_id(id: &ID) -> Result<i64> {
    Ok(EntityType::Product.parse("input.product", id)?.unwrap_or(UNKNOWN_ID))
}

fn validate_quantity(quantity: i32) -> Result<i64> {
    if quantity < 1 {
        return Err(Error::invalid("input.quantity", "must be at least 1"));
    }
    Ok(quantity.into())
}

/// Mutations that place, change and delete orders.
#[derive(Default)]
pub struct ShopOrderMutation;

#[Object]
impl ShopOrderMutation {
    /// Orders a product for the viewer; operators may name another person. The ordered quantity is no longer available
    /// to others.
    async fn place_shop_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: ShopOrderInput,
        #[graphql(desc = "The key that makes it safe to send the request again: see `Mutation`.")]
        idempotency_key: Option<String>,
    ) -> Result<ShopOrder> {
        let viewer = ctx.viewer();
        let new = NewShopOrder {
            user_id: owner_of_new_order(viewer, input.user)?,
            product_id: product_id(&input.product)?,
            quantity: validate_quantity(input.quantity)?,
            day: day_of(&input.date)?,
        };
        let is_own = viewer.is_user(new.user_id);
        let key = IdempotencyKey::for_mutation(viewer, "placeShopOrder", idempotency_key, &new)?;
        let now_us = ctx.now_us();
        let place = async move |tx: &Tx| {
            let place = async || {
                let written = match (user::is_active(tx, new.user_id).await?, is_own) {
                    (true, _) => shop_order::place(tx, new.clone(), now_us).await.map_err(order_error)?,
                    // The token may be older than the deactivation.
                    (false, true) => return Err(Error::Unauthenticated),
                    (false, false) => return Err(Error::NotFound("user")),
                };
                publish_events(tx, &written);
                Ok(written.order)
            };
            idempotent(tx, key.as_ref(), now_us, place).await
        };
        let placed = ctx.services().write(place).await?;
        Ok(ShopOrder(placed.into_inner()))
    }

    /// Changes an order: all of the changes, or none. A quantity that it gives up is available again. For its owner and
    /// for operators.
    async fn update_shop_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's id.")] id: ID,
        #[graphql(desc = "The changes.")] input: ShopOrderPatch,
    ) -> Result<ShopOrder> {
        let owner = owner_filter(ctx.viewer())?;
        let (change, user) = input.validate()?;
        let user = user
            .map(|user| EntityType::User.parse("input.user", &user))
            .transpose()?;
        let id = EntityType::ShopOrder
            .parse("id", &id)?
            .ok_or(Error::NotFound("order"))?;
        let now_us = ctx.now_us();
        let update = async move |tx: &Tx| {
            let before = shop_order::find(tx, id, owner).await?.ok_or(Error::NotFound("order"))?;
            if user.is_some_and(|user| user != Some(before.user_id)) {
                return Err(Error::invalid("input.user", "cannot be changed"));
            }
            let changed = shop_order::change(tx, before, change.clone(), now_us)
                .await
                .map_err(order_error)?;
            publish_events(tx, &changed);
            Ok(changed.order)
        };
        let changed = ctx.services().write(update).await?;
        Ok(ShopOrder(changed))
    }

    /// Deletes an order. The ordered quantity is available again. For its owner and for operators.
    async fn delete_shop_order(&self, ctx: &Context<'_>, #[graphql(desc = "The order's id.")] id: ID) -> Result<bool> {
        let owner = owner_filter(ctx.viewer())?;
        let id = EntityType::ShopOrder
            .parse("id", &id)?
            .ok_or(Error::NotFound("order"))?;
        let now_us = ctx.now_us();
        let delete = async move |tx: &Tx| {
            let mut deleted = shop_order::remove(tx, id, owner, now_us).await.map_err(order_error)?;
            // The deletion counts as the order's last version.
            deleted.order.version += 1;
            publish_events(tx, &deleted);
            Ok(())
        };
        ctx.services().write(delete).await?;
        Ok(true)
    }
}

/// Returns the id of the new order's owner.
fn owner_of_new_order(viewer: &Viewer, user: Option<ID>) -> Result<i64> {
    match user {
        Some(user) => match EntityType::User.parse("input.user", &user)? {
            Some(id) => viewer.require_self_or_operator_or(id, SHOP_MOUNT).map(|()| id),
            None => viewer.require_operator_or(SHOP_MOUNT).and(Err(Error::NotFound("user"))),
        },
        None if matches!(viewer, Viewer::Service { .. } | Viewer::OpenMount { .. }) => Err(Error::invalid(
            "input.user",
            "must be given, because no person is signed in",
        )),
        None => viewer.require_user(),
    }
}

/// Returns the owner whose orders the viewer may change, or `None` for an operator, who may change all of them.
fn owner_filter(viewer: &Viewer) -> Result<Option<i64>> {
    match viewer {
        _ if viewer.is_operator_or(SHOP_MOUNT) => Ok(None),
        viewer => viewer.require_user().map(Some),
    }
}

/// Publishes the events of an order that was written: one for each product, and one for the order.
fn publish_events(tx: &Tx, written: &ShopOrderWrite) {
    tx.invalidate(&*written.products);
    tx.invalidate(&written.order);
}

fn order_error(refused: ShopOrderError) -> Error {
    match refused {
        ShopOrderError::NoOrder => Error::NotFound("order"),
        ShopOrderError::NoProduct => Error::NotFound("product"),
        ShopOrderError::InsufficientQuantity => Error::InsufficientStock("not enough of the product is available"),
        ShopOrderError::CostTooHigh => Error::invalid(
            "input.quantity",
            "would make the order cost more than 1,000,000,000,000.00",
        ),
        ShopOrderError::Conflict => Error::conflict("the order was changed meanwhile"),
        ShopOrderError::Database(error) => error.into(),
    }
}
