//! Authorizing a broker, who then trades for the person.

use std::sync::atomic::Ordering;

use hyper::Method;
use rand::Rng;
use serde_json::{Value, json};

use super::Player;
use super::trading::PlacedOrder;
use crate::caller::{Abandoned, NEVER, Outcome, refusals};
use crate::person::{Grant, Order, Side};
use crate::values::{cents, fee, id_number, money, rest_cents, rest_money};
use crate::world::done;

/// When all authorizations of a run end: later than any run.
const ENDS_AT: &str = "2090-12-31T23:59:59Z";

impl Player {
    /// Lends money and now and then shares, lets the broker buy and sell with them, and now and then takes all back.
    pub(super) async fn trade_through_a_broker(&mut self) -> Result<(), Abandoned> {
        let amount = self.random.random_range(5_000..60_000).min(self.person.balance);
        if amount == 0 {
            return Ok(());
        }
        self.lend_money(amount).await?;
        if self.random.random_bool(0.4) {
            self.lend_shares().await?;
        }
        self.compare_authorizations("read the authorizations").await?;

        let place = self.random.random_range(0..self.world.stocks.len() - 1);
        let affordable = self.person.lent / (self.world.stocks[place].price + self.world.stocks[place].price / 20);
        // Now and then more than the authorization covers, which the server has to refuse.
        let quantity = if self.random.random_bool(0.1) {
            affordable * 2 + 10
        } else {
            affordable.min(8)
        };
        if quantity > 0 {
            self.broker_order(place, Side::Buy, quantity).await?;
            self.compare_authorizations("read the authorizations").await?;
        }
        if let Some(place) = self.place_of_lent_shares() {
            let lent = self.person.shares.get(&place).map_or(0, |shares| shares.lent);
            let quantity = self.random.random_range(1..=lent);
            self.broker_order(place, Side::Sell, quantity).await?;
            self.compare_authorizations("read the authorizations").await?;
        }
        if self.random.random_bool(0.4) {
            self.revoke_everything().await?;
        }
        Ok(())
    }

    fn broker(&self) -> usize {
        self.place % self.world.brokers.len()
    }

    fn place_of_lent_shares(&self) -> Option<usize> {
        let mut shares = self.person.shares.iter();
        shares
            .rfind(|(_, shares)| shares.lent > 0 && shares.grant.is_some())
            .map(|(place, _)| *place)
    }

    async fn lend_money(&mut self, amount: i64) -> Result<(), Abandoned> {
        let key = self.key();
        let broker = self.world.brokers[self.broker()].id;
        let (step, id, created) = if self.over_rest() {
            let step = "lend money to a broker (REST)";
            let body =
                json!({ "type": "CAPITAL", "brokerId": broker, "amount": rest_money(amount), "endDate": ENDS_AT });
            let request = (Method::POST, "/brokerage/authorizations".to_owned());
            let outcome = self.caller.rest(step, request, Some(body), Some(key), NEVER).await?;
            let Outcome::Done(answer) = outcome else { return Ok(()) };
            let left = Some(self.person.lent + amount);
            self.caller
                .same(step, "what is left", left, rest_cents(&answer.data["amount"]))?;
            (step, answer.data["id"].as_i64(), Some(answer.status == 201))
        } else {
            let step = "lend money to a broker";
            let input = json!({
                "kind": "CAPITAL", "broker": format!("user_{broker}"), "amount": money(amount), "endsAt": ENDS_AT,
            });
            let granted = self.grant(step, input, key).await?;
            let left = Some(self.person.lent + amount);
            self.caller.same(
                step,
                "what is left",
                left,
                cents(&granted["authorization"]["remaining"]),
            )?;
            (
                step,
                id_number(&granted["authorization"]["id"]),
                granted["created"].as_bool(),
            )
        };
        self.caller
            .same(step, "whether it is new", Some(self.person.capital.is_none()), created)?;
        let id = Some(self.caller.needed(step, "id", id)?);
        self.person.balance -= amount;
        self.person.lent += amount;
        self.person.capital = Some(Grant { id });
        Ok(())
    }

