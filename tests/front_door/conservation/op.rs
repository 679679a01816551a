//! The operations of the model and their frequencies.

use contract::Side;
use proptest::prelude::*;

use super::model::{INVESTORS, PEOPLE, STOCKS};

/// One operation. It refers to a grant or an order by its position in creation order, modulo their number.
#[derive(Clone, Debug)]
pub enum Op {
    Deposit {
        actor: usize,
        cents: i64,
    },
    Withdraw {
        actor: usize,
        cents: i64,
    },
    /// A trade with the exchange that changes no person's holding.
    Bazaar {
        actor: usize,
        stock: usize,
        side: Side,
        quantity: i64,
    },
    /// An investor's own order.
    Own {
        actor: usize,
        stock: usize,
        side: Side,
        quantity: i64,
    },
    /// A broker's order under a grant.
    Brokered {
        grant: usize,
        stock: usize,
        side: Side,
        quantity: i64,
    },
    Automate {
        actor: usize,
        stock: usize,
        side: Side,
        quantity: i64,
        limit: i64,
        minutes: Option<i64>,
    },
    Cancel {
        order: usize,
    },
    LendMoney {
        actor: usize,
        broker: usize,
        cents: i64,
        minutes: i64,
    },
    LendShares {
        actor: usize,
        broker: usize,
        stock: usize,
        quantity: i64,
        minutes: i64,
    },
    Revoke {
        grant: usize,
    },
    Commit {
        actor: usize,
        stock: usize,
        quantity: i64,
    },
    Reprice {
        stock: usize,
        cents: i64,
    },
    Wait {
        minutes: i64,
    },
    /// Repeats the last operation that has an idempotency key.
    Repeat,
}

/// Returns any operation, the usual ones with a higher probability.
pub fn any_op() -> BoxedStrategy<Op> {
    let side = || prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let (person, investor, broker) = (0..PEOPLE, 0..INVESTORS, INVESTORS..PEOPLE);
    let stock = || 0..STOCKS.len();
    let few = || 1..30_i64;
    let minutes = || 1..90_i64;
    prop_oneof![
        3 => (person.clone(), 1..60_000_i64).prop_map(|(actor, cents)| Op::Deposit { actor, cents }),
        2 => (person.clone(), 1..20_000_i64).prop_map(|(actor, cents)| Op::Withdraw { actor, cents }),
        2 => (person, stock(), side(), few())
            .prop_map(|(actor, stock, side, quantity)| Op::Bazaar { actor, stock, side, quantity }),
        5 => (investor.clone(), stock(), side(), few())
            .prop_map(|(actor, stock, side, quantity)| Op::Own { actor, stock, side, quantity }),
        5 => (any::<usize>(), stock(), side(), few())
            .prop_map(|(grant, stock, side, quantity)| Op::Brokered { grant, stock, side, quantity }),
        4 => (investor.clone(), stock(), side(), few(), 200..1_500_i64, proptest::option::of(minutes()))
            .prop_map(|(actor, stock, side, quantity, limit, minutes)| Op::Automate { actor, stock, side, quantity, limit, minutes }),
        2 => any::<usize>().prop_map(|order| Op::Cancel { order }),
        2 => (investor.clone(), broker.clone(), 1..40_000_i64, minutes())
            .prop_map(|(actor, broker, cents, minutes)| Op::LendMoney { actor, broker, cents, minutes }),
        2 => (investor.clone(), broker, stock(), few(), minutes())
            .prop_map(|(actor, broker, stock, quantity, minutes)| Op::LendShares { actor, broker, stock, quantity, minutes }),
        1 => any::<usize>().prop_map(|grant| Op::Revoke { grant }),
        1 => (investor, stock(), 0..40_i64)
            .prop_map(|(actor, stock, quantity)| Op::Commit { actor, stock, quantity }),
        3 => (stock(), 200..1_500_i64).prop_map(|(stock, cents)| Op::Reprice { stock, cents }),
        1 => minutes().prop_map(|minutes| Op::Wait { minutes }),
        1 => Just(Op::Repeat),
    ]
    .boxed()
}
