//! The history of one stock, as several clients saw it, and the check whether it is linearizable.
//!
//! The register is the number of shares of the stock that are left in the catalog; one transaction on the catalog's one
//! file reads or writes it. A buyer takes shares out when they are reserved, a seller puts shares in when the
//! reservation is confirmed; both happen between the request and its answer. An attempt to buy may fail: its replica
//! died, and another attempt made the trade, or none did. Reads see it too: its shares are reserved for a while and
//! released again. No client asked for that, so the history has such operations without a client. The catalog knows
//! afterwards which ones there were, and a task that polls the open reservations knows roughly when.

mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use order_log::command::TradeSide;
use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History};
use todc_utils::specifications::Specification;

/// How many shares there are when a history begins.
pub const SHARES: i64 = 30;

/// An operation on the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterOperation {
    /// Read this number of available shares.
    Read(i64),
    /// A trade that was answered with a number.
    Traded(TradeSide, i64),
    /// A trade that was refused for lack of this number of shares.
    TooFew(i64),
    /// A trade whose client gave up before it learned the outcome.
    Unknown(TradeSide, i64),
    /// A failed attempt reserves its shares.
    SetAside(usize, i64),
    /// A failed attempt releases its shares.
    GivenBack(usize, i64),
}

use RegisterOperation::{GivenBack, Read, SetAside, TooFew, Traded, Unknown};

/// The available shares, and the attempts that have reserved some.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegisterState {
    left: i64,
    aside: BTreeSet<usize>,
}

/// The sequential specification of the register.
struct ShareRegister;

impl Specification for ShareRegister {
    type State = RegisterState;
    type Operation = RegisterOperation;

    fn init() -> RegisterState {
        RegisterState {
            left: SHARES,
            aside: BTreeSet::new(),
        }
    }

    fn apply(operation: &RegisterOperation, shares: &RegisterState) -> (bool, RegisterState) {
        let mut after = shares.clone();
        let possible = match *operation {
            Read(left) => left == shares.left,
            TooFew(quantity) => shares.left < quantity,
            Traded(side, quantity) | Unknown(side, quantity) => after.trade(side, quantity),
            SetAside(attempt, quantity) => after.aside.insert(attempt) && after.trade(TradeSide::Buy, quantity),
            GivenBack(attempt, quantity) => after.aside.remove(&attempt) && after.trade(TradeSide::Sell, quantity),
        };
        (possible, after)
    }
}

impl RegisterState {
    /// Changes the available shares, and returns whether there were enough.
    fn trade(&mut self, side: TradeSide, quantity: i64) -> bool {
        self.left += match side {
            TradeSide::Buy => -quantity,
            TradeSide::Sell => quantity,
        };
        self.left >= 0
    }
}

/// The start or the end of an operation.
#[derive(Clone, Debug)]
enum Event {
    Call { key: Option<String> },
    Response(RegisterOperation),
}

/// Records the operations of clients, in the order of their events.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<(usize, Event)>>);

impl Recorder {
    /// Records the start of an operation; a trade has a key.
    pub fn call(&self, key: Option<&str>) -> usize {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = events.len();
        let key = key.map(str::to_owned);
        events.push((id, Event::Call { key }));
        id
    }

    /// The current position in the history.
    pub fn place(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Records the end of an operation, or that its client gave up.
    pub fn response(&self, id: usize, operation: RegisterOperation) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push((id, Event::Response(operation)));
    }

    pub fn recorded(self) -> RecordedHistory {
        RecordedHistory(self.0.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A recorded history.
#[derive(Clone)]
pub struct RecordedHistory(Vec<(usize, Event)>);

/// A failed attempt to buy.
#[derive(Clone, Debug)]
pub struct FailedAttempt {
    pub name: String,
    pub key: String,
    pub quantity: i64,
}

/// The attempts that were open at some time between two positions in the history.
pub struct CatalogObservation {
    pub from: usize,
    pub to: usize,
    pub open: HashSet<String>,
}

/// Facts about the history beyond the clients' view.
#[derive(Default)]
pub struct GroundTruth {
    /// The keys that have an order in the end. A trade with an unknown outcome happened at any time after its request,
    /// or never.
    pub recorded: HashSet<String>,
    pub failed_attempts: Vec<FailedAttempt>,
    /// In the order of time.
    pub observations: Vec<CatalogObservation>,
}

impl RecordedHistory {
    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.0
            .iter()
            .filter(|(_, event)| matches!(event, Event::Call { .. }))
            .count()
    }

    /// How many operations match.
    pub fn count(&self, like: impl Fn(&RegisterOperation) -> bool) -> usize {
        let alike = |event: &Event| matches!(event, Event::Response(operation) if like(operation));
        self.0.iter().filter(|(_, event)| alike(event)).count()
    }

    /// The same history with another answer to one of the reads.
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

    /// Whether an order of all operations explains every answer, including the operations without a client.
    pub fn is_linearizable(&self, known: &GroundTruth) -> bool {
        let end = self.0.len();
        let (mut calls, mut responses) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for (n, (operation, from, to)) in self.clientless_operations(known).into_iter().enumerate() {
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
                    // A trade without an order in the end did not happen.
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
        WGLChecker::<ShareRegister>::is_linearizable(History::from_actions(actions))
    }

    fn answer_of(&self, call: usize) -> Option<&RegisterOperation> {
        let later = self.0.iter().skip(call).filter(|(id, _)| *id == call);
        later
            .filter_map(|(_, event)| match event {
                Event::Response(operation) => Some(operation),
                Event::Call { .. } => None,
            })
            .next()
    }

    /// The operations of failed attempts, each with its earliest and its latest position.
    fn clientless_operations(&self, known: &GroundTruth) -> Vec<(RegisterOperation, usize, usize)> {
        let end = self.0.len();
        let mut operations = Vec::new();
        for (n, attempt) in known.failed_attempts.iter().enumerate() {
            let called = self
                .0
                .iter()
                .position(|(_, event)| matches!(event, Event::Call { key: Some(key) } if *key == attempt.key));
            let called = called.expect("a requested trade") + 1;
            let sees = |glance: &CatalogObservation| glance.open.contains(&attempt.name);
            let first = known.observations.iter().position(sees);
            let last = known.observations.iter().rposition(sees);
            let (aside, back) = match first.zip(last) {
                Some((first, last)) => {
                    let before = first.checked_sub(1).map_or(0, |before| known.observations[before].from);
                    let after = known.observations.get(last + 1).map_or(end, |after| after.to);
                    (
                        (called.max(before), known.observations[first].to),
                        (called.max(known.observations[last].from), after),
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
