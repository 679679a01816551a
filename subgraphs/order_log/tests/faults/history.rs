//! What several clients saw of one stock, and whether it is as if one thing had happened after the other.
//!
//! The register is the number of shares of the stock that are left in the catalog, which one transaction on the catalog's one
//! file reads and writes. A buyer takes shares out when they are reserved, a seller puts shares in when the reservation is
//! confirmed; both are between the request and its answer. An attempt to buy that came to nothing (its replica died, and the
//! trade was made by another attempt, or never) is seen too: its shares are set aside for a while and given back. No client
//! asked for that, so these are operations of nobody. Which there were the catalog knows afterwards, and somebody who looks at
//! its open reservations all the time says when, more or less.

mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use order_log::order::Side;
use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History};
use todc_utils::specifications::Specification;

/// How many shares there are when a history begins.
pub const SHARES: i64 = 30;

/// What happens to the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// So many shares are left.
    Read(i64),
    /// A trade that was answered with a number.
    Traded(Side, i64),
    /// So many shares were not to be had.
    TooFew(i64),
    /// A trade whose client gave up before it learned what became of it.
    Unknown(Side, i64),
    /// The shares of an attempt that came to nothing are out of reach.
    SetAside(usize, i64),
    /// And are back.
    GivenBack(usize, i64),
}

use Operation::{GivenBack, Read, SetAside, TooFew, Traded, Unknown};

/// What is left, and which attempts have set shares aside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shares {
    left: i64,
    aside: BTreeSet<usize>,
}

/// How shares behave when one thing happens after the other.
struct OneAfterTheOther;

impl Specification for OneAfterTheOther {
    type State = Shares;
    type Operation = Operation;

    fn init() -> Shares {
        Shares {
            left: SHARES,
            aside: BTreeSet::new(),
        }
    }

    fn apply(operation: &Operation, shares: &Shares) -> (bool, Shares) {
        let mut after = shares.clone();
        let possible = match *operation {
            Read(left) => left == shares.left,
            TooFew(quantity) => shares.left < quantity,
            Traded(side, quantity) | Unknown(side, quantity) => after.trade(side, quantity),
            SetAside(attempt, quantity) => after.aside.insert(attempt) && after.trade(Side::Buy, quantity),
            GivenBack(attempt, quantity) => after.aside.remove(&attempt) && after.trade(Side::Sell, quantity),
        };
        (possible, after)
    }
}

impl Shares {
    /// Whether there are enough for this.
    fn trade(&mut self, side: Side, quantity: i64) -> bool {
        self.left += match side {
            Side::Buy => -quantity,
            Side::Sell => quantity,
        };
        self.left >= 0
    }
}

/// One operation's beginning or end.
#[derive(Clone, Debug)]
enum Event {
    Call { key: Option<String> },
    Response(Operation),
}

/// Writes down what clients do, in the order in which it happens.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<(usize, Event)>>);

impl Recorder {
    /// An operation begins; a trade has a key.
    pub fn call(&self, key: Option<&str>) -> usize {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = events.len();
        let key = key.map(str::to_owned);
        events.push((id, Event::Call { key }));
        id
    }

    /// The place in the history that it has come to.
    pub fn place(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// It ends, or its client gives up.
    pub fn response(&self, id: usize, operation: Operation) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push((id, Event::Response(operation)));
    }

