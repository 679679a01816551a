//! The exchange and the brokerage: look-ups, orders at once, and orders that wait and are watched and cancelled.

use hyper::Method;
use rand::Rng;
use serde_json::{Value, json};

use super::{EVENT_TIMEOUT, Player};
use crate::caller::{Abandoned, Answer, NEVER, Outcome, refusals};
use crate::person::{Order, Side};
use crate::values::{cents, id_number, money, path_segment, rest_cents, rest_money};
use crate::world::done;

const PLACE_ORDER: &str = "mutation($input: PlaceOrderInput!, $key: String!) {
    placeOrder(input: $input, idempotencyKey: $key) {
        id status side quantity price total fee automated exchangeOrder { number } stock { id } } }";

/// The first orders that are placed until an event shows that the subscription has begun.
const FIRST_ORDERS_MAX: u32 = 5;

impl Player {
    /// Looks a stock up in each of the three ways.
    pub(super) async fn look_up_stocks(&mut self) -> Result<(), Abandoned> {
        let place = self.random.random_range(0..self.world.stocks.len());
        let world = self.world.clone();
        let stock = &world.stocks[place];

        let step = "look up a stock";
        let document = "query($id: ID!) { stock(id: $id) { id name price quantity open high low close volume } }";
        let variables = json!({ "id": format!("stock_{}", stock.id) });
        let data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
        let found = &data["stock"];
        self.caller
            .same(step, "the name", Some(&*stock.name), found["name"].as_str())?;
        self.caller
            .same(step, "the price", Some(stock.price), cents(&found["price"]))?;
        self.plausible_quantity(step, place, &found["quantity"])?;

        let step = "look up a stock (brokerage)";
        let path = format!("/brokerage/stocks/{}", stock.id);
        let found = done(self.caller.rest(step, (Method::GET, path), None, None, NEVER).await?)?;
        self.caller
            .same(step, "the name", Some(&*stock.name), found["name"].as_str())?;
        self.caller
            .same(step, "the price", Some(stock.price), rest_cents(&found["price"]))?;
        self.plausible_quantity(step, place, &found["quantity"])?;

        let step = "look up a stock (bazaar)";
        let path = format!("/bazaar/stocks/{}", path_segment(&stock.name));
        let found = done(self.caller.rest(step, (Method::GET, path), None, None, NEVER).await?)?;
        let found = &found["data"];
        self.caller
            .same(step, "the name", Some(&*stock.name), found["name"].as_str())?;
        self.caller
            .same(step, "the price", Some(stock.price), rest_cents(&found["price"]))?;
        self.plausible_quantity(step, place, &found["quantity"])
    }

    /// Others trade at the same time, so only the bounds of a quantity are known here; the sums are compared at the end.
    fn plausible_quantity(&self, step: &'static str, place: usize, quantity: &Value) -> Result<(), Abandoned> {
        let listed = self.world.stocks[place].listed;
        let quantity = self.caller.needed(step, "quantity", quantity.as_i64())?;
        if (0..=listed).contains(&quantity) {
            return Ok(());
        }
        let message = format!("the quantity is {quantity}, and {listed} shares were listed");
        Err(self.caller.wrong(step, message))
    }

    /// Buys, sells, tries to sell more than there is, and now and then to buy for more than there is.
    pub(super) async fn trade(&mut self) -> Result<(), Abandoned> {
        let place = self.random.random_range(0..self.world.stocks.len());
        let quantity = self.random.random_range(1..20);
        self.order(place, Side::Buy, quantity).await?;
        let free = self.person.shares.get(&place).map_or(0, |shares| shares.free);
        let quantity = self.random.random_range(1..10);
        self.order(place, Side::Sell, quantity).await?;
        if self.random.random_bool(0.2) {
            self.order(place, Side::Sell, free + 100).await?;
        }
        if self.random.random_bool(0.2) {
            // The price of this stock makes it more than anyone has, and there are enough shares of it.
            let quantity = self.person.balance / self.world.stocks[0].price + 1;
            self.order(0, Side::Buy, quantity).await?;
        }
        Ok(())
    }

