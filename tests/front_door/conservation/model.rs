//! A small pure model of the exchange and the brokerage: the effect of every operation, and the conditions that
//! refuse it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::op;
pub use super::op::{Op, Side};

/// Two investors, then two brokers.
pub const PEOPLE: usize = 4;
pub const INVESTORS: usize = 2;
/// Each person's fee for a trade, in hundredths of a percent.
pub const FEE_BASIS_POINTS: [i64; PEOPLE] = [0, 0, 100, 250];
/// Price in cents and quantity of each stock, as listed.
pub const STOCKS: [(i64, i64); 2] = [(1_000, 50), (333, 1_000)];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    pub free: i64,
    pub committed: i64,
    pub lent: i64,
    pub held: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    pub balance: i64,
    pub lent: i64,
    pub held: i64,
    pub shares: [Shares; STOCKS.len()],
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub investor: usize,
    pub broker: usize,
    /// The lent stock, or `None` for money.
    pub stock: Option<usize>,
    pub remaining: i64,
    pub ends: i64,
    pub open: bool,
}

#[derive(Clone, Debug)]
pub struct Automated {
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

#[derive(Clone, Debug)]
pub struct Model {
    pub people: Vec<Person>,
    pub stocks: Vec<(i64, i64)>,
    pub grants: Vec<Grant>,
    pub orders: Vec<Automated>,
    /// The number of trades so far.
    pub trades: i64,
    /// Minutes since the start.
    pub now: i64,
    /// Whether the last operation succeeded.
    pub done: bool,
}

impl Model {
    pub fn new() -> Self {
        Self {
            people: vec![Person::default(); PEOPLE],
            stocks: STOCKS.to_vec(),
            grants: Vec::new(),
            orders: Vec::new(),
            trades: 0,
            now: 0,
            done: true,
        }
    }

    /// Runs an operation and returns `true`, or refuses it and returns `false`.
    fn run(&mut self, op: &Op) -> bool {
        match *op {
            Op::Deposit { actor, cents } => {
                self.people[actor].balance += cents;
                true
            }
            Op::Withdraw { actor, cents } => take(&mut self.people[actor].balance, cents),
            Op::Bazaar {
                stock, side, quantity, ..
            } => self.trade(stock, side, quantity),
            Op::Own {
                actor,
                stock,
                side,
                quantity,
            } => self.own(actor, stock, side, quantity),
            Op::Brokered {
                grant,
                stock,
                side,
                quantity,
            } => self.brokered(grant, stock, side, quantity),
            Op::Automate {
                actor,
                stock,
                side,
                quantity,
                limit,
                minutes,
            } => {
                let order = Automated {
                    actor,
                    stock,
                    side,
                    quantity,
                    limit,
                    ends: minutes.map(|m| self.now + m),
                    status: Status::Pending,
                };
                self.automate(order)
            }
            Op::Cancel { order } => self.cancel(order),
            Op::LendMoney {
                actor,
                broker,
                cents,
                minutes,
            } => {
                let lender = &mut self.people[actor];
                if !take(&mut lender.balance, cents) {
                    return false;
                }
                lender.lent += cents;
                self.raise(actor, broker, None, cents, self.now + minutes);
                true
            }
            Op::LendShares {
                actor,
                broker,
                stock,
                quantity,
                minutes,
            } => {
                let shares = &mut self.people[actor].shares[stock];
                if shares.free + shares.committed < quantity {
                    return false;
                }
                let set_aside = shares.committed.min(quantity);
                shares.committed -= set_aside;
                shares.free -= quantity - set_aside;
                shares.lent += quantity;
                self.raise(actor, broker, Some(stock), quantity, self.now + minutes);
                true
            }
            Op::Revoke { grant } => match self.grants.len() {
                0 => false,
                count => {
                    self.end(grant % count);
                    true
                }
            },
            Op::Commit { actor, stock, quantity } => {
                let shares = &mut self.people[actor].shares[stock];
                let all = shares.free + shares.committed + shares.lent;
                if quantity < shares.lent || quantity > all {
                    return false;
                }
                shares.committed = quantity - shares.lent;
                shares.free = all - quantity;
                true
            }
            Op::Reprice { stock, cents } => {
                self.stocks[stock].0 = cents;
                true
            }
            Op::Wait { minutes } => {
                self.now += minutes;
                true
            }
            Op::Repeat => true,
        }
    }

    fn trade(&mut self, stock: usize, side: Side, quantity: i64) -> bool {
        let left = &mut self.stocks[stock].1;
        match side {
            Side::Buy if *left < quantity => return false,
            Side::Buy => *left -= quantity,
            Side::Sell => *left += quantity,
        }
        self.trades += 1;
        true
    }

    fn own(&mut self, actor: usize, stock: usize, side: Side, quantity: i64) -> bool {
        let (price, left) = self.stocks[stock];
        let person = &mut self.people[actor];
        let cost = price * quantity;
        match side {
            Side::Buy => {
                if left < quantity || !take(&mut person.balance, cost) {
                    return false;
                }
                person.shares[stock].free += quantity;
            }
            Side::Sell => {
                if !take(&mut person.shares[stock].free, quantity) {
                    return false;
                }
                person.balance += cost;
            }
        }
        self.trade(stock, side, quantity)
    }