    pub fn recorded(self) -> Recorded {
        Recorded(self.0.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What was written down.
#[derive(Clone)]
pub struct Recorded(Vec<(usize, Event)>);

/// An attempt to buy that came to nothing.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub name: String,
    pub key: String,
    pub quantity: i64,
}

/// Which attempts were open at some time from one place in the history to another.
pub struct Glance {
    pub from: usize,
    pub to: usize,
    pub open: HashSet<String>,
}

/// What is known beside of what clients saw.
#[derive(Default)]
pub struct Known {
    /// The keys that have an order in the end. A trade of which nobody knows happened at any time since, or never.
    pub recorded: HashSet<String>,
    pub for_nothing: Vec<Attempt>,
    /// One after the other.
    pub glances: Vec<Glance>,
}

impl Recorded {
    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.0
            .iter()
            .filter(|(_, event)| matches!(event, Event::Call { .. }))
            .count()
    }

    /// How many of them are like this.
    pub fn count(&self, like: impl Fn(&Operation) -> bool) -> usize {
        let alike = |event: &Event| matches!(event, Event::Response(operation) if like(operation));
        self.0.iter().filter(|(_, event)| alike(event)).count()
    }

    /// The same with another answer to one of the reads.
    pub fn with_wrong_read(&self, nth: usize, wrong: impl Fn(i64) -> i64) -> Self {
        let mut changed = self.clone();
        let mut reads = changed.0.iter_mut().filter_map(|(_, event)| match event {
            Event::Response(Read(left)) => Some(left),
            _ => None,
        });
        let read = reads.nth(nth).expect("as many reads");
        *read = wrong(*read);
        changed
    }

    /// Whether there is an order of all operations, those of nobody too, that explains every answer.
    pub fn is_linearizable(&self, known: &Known) -> bool {
        let end = self.0.len();
        let (mut calls, mut responses) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for (n, (operation, from, to)) in self.of_nobody(known).into_iter().enumerate() {
            calls
                .entry(from)
                .or_default()
                .push((end + n, Action::Call(operation.clone())));
            responses
                .entry(to)
                .or_default()
                .push((end + n, Action::Response(operation)));
        }
        let (mut actions, mut unanswered, mut never) = (Vec::new(), Vec::new(), HashSet::new());
        for (place, (id, event)) in self.0.iter().enumerate() {
            actions.extend(calls.remove(&place).unwrap_or_default());
            actions.extend(responses.remove(&place).unwrap_or_default());
            match event {
                Event::Call { key } => match self.answer_of(place) {
                    // What has no order in the end did not happen.
                    Some(Unknown(..)) if key.as_ref().is_none_or(|key| !known.recorded.contains(key)) => {
                        never.insert(*id);
                    }
                    _ => actions.push((*id, Action::Call(Read(0)))),
                },
                Event::Response(_) if never.contains(id) => (),
                Event::Response(unknown @ Unknown(..)) => unanswered.push((*id, Action::Response(unknown.clone()))),
                Event::Response(operation) => actions.push((*id, Action::Response(operation.clone()))),
            }
        }
        actions.extend(calls.into_values().flatten());
        actions.extend(responses.into_values().flatten());
        actions.extend(unanswered);
        WGLChecker::<OneAfterTheOther>::is_linearizable(History::from_actions(actions))
    }

    fn answer_of(&self, call: usize) -> Option<&Operation> {
        let later = self.0.iter().skip(call).filter(|(id, _)| *id == call);
        later
            .filter_map(|(_, event)| match event {
                Event::Response(operation) => Some(operation),
                Event::Call { .. } => None,
            })
            .next()
    }

    /// What attempts for nothing did: what, from which place on, and up to which place.
    fn of_nobody(&self, known: &Known) -> Vec<(Operation, usize, usize)> {
        let end = self.0.len();
        let mut operations = Vec::new();
        for (n, attempt) in known.for_nothing.iter().enumerate() {
            let called = self
                .0
                .iter()
                .position(|(_, event)| matches!(event, Event::Call { key: Some(key) } if *key == attempt.key));
            let called = called.expect("a trade that somebody asked for") + 1;
            let sees = |glance: &Glance| glance.open.contains(&attempt.name);
            let first = known.glances.iter().position(sees);
            let last = known.glances.iter().rposition(sees);
            let (aside, back) = match first.zip(last) {
                Some((first, last)) => {
                    let before = first.checked_sub(1).map_or(0, |before| known.glances[before].from);
                    let after = known.glances.get(last + 1).map_or(end, |after| after.to);
                    (
                        (called.max(before), known.glances[first].to),
                        (called.max(known.glances[last].from), after),
                    )
                }
                None => ((called, end), (called, end)),
            };
            operations.push((SetAside(n, attempt.quantity), aside.0, aside.1));
            operations.push((GivenBack(n, attempt.quantity), back.0, back.1));
        }
        operations
    }
}