    /// Places an order at once; the server has to refuse exactly when money or shares are missing.
    async fn order(&mut self, place: usize, side: Side, quantity: i64) -> Result<(), Abandoned> {
        let stock = (self.world.stocks[place].price, self.world.stocks[place].is_scarce);
        let total = stock.0 * quantity;
        let free = self.person.shares.get(&place).map_or(0, |shares| shares.free);
        let lacking = match side {
            Side::Buy if total > self.person.balance => Some("INSUFFICIENT_FUNDS"),
            Side::Sell if quantity > free => Some("INSUFFICIENT_SHARES"),
            _ => None,
        };
        let may_be_sold_out = stock.1 && side == Side::Buy;
        let mut codes = Vec::from_iter(lacking);
        if may_be_sold_out {
            codes.push("INSUFFICIENT_STOCK");
        }
        let step = match side {
            Side::Buy => ["buy shares", "buy shares (REST)"],
            Side::Sell => ["sell shares", "sell shares (REST)"],
        };
        let over_rest = self.over_rest();
        let step = step[usize::from(over_rest)];
        let placed = self.place(step, over_rest, place, side, quantity, None, &codes).await?;
        let Some(placed) = placed else {
            return Ok(());
        };
        if lacking.is_some() {
            return Err(self
                .caller
                .wrong(step, format!("the order was executed, expected {codes:?}")));
        }
        self.caller.same(step, "the status", "COMPLETED", &*placed.status)?;
        self.caller.same(step, "the total", Some(total), placed.total)?;
        self.caller.same(step, "the fee", Some(0), placed.fee)?;
        self.caller.needed(step, "number of the trade", placed.number)?;
        self.executed(place, side, quantity, total);
        self.note_order(placed.id, place, side, quantity, "COMPLETED");
        Ok(())
    }

    /// Moves the person's own money and shares as an executed order does.
    fn executed(&mut self, place: usize, side: Side, quantity: i64, total: i64) {
        let shares = self.person.shares.entry(place).or_default();
        let sign = match side {
            Side::Buy => 1,
            Side::Sell => -1,
        };
        shares.free += sign * quantity;
        self.person.balance -= sign * total;
        self.world.stocks[place].take(sign * quantity);
    }

    fn note_order(&mut self, id: i64, stock: usize, side: Side, quantity: i64, status: &'static str) {
        let order = Order {
            stock,
            side,
            quantity,
            status,
            fee: 0,
            is_brokered: false,
        };
        self.person.orders.insert(id, order);
    }

    /// Sends an order; `None` when it was refused as it may be.
    #[expect(clippy::too_many_arguments, reason = "the parts of an order, and how to send it")]
    async fn place(
        &mut self,
        step: &'static str,
        over_rest: bool,
        place: usize,
        side: Side,
        quantity: i64,
        limit: Option<i64>,
        codes: &[&str],
    ) -> Result<Option<PlacedOrder>, Abandoned> {
        let key = self.key();
        let id = self.world.stocks[place].id;
        let outcome = if over_rest {
            let mut body = json!({ "type": side.rest(), "stockId": id, "stockAmount": quantity });
            if let Some(limit) = limit {
                body["automated"] = json!(true);
                body["limitPrice"] = rest_money(limit);
            }
            let path = "/brokerage/orders".to_owned();
            let request = (Method::POST, path);
            self.caller
                .rest(step, request, Some(body), Some(key), refusals(codes))
                .await?
        } else {
            let mut input = json!({ "stock": format!("stock_{id}"), "side": side.graphql(), "quantity": quantity });
            if let Some(limit) = limit {
                input["automated"] = json!(true);
                input["limitPrice"] = money(limit);
            }
            let variables = json!({ "input": input, "key": key });
            self.caller
                .graphql(step, PLACE_ORDER, variables, refusals(codes))
                .await?
        };
        match outcome {
            Outcome::Refused => Ok(None),
            Outcome::Done(answer) => {
                let placed = if over_rest {
                    PlacedOrder::of_rest(&answer)
                } else {
                    PlacedOrder::of_graphql(&answer)
                };
                let placed = self.caller.needed(step, "order", placed)?;
                self.caller.same(step, "the stock", id, placed.stock)?;
                self.caller.same(step, "the quantity", quantity, placed.quantity)?;
                Ok(Some(placed))
            }
        }
    }

    /// Places orders that wait until an event of one arrives: from then on every event has to.
    pub(super) async fn begin_watch(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "begin to watch";
        let mut attempt = 0;
        loop {
            attempt += 1;
            let id = self.place_waiting(0, Side::Buy, 1, 100).await?;
            let wait = EVENT_TIMEOUT / FIRST_ORDERS_MAX;
            let arrived = self.watch.any_of_order(id, wait).await;
            self.cancel(id).await?;
            match arrived {
                Ok(()) => return Ok(()),
                Err(_) if self.reopen_watch().await? => attempt = 0,
                Err(reason) if attempt == FIRST_ORDERS_MAX => return Err(self.missed(STEP, reason)),
                Err(_) => {}
            }
        }
    }

    /// Places an order that waits for its price, sees it arrive in the subscription, cancels it, and sees that.
    pub(super) async fn watch_an_order(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "watch an order";
        let Some(id) = self.place_any_waiting().await? else {
            return Ok(());
        };
        let arrived = self.watch.order(id, "PENDING", EVENT_TIMEOUT).await;
        self.cancel(id).await?;
        let arrived = match arrived {
            Ok(()) => self.watch.order(id, "CANCELLED", EVENT_TIMEOUT).await,
            Err(reason) => Err(reason),
        };
        if self.watch_again().await? {
            return Ok(());
        }
        arrived.map_err(|reason| self.missed(STEP, reason))?;
        let statuses = self.watch.statuses(id);
        if statuses != ["PENDING", "CANCELLED"] {
            return Err(self.missed(STEP, format!("the events of order {id} are {statuses:?}")));
        }
        Ok(())
    }