    async fn grant(&mut self, step: &'static str, input: Value, key: String) -> Result<Value, Abandoned> {
        let document = "mutation($input: GrantInput!, $key: String!) {
            grantAuthorization(input: $input, idempotencyKey: $key) {
                created authorization { id active remaining remainingShares kind } } }";
        let variables = json!({ "input": input, "key": key });
        let mut data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
        Ok(data["grantAuthorization"].take())
    }

    async fn lend_shares(&mut self) -> Result<(), Abandoned> {
        const STEP: &str = "lend shares to a broker";
        let free = self.person.shares.iter().find(|(_, shares)| shares.free > 0);
        let Some((place, free)) = free.map(|(place, shares)| (*place, shares.free)) else {
            return Ok(());
        };
        let quantity = self.random.random_range(1..=free);
        let document = "query($id: ID!) { stock(id: $id) { myHolding { id free committed held } } }";
        let variables = json!({ "id": format!("stock_{}", self.world.stocks[place].id) });
        let step = "read a holding";
        let data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
        let holding = &data["stock"]["myHolding"];
        self.caller
            .same(step, "the free shares", Some(free), holding["free"].as_i64())?;
        let holding = self.caller.needed(step, "id", id_number(&holding["id"]))?;

        let (key, broker) = (self.key(), self.world.brokers[self.broker()].id);
        let before = self.person.shares.get(&place).copied().unwrap_or_default();
        let (id, left, created) = if self.over_rest() {
            let body = json!({
                "type": "STOCKHOLDING", "brokerId": broker, "stockHoldingId": holding, "amount": quantity, "endDate": ENDS_AT,
            });
            let request = (Method::POST, "/brokerage/authorizations".to_owned());
            let outcome = self.caller.rest(STEP, request, Some(body), Some(key), NEVER).await?;
            let Outcome::Done(answer) = outcome else { return Ok(()) };
            (
                answer.data["id"].as_i64(),
                answer.data["amount"].as_i64(),
                answer.status == 201,
            )
        } else {
            let input = json!({
                "kind": "STOCK_HOLDING", "broker": format!("user_{broker}"), "holding": format!("holding_{holding}"),
                "shares": quantity, "endsAt": ENDS_AT,
            });
            let granted = self.grant(STEP, input, key).await?;
            let authorization = &granted["authorization"];
            let left = authorization["remainingShares"].as_i64();
            (id_number(&authorization["id"]), left, granted["created"] == true)
        };
        self.caller
            .same(STEP, "what is left", Some(before.lent + quantity), left)?;
        self.caller
            .same(STEP, "whether it is new", before.grant.is_none(), created)?;
        let id = Some(self.caller.needed(STEP, "id", id)?);
        let shares = self.person.shares.entry(place).or_default();
        shares.free -= quantity;
        shares.lent += quantity;
        shares.grant = Some(Grant { id });
        Ok(())
    }

    /// Places an order as the broker; the server has to refuse exactly when the authorization does not cover it.
    async fn broker_order(&mut self, place: usize, side: Side, quantity: i64) -> Result<(), Abandoned> {
        let world = self.world.clone();
        let broker = &world.brokers[self.broker()];
        let stock = &world.stocks[place];
        let total = stock.price * quantity;
        let fee = fee(total, broker.fee_basis_points);
        let (step, grant) = match side {
            Side::Buy => ("a broker buys", self.person.capital),
            Side::Sell => (
                "a broker sells",
                self.person.shares.get(&place).and_then(|shares| shares.grant),
            ),
        };
        let Some(authorization) = grant.and_then(|grant| grant.id) else {
            return Ok(());
        };
        let is_covered = side == Side::Sell || total + fee <= self.person.lent;
        let allowed = refusals(if is_covered {
            &[]
        } else {
            &["INSUFFICIENT_AUTHORIZATION"]
        });
        let key = self.key();
        let token = Some(broker.session.token(&mut self.caller).await?);
        let over_rest = self.over_rest();
        let outcome = if over_rest {
            let body = json!({
                "type": side.rest(), "stockId": stock.id, "stockAmount": quantity, "authorizationId": authorization,
            });
            let request = (Method::POST, "/brokerage/orders".to_owned());
            self.caller
                .rest_as(token, step, request, Some(body), Some(key), allowed)
                .await?
        } else {
            let document = "mutation($input: PlaceOrderInput!, $key: String!) {
                placeOrder(input: $input, idempotencyKey: $key) {
                    id status quantity total fee stock { id } exchangeOrder { number } } }";
            let input = json!({
                "stock": format!("stock_{}", stock.id), "side": side.graphql(), "quantity": quantity,
                "authorization": format!("authorization_{authorization}"),
            });
            let variables = json!({ "input": input, "key": key });
            self.caller
                .graphql_as(token, step, document, variables, allowed)
                .await?
        };
        let answer = match outcome {
            Outcome::Refused => return Ok(()),
            Outcome::Done(_) if !is_covered => {
                return Err(self
                    .caller
                    .wrong(step, "the order is more than the authorization covers"));
            }
            Outcome::Done(answer) => answer,
        };
        let placed = if over_rest {
            PlacedOrder::of_rest(&answer)
        } else {
            PlacedOrder::of_graphql(&answer)
        };
        let placed = self.caller.needed(step, "order", placed)?;
        self.caller.same(step, "the status", "COMPLETED", &*placed.status)?;
        self.caller.same(step, "the total", Some(total), placed.total)?;
        self.caller.same(step, "the fee", Some(fee), placed.fee)?;
        self.caller.needed(step, "number of the trade", placed.number)?;

        let shares = self.person.shares.entry(place).or_default();
        match side {
            Side::Buy => {
                self.person.lent -= total + fee;
                shares.lent += quantity;
                shares.grant.get_or_insert(Grant { id: None });
                stock.take(quantity);
            }
            Side::Sell => {
                shares.lent -= quantity;
                self.person.lent += total - fee;
                self.person.capital.get_or_insert(Grant { id: None });
                stock.take(-quantity);
            }
        }
        broker.fees.fetch_add(fee, Ordering::Relaxed);
        let order = Order {
            stock: place,
            side,
            quantity,
            status: "COMPLETED",
            fee,
            is_brokered: true,
        };
        self.person.orders.insert(placed.id, order);
        Ok(())
    }

    /// Reads the open authorizations, compares them, and notes the ids of those that a broker's trade has made.
    pub(super) async fn compare_authorizations(&mut self, step: &'static str) -> Result<(), Abandoned> {
        let selection = "id kind remaining remainingShares stock { id } broker { id }";
        let found = self
            .list_of_me(step, "authorizations", "active: true", selection)
            .await?;
        let broker = self.world.brokers[self.broker()].id;
        let mut expected = usize::from(self.person.capital.is_some());
        expected += self
            .person
            .shares
            .values()
            .filter(|shares| shares.grant.is_some())
            .count();
        self.caller
            .same(step, "the number of authorizations", expected, found.len())?;
        for authorization in &found {
            self.caller.same(
                step,
                "the broker",
                Some(broker),
                id_number(&authorization["broker"]["id"]),
            )?;
            let id = self.caller.needed(step, "id", id_number(&authorization["id"]))?;
            if authorization["kind"] == "CAPITAL" {
                let left = cents(&authorization["remaining"]);
                self.caller.same(step, "the lent money", Some(self.person.lent), left)?;
                self.note_grant(step, None, id)?;
            } else {
                let stock = id_number(&authorization["stock"]["id"]);
                let place = self.world.stocks.iter().position(|item| Some(item.id) == stock);
                let place = self.caller.needed(step, "known stock", place)?;
                let lent = self.person.shares.get(&place).map_or(0, |shares| shares.lent);
                self.caller.same(
                    step,
                    "the lent shares",
                    Some(lent),
                    authorization["remainingShares"].as_i64(),
                )?;
                self.note_grant(step, Some(place), id)?;
            }
        }
        Ok(())
    }

    fn note_grant(&mut self, step: &'static str, place: Option<usize>, id: i64) -> Result<(), Abandoned> {
        let grant = match place {
            None => &mut self.person.capital,
            Some(place) => &mut self.person.shares.entry(place).or_default().grant,
        };
        let known = grant.and_then(|grant| grant.id).unwrap_or(id);
        *grant = Some(Grant { id: Some(id) });
        self.caller.same(step, "the id of the authorization", known, id)
    }

    async fn revoke_everything(&mut self) -> Result<(), Abandoned> {
        if let Some(id) = self.person.capital.and_then(|grant| grant.id) {
            self.revoke(id).await?;
            self.person.balance += self.person.lent;
            self.person.lent = 0;
            self.person.capital = None;
        }
        let places: Vec<usize> = self.person.shares.keys().copied().collect();
        for place in places {
            let grant = self.person.shares.get(&place).and_then(|shares| shares.grant);
            let Some(id) = grant.and_then(|grant| grant.id) else {
                continue;
            };
            self.revoke(id).await?;
            let shares = self.person.shares.entry(place).or_default();
            shares.free += shares.lent;
            shares.lent = 0;
            shares.grant = None;
        }
        Ok(())
    }

    async fn revoke(&mut self, id: i64) -> Result<(), Abandoned> {
        let over_rest = self.over_rest();
        let step = ["revoke an authorization", "revoke an authorization (REST)"][usize::from(over_rest)];
        let active = if over_rest {
            let request = (Method::PUT, format!("/brokerage/authorizations/{id}/revoke"));
            done(self.caller.rest(step, request, None, None, NEVER).await?)?["active"].as_bool()
        } else {
            let document = "mutation($id: ID!) { revokeAuthorization(id: $id) { id active endedAt } }";
            let variables = json!({ "id": format!("authorization_{id}") });
            let data = done(self.caller.graphql(step, document, variables, NEVER).await?)?;
            data["revokeAuthorization"]["active"].as_bool()
        };
        self.caller.same(step, "whether it is active", Some(false), active)
    }
}
