//! The shop: an order that is placed, changed, and now and then deleted.

use hyper::Method;
use rand::Rng;
use serde_json::{Value, json};

use super::Player;
use crate::caller::{Abandoned, Allowed, NEVER, Outcome, refusals};
use crate::person::ShopOrder;
use crate::values::{cents, id_number, path_number};
use crate::world::done;

const DATES: [&str; 3] = ["2023-11-28", "2024-02-29", "2026-01-31"];

impl Player {
    /// Places an order, changes it, and deletes it half of the time.
    pub(super) async fn use_the_shop(&mut self) -> Result<(), Abandoned> {
        let Some(id) = self.place_shop_order().await? else {
            return Ok(());
        };
        self.change_shop_order(id).await?;
        if self.random.random_bool(0.5) {
            self.delete_shop_order(id).await?;
        }
        Ok(())
    }

    fn random_shop_order(&mut self) -> ShopOrder {
        ShopOrder {
            product: self.random.random_range(0..self.world.products.len()),
            quantity: self.random.random_range(1..4),
            date: DATES[self.random.random_range(0..DATES.len())],
        }
    }

    async fn place_shop_order(&mut self) -> Result<Option<i64>, Abandoned> {
        let order = self.random_shop_order();
        let key = self.key();
        let world = self.world.clone();
        let product = &world.products[order.product];
        let allowed = refusals(if product.is_scarce {
            &["INSUFFICIENT_STOCK"]
        } else {
            &[]
        });
        let over_rest = self.over_rest();
        let step = ["order a product", "order a product (REST)"][usize::from(over_rest)];
        let outcome = if over_rest {
            let body = json!({
                "user_id": self.person.id, "product_id": product.id, "quantity": order.quantity, "date": order.date,
            });
            let request = (Method::POST, "/shop/api/orders".to_owned());
            self.caller.rest(step, request, Some(body), Some(key), allowed).await?
        } else {
            let document = "mutation($input: ShopOrderInput!, $key: String!) {
                placeShopOrder(input: $input, idempotencyKey: $key) { id quantity date unitPrice total product { id } } }";
            let input = json!({
                "product": format!("product_{}", product.id), "quantity": order.quantity, "date": order.date,
            });
            let variables = json!({ "input": input, "key": key });
            self.caller.graphql(step, document, variables, allowed).await?
        };
        let Outcome::Done(answer) = outcome else {
            return Ok(None);
        };
        let id = if over_rest {
            answer.location.as_deref().and_then(path_number)
        } else {
            let placed = &answer.data["placeShopOrder"];
            let total = Some(product.price * order.quantity);
            self.caller.same(step, "the total", total, cents(&placed["total"]))?;
            id_number(&placed["id"])
        };
        let id = self.caller.needed(step, "id", id)?;
        product.take(order.quantity);
        self.person.shop_orders.insert(id, order);
        Ok(Some(id))
    }

    async fn change_shop_order(&mut self, id: i64) -> Result<(), Abandoned> {
        let new = self.random_shop_order();
        let world = self.world.clone();
        let product = &world.products[new.product];
        let allowed = refusals(if product.is_scarce {
            &["INSUFFICIENT_STOCK"]
        } else {
            &[]
        });
        let over_rest = self.over_rest();
        let step = ["change a shop order", "change a shop order (REST)"][usize::from(over_rest)];
        let outcome = if over_rest {
            let body = json!({ "product_id": product.id, "quantity": new.quantity, "date": new.date });
            let request = (Method::PUT, format!("/shop/api/order/{id}"));
            self.caller.rest(step, request, Some(body), None, allowed).await?
        } else {
            let document = "mutation($id: ID!, $input: ShopOrderPatch!) {
                updateShopOrder(id: $id, input: $input) { id quantity date product { id } } }";
            let input = json!({
                "product": format!("product_{}", product.id), "quantity": new.quantity, "date": new.date,
            });
            let variables = json!({ "id": format!("shop_order_{id}"), "input": input });
            self.caller.graphql(step, document, variables, allowed).await?
        };
        if matches!(outcome, Outcome::Done(_)) {
            product.take(new.quantity);
            if let Some(old) = self.person.shop_orders.insert(id, new) {
                world.products[old.product].take(-old.quantity);
            }
        }
        self.read_shop_order(id).await
    }

    async fn read_shop_order(&mut self, id: i64) -> Result<(), Abandoned> {
        const STEP: &str = "read a shop order";
        let request = (Method::GET, format!("/shop/api/order/{id}"));
        let data = done(self.caller.rest(STEP, request, None, None, NEVER).await?)?;
        let expected = self
            .person
            .shop_orders
            .get(&id)
            .map(|order| self.rest_shop_order(id, order));
        self.caller.same(STEP, "the order", expected.as_ref(), Some(&data))
    }

    /// Returns an order as the shop's REST routes show it.
    pub(super) fn rest_shop_order(&self, id: i64, order: &ShopOrder) -> Value {
        json!({
            "id": id, "user_id": self.person.id, "product_id": self.world.products[order.product].id,
            "quantity": order.quantity, "date": order.date,
        })
    }

    async fn delete_shop_order(&mut self, id: i64) -> Result<(), Abandoned> {
        let over_rest = self.over_rest();
        let step = ["delete a shop order", "delete a shop order (REST)"][usize::from(over_rest)];
        // Deleting has no idempotency key: after a lost answer, "not found" means that it was done.
        let allowed = Allowed {
            codes: &[],
            done_before: Some("NOT_FOUND"),
        };
        if over_rest {
            let request = (Method::DELETE, format!("/shop/api/order/{id}"));
            self.caller.rest(step, request, None, None, allowed).await?;
        } else {
            let document = "mutation($id: ID!) { deleteShopOrder(id: $id) }";
            let variables = json!({ "id": format!("shop_order_{id}") });
            self.caller.graphql(step, document, variables, allowed).await?;
        }
        if let Some(old) = self.person.shop_orders.remove(&id) {
            self.world.products[old.product].take(-old.quantity);
        }
        Ok(())
    }
}