    /// Places an order that waits: a sale of free shares, or a purchase. `None` where there is money for neither.
    async fn place_any_waiting(&mut self) -> Result<Option<i64>, Abandoned> {
        let place = self.random.random_range(0..self.world.stocks.len() - 1);
        let price = self.world.stocks[place].price;
        let free = self.person.shares.get(&place).map_or(0, |shares| shares.free);
        if free > 0 && self.random.random_bool(0.5) {
            let quantity = self.random.random_range(1..=free);
            return Ok(Some(self.place_waiting(place, Side::Sell, quantity, price * 2).await?));
        }
        let limit = price / 2;
        let quantity = (self.person.balance / limit).min(5);
        if quantity == 0 {
            return Ok(None);
        }
        Ok(Some(self.place_waiting(place, Side::Buy, quantity, limit).await?))
    }

    /// Places an order whose price is not reached, and reserves its money or shares.
    async fn place_waiting(&mut self, place: usize, side: Side, quantity: i64, limit: i64) -> Result<i64, Abandoned> {
        let over_rest = self.over_rest();
        let step = ["place an order that waits", "place an order that waits (REST)"][usize::from(over_rest)];
        let placed = self
            .place(step, over_rest, place, side, quantity, Some(limit), &[])
            .await?;
        let placed = placed.ok_or(Abandoned)?;
        self.caller.same(step, "the status", "PENDING", &*placed.status)?;
        match side {
            Side::Buy => {
                self.person.balance -= quantity * limit;
                self.person.held += quantity * limit;
            }
            Side::Sell => {
                let shares = self.person.shares.entry(place).or_default();
                shares.free -= quantity;
                shares.held += quantity;
            }
        }
        self.note_order(placed.id, place, side, quantity, "PENDING");
        self.person.limits.insert(placed.id, limit);
        Ok(placed.id)
    }

    /// Cancels an order that waits, and has its money or shares back.
    async fn cancel(&mut self, id: i64) -> Result<(), Abandoned> {
        let over_rest = self.over_rest();
        let step = ["cancel an order", "cancel an order (REST)"][usize::from(over_rest)];
        let status = if over_rest {
            let body = json!({ "status": "CANCELLED" });
            let request = (Method::PUT, format!("/brokerage/orders/{id}"));
            let data = done(self.caller.rest(step, request, Some(body), None, NEVER).await?)?;
            data["status"].as_str().map(str::to_owned)
        } else {
            let document = "mutation($id: ID!) { cancelOrder(id: $id) { id status } }";
            let variables = json!({ "id": format!("brokerage_order_{id}") });
            let data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
            data["cancelOrder"]["status"].as_str().map(str::to_owned)
        };
        self.caller
            .same(step, "the status", Some("CANCELLED"), status.as_deref())?;
        let limit = self.person.limits.remove(&id).unwrap_or_default();
        let Some(order) = self.person.orders.get_mut(&id) else {
            return Ok(());
        };
        order.status = "CANCELLED";
        match order.side {
            Side::Buy => {
                self.person.balance += order.quantity * limit;
                self.person.held -= order.quantity * limit;
            }
            Side::Sell => {
                let shares = self.person.shares.entry(order.stock).or_default();
                shares.free += order.quantity;
                shares.held -= order.quantity;
            }
        }
        Ok(())
    }
}

/// An order as the server answers it.
pub(super) struct PlacedOrder {
    pub id: i64,
    pub status: String,
    pub stock: i64,
    pub quantity: i64,
    pub total: Option<i64>,
    pub fee: Option<i64>,
    pub number: Option<i64>,
}

impl PlacedOrder {
    pub(super) fn of_graphql(answer: &Answer) -> Option<Self> {
        let order = &answer.data["placeOrder"];
        Some(Self {
            id: id_number(&order["id"])?,
            status: order["status"].as_str()?.to_owned(),
            stock: id_number(&order["stock"]["id"])?,
            quantity: order["quantity"].as_i64()?,
            total: cents(&order["total"]),
            fee: cents(&order["fee"]),
            number: order["exchangeOrder"]["number"].as_i64(),
        })
    }

    pub(super) fn of_rest(answer: &Answer) -> Option<Self> {
        let order = &answer.data;
        Some(Self {
            id: order["id"].as_i64()?,
            status: order["status"].as_str()?.to_owned(),
            stock: order["stockId"].as_i64()?,
            quantity: order["stockAmount"].as_i64()?,
            total: rest_cents(&order["orderPrice"]),
            fee: rest_cents(&order["fee"]),
            number: order["exchangeOrderNumber"].as_i64(),
        })
    }
}
