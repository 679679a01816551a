//! The brokers' authorizations in the model: what they lend, and the trades that use it.

use contract::Side;

use super::{FEE_BASIS_POINTS, Model, take};

#[derive(Clone, Debug)]
pub struct ModelGrant {
    pub investor: usize,
    pub broker: usize,
    /// The lent stock, or `None` for money.
    pub stock: Option<usize>,
    pub remaining: i64,
    pub ends: i64,
    pub open: bool,
}

impl Model {
    pub(super) fn lend_money(&mut self, actor: usize, broker: usize, cents: i64, minutes: i64) -> bool {
        let lender = &mut self.people[actor];
        if !take(&mut lender.balance, cents) {
            return false;
        }
        lender.lent += cents;
        self.raise(actor, broker, None, cents, self.now + minutes);
        true
    }

    pub(super) fn lend_shares(
        &mut self,
        actor: usize,
        broker: usize,
        stock: usize,
        quantity: i64,
        minutes: i64,
    ) -> bool {
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

    pub(super) fn revoke(&mut self, grant: usize) -> bool {
        let Some(place) = grant.checked_rem(self.grants.len()) else {
            return false;
        };
        self.end(place);
        true
    }

    pub(super) fn brokered(&mut self, grant: usize, stock: usize, side: Side, quantity: i64) -> bool {
        let Some(place) = grant.checked_rem(self.grants.len()) else {
            return false;
        };
        let ModelGrant {
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

    pub(super) fn raise(&mut self, investor: usize, broker: usize, stock: Option<usize>, amount: i64, ends: i64) {
        let open = self
            .grants
            .iter_mut()
            .find(|grant| grant.open && (grant.investor, grant.broker, grant.stock) == (investor, broker, stock));
        match open {
            Some(grant) => {
                grant.remaining += amount;
                grant.ends = grant.ends.max(ends);
            }
            None => self.grants.push(ModelGrant {
                investor,
                broker,
                stock,
                remaining: amount,
                ends,
                open: true,
            }),
        }
    }

    pub(super) fn end(&mut self, place: usize) {
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
}