    fn brokered(&mut self, grant: usize, stock: usize, side: Side, quantity: i64) -> bool {
        let Some(place) = grant.checked_rem(self.grants.len()) else {
            return false;
        };
        let Grant {
            investor,
            broker,
            stock: of,
            remaining,
            ends,
            open,
        } = self.grants[place];
        let (price, left) = self.stocks[stock];
        let cost = price * quantity;
        let fee = (cost * FEE_BASIS_POINTS[broker] + 5_000) / 10_000;
        if !open {
            return false;
        }
        match side {
            Side::Buy => {
                let total = cost + fee;
                if of.is_some() || remaining < total || left < quantity {
                    return false;
                }
                self.grants[place].remaining -= total;
                self.people[investor].lent -= total;
                self.people[investor].shares[stock].lent += quantity;
                self.raise(investor, broker, Some(stock), quantity, ends);
            }
            Side::Sell => {
                if of != Some(stock) || remaining < quantity {
                    return false;
                }
                self.grants[place].remaining -= quantity;
                self.people[investor].shares[stock].lent -= quantity;
                self.people[investor].lent += cost - fee;
                if cost > fee {
                    self.raise(investor, broker, None, cost - fee, ends);
                }
            }
        }
        self.people[broker].balance += fee;
        self.trade(stock, side, quantity)
    }

    fn automate(&mut self, order: Automated) -> bool {
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

    fn cancel(&mut self, order: usize) -> bool {
        let Some(place) = order.checked_rem(self.orders.len()) else {
            return false;
        };
        if self.orders[place].status == Status::Completed {
            return false;
        }
        self.release(place);
        true
    }

    fn release(&mut self, place: usize) {
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

    fn raise(&mut self, investor: usize, broker: usize, stock: Option<usize>, amount: i64, ends: i64) {
        let open = self
            .grants
            .iter_mut()
            .find(|grant| grant.open && (grant.investor, grant.broker, grant.stock) == (investor, broker, stock));
        match open {
            Some(grant) => {
                grant.remaining += amount;
                grant.ends = grant.ends.max(ends);
            }
            None => self.grants.push(Grant {
                investor,
                broker,
                stock,
                remaining: amount,
                ends,
                open: true,
            }),
        }
    }

    fn end(&mut self, place: usize) {
        let grant = &mut self.grants[place];
        if !grant.open {
            return;
        }
        let left = std::mem::take(&mut grant.remaining);
        grant.open = false;
        let investor = &mut self.people[grant.investor];
        match grant.stock {
            None => {
                investor.lent -= left;
                investor.balance += left;
            }
            Some(stock) => {
                investor.shares[stock].lent -= left;
                investor.shares[stock].free += left;
            }
        }
    }

    /// Expires overdue grants and orders and releases what they hold.
    fn expire(&mut self) {
        for place in 0..self.grants.len() {
            if self.grants[place].ends <= self.now {
                self.end(place);
            }
        }
        for place in 0..self.orders.len() {
            if self.orders[place].ends.is_some_and(|ends| ends <= self.now) {
                self.release(place);
            }
        }
    }

    /// Executes automated orders whose price is reached, in the order in which they were placed, until none is left.
    /// They are the orders of a stock whose price was just set, and those of stocks with enough shares for at least
    /// one of them.
    fn fire(&mut self, repriced: Option<usize>) {
        let mut repriced = repriced;
        loop {
            let before = self.trades;
            let mut stocks: Vec<usize> = (0..self.stocks.len()).filter(|stock| self.can_fire(*stock)).collect();
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

    fn can_fire(&self, stock: usize) -> bool {
        let fits = |order: &Automated| order.side == Side::Sell || order.quantity <= self.stocks[stock].1;
        let here = |order: &&Automated| order.stock == stock && order.status == Status::Pending && self.crosses(order);
        self.orders.iter().filter(here).any(fits)
    }

    fn crosses(&self, order: &Automated) -> bool {
        let price = self.stocks[order.stock].0;
        match order.side {
            Side::Buy => price <= order.limit,
            Side::Sell => price >= order.limit,
        }
    }

    fn fire_one(&mut self, place: usize) {
        let Automated {
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

fn take(from: &mut i64, amount: i64) -> bool {
    let enough = *from >= amount;
    if enough {
        *from -= amount;
    }
    enough
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Op;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::new()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Op> {
        op::any_op()
    }

    fn apply(mut state: Self, op: &Op) -> Self {
        let mut after = state.clone();
        let done = after.run(op);
        if done {
            state = after;
        }
        state.done = done;
        state.expire();
        let repriced = match op {
            Op::Reprice { stock, .. } => Some(*stock),
            _ => None,
        };
        state.fire(repriced);
        state.check();
        state
    }
}

impl Model {
    /// Asserts the invariants of the model itself, which must hold before the model can prove the server right.
    fn check(&self) {
        for person in &self.people {
            let shares = person.shares.iter().flat_map(|s| [s.free, s.committed, s.lent, s.held]);
            assert!(
                [person.balance, person.lent, person.held]
                    .into_iter()
                    .chain(shares)
                    .all(|n| n >= 0),
                "{person:?}"
            );
        }
        let mut open = BTreeSet::new();
        for grant in self.grants.iter().filter(|grant| grant.open) {
            assert!(
                open.insert((grant.investor, grant.broker, grant.stock)),
                "two open grants of a kind"
            );
        }
    }
}
