//! ModelOrder orders in the model: what they hold, and when they execute.

use contract::Side;

use super::{Model, take};

#[derive(Clone, Debug)]
pub struct ModelOrder {
    pub actor: usize,
    pub stock: usize,
    pub side: Side,
    pub quantity: i64,
    pub limit: i64,
    pub ends: Option<i64>,
    pub status: Status,
}

/// The state of an automated order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pending,
    Completed,
    Cancelled,
}

impl Model {
    pub(super) fn automate(&mut self, order: ModelOrder) -> bool {
        let person = &mut self.people[order.actor];
        let covered = match order.side {
            Side::Buy => {
                let cost = order.limit * order.quantity;
                let covered = take(&mut person.balance, cost);
                person.held += if covered { cost } else { 0 };
                covered
            }
            Side::Sell => {
                let shares = &mut person.shares[order.stock];
                let covered = take(&mut shares.free, order.quantity);
                shares.held += if covered { order.quantity } else { 0 };
                covered
            }
        };
        if covered {
            self.orders.push(order);
        }
        covered
    }

    pub(super) fn cancel(&mut self, order: usize) -> bool {
        let Some(place) = order.checked_rem(self.orders.len()) else {
            return false;
        };
        if self.orders[place].status == Status::Completed {
            return false;
        }
        self.release(place);
        true
    }

    pub(super) fn release(&mut self, place: usize) {
        let order = self.orders[place].clone();
        if order.status != Status::Pending {
            return;
        }
        let person = &mut self.people[order.actor];
        match order.side {
            Side::Buy => {
                person.held -= order.limit * order.quantity;
                person.balance += order.limit * order.quantity;
            }
            Side::Sell => {
                person.shares[order.stock].held -= order.quantity;
                person.shares[order.stock].free += order.quantity;
            }
        }
        self.orders[place].status = Status::Cancelled;
    }

    /// Executes automated orders whose price is reached, in the order in which they were placed, until none is left.
    /// They are the orders of a stock whose price was just set, and those of stocks with enough shares for at least
    /// one of them.
    pub(super) fn execute_ready(&mut self, repriced: Option<usize>) {
        let mut repriced = repriced;
        loop {
            let before = self.trades;
            let mut stocks: Vec<usize> = (0..self.stocks.len())
                .filter(|stock| self.has_ready_orders(*stock))
                .collect();
            stocks.extend(repriced.take());
            for place in 0..self.orders.len() {
                if stocks.contains(&self.orders[place].stock) {
                    self.fire_one(place);
                }
            }
            if self.trades == before {
                return;
            }
        }
    }

    fn has_ready_orders(&self, stock: usize) -> bool {
        let fits = |order: &ModelOrder| order.side == Side::Sell || order.quantity <= self.stocks[stock].1;
        let here = |order: &&ModelOrder| order.stock == stock && order.status == Status::Pending && self.crosses(order);
        self.orders.iter().filter(here).any(fits)
    }

    fn crosses(&self, order: &ModelOrder) -> bool {
        let price = self.stocks[order.stock].0;
        match order.side {
            Side::Buy => price <= order.limit,
            Side::Sell => price >= order.limit,
        }
    }

    fn fire_one(&mut self, place: usize) {
        let ModelOrder {
            actor,
            stock,
            side,
            quantity,
            limit,
            status,
            ..
        } = self.orders[place];
        let (price, _) = self.stocks[stock];
        if status != Status::Pending || !self.crosses(&self.orders[place]) || !self.trade(stock, side, quantity) {
            return;
        }
        self.orders[place].status = Status::Completed;
        let person = &mut self.people[actor];
        match side {
            Side::Buy => {
                person.held -= limit * quantity;
                person.balance += (limit - price) * quantity;
                person.shares[stock].free += quantity;
            }
            Side::Sell => {
                person.shares[stock].held -= quantity;
                person.balance += price * quantity;
            }
        }
    }
}
