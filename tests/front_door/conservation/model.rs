//! A small pure model of the exchange and the brokerage: the effect of every operation, and the conditions that
//! refuse it.

mod grants;
mod orders;

use std::collections::BTreeSet;

use contract::Side;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::op;
pub use super::op::Op;
pub use grants::ModelGrant;
pub use orders::{ModelOrder, Status};

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
pub struct ModelPerson {
    pub balance: i64,
    pub lent: i64,
    pub held: i64,
    pub shares: [Shares; STOCKS.len()],
}

#[derive(Clone, Debug)]
pub struct Model {
    pub people: Vec<ModelPerson>,
    pub stocks: Vec<(i64, i64)>,
    pub grants: Vec<ModelGrant>,
    pub orders: Vec<ModelOrder>,
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
            people: vec![ModelPerson::default(); PEOPLE],
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
                let order = ModelOrder {
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
            } => self.lend_money(actor, broker, cents, minutes),
            Op::LendShares {
                actor,
                broker,
                stock,
                quantity,
                minutes,
            } => self.lend_shares(actor, broker, stock, quantity, minutes),
            Op::Revoke { grant } => self.revoke(grant),
            Op::Commit { actor, stock, quantity } => self.commit(actor, stock, quantity),
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

    /// Sets the number of shares that the person has set aside or lent.
    fn commit(&mut self, actor: usize, stock: usize, quantity: i64) -> bool {
        let shares = &mut self.people[actor].shares[stock];
        let all = shares.free + shares.committed + shares.lent;
        if quantity < shares.lent || quantity > all {
            return false;
        }
        shares.committed = quantity - shares.lent;
        shares.free = all - quantity;
        true
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
        state.execute_ready(repriced);
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
