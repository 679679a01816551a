//! A model of reserve, propose, confirm, cancel, and of leaders that die in between: it checks every order of steps at
//! a small size.
//!
//! One client buys one share under key 0 and, without an answer, retries at another replica. A second client buys one
//! share under key 1. A command may arrive late or be lost, a replica may die between any two steps, and the leader
//! resolves the reservations that it finds. The model covers `src/trade.rs`, `src/resolve_orphans.rs`, `src/store/ledger.rs` and
//! a catalog.

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Checker, HasDiscoveries, Model, Property};

/// A request and the number of its attempt.
type AttemptId = (usize, u8);

/// The keys of the requests. The second request is a retry of the first, sent after the first has ended.
const KEYS: [u8; 3] = [0, 0, 1];
/// How many attempts each request makes when earlier ones are cancelled.
const TRIES: [u8; 3] = [1, 2, 1];
const LOSSES: u8 = 1;

/// The correct design, and mistakes that the model must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Design {
    Right,
    /// The leader releases shares without a tombstone in the log.
    NoTombstone,
    /// The log records a key each time it arrives.
    NoKeys,
    /// A request is refused without a check for earlier attempts under its key.
    HastyRefusal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum RequestStage {
    Waits,
    Looks,
    Holds(AttemptId),
    Proposed(AttemptId),
    /// The log reported the attempt that recorded the key; `None` if it cancelled this attempt.
    Told(AttemptId, Option<AttemptId>),
    Refused,
    Done,
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum ModelCommand {
    Record(AttemptId),
    Cancel(AttemptId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ReservationState {
    Reserved,
    Confirmed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    requests: Vec<RequestStage>,
    tries: Vec<u8>,
    /// Commands on their way to the log.
    sent: BTreeSet<ModelCommand>,
    orders: Vec<AttemptId>,
    tombstones: BTreeSet<AttemptId>,
    /// Attempts whose outcome the leader knows and is about to tell the catalog.
    decided: BTreeSet<AttemptId>,
    left: u8,
    catalog: BTreeMap<AttemptId, ReservationState>,
    /// Whether the catalog was told two different outcomes of one attempt.
    contradicted: bool,
    deaths: u8,
    losses: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    /// A request makes its next step.
    Step(usize),
    /// The replica that executes a request dies, or its client gives up.
    Die(usize),
    /// The log decides a command.
    Commit(ModelCommand),
    Lose(ModelCommand),
    /// The leader proposes to cancel an attempt that it finds reserved.
    Settle(AttemptId),
    /// The leader tells the catalog the outcome of an attempt.
    Tell(AttemptId),
    /// Another replica becomes the leader; the catalog does not learn the outcomes that the old leader was about to
    /// tell.
    Elect,
}

struct Bazaar {
    shares: u8,
    /// How many replicas may die at the worst moment, including leaders.
    deaths: u8,
    build: Design,
}

impl State {
    fn order_of(&self, key: u8) -> Option<AttemptId> {
        self.orders.iter().copied().find(|(request, _)| KEYS[*request] == key)
    }

    fn reserved(&self) -> impl Iterator<Item = AttemptId> {
        let held = self
            .catalog
            .iter()
            .filter(|(_, held)| **held == ReservationState::Reserved);
        held.map(|(attempt, _)| *attempt)
    }

    fn finish(&mut self, attempt: AttemptId, end: ReservationState) {
        match self.catalog.get(&attempt) {
            Some(ReservationState::Reserved) => {
                self.left += u8::from(end == ReservationState::Cancelled);
                self.catalog.insert(attempt, end);
            }
            found => self.contradicted |= found != Some(&end),
        }
    }

    /// Tells the catalog the log's decision on an attempt, which is final.
    fn tell(&mut self, attempt: AttemptId) {
        let recorded = self.orders.contains(&attempt);
        self.finish(
            attempt,
            if recorded {
                ReservationState::Confirmed
            } else {
                ReservationState::Cancelled
            },
        );
    }

    fn is_over(&self) -> bool {
        let over =
            |step: &RequestStage| matches!(step, RequestStage::Refused | RequestStage::Done | RequestStage::Gone);
        self.requests.iter().all(over) && self.sent.is_empty() && self.reserved().next().is_none()
    }
}

impl Bazaar {
    fn step(&self, state: &State, request: usize) -> Option<State> {
        let mut next = state.clone();
        let key = KEYS[request];
        next.requests[request] = match state.requests[request] {
            RequestStage::Waits => {
                let first = state.requests[0];
                let begins =
                    request != 1 || matches!(first, RequestStage::Refused | RequestStage::Done | RequestStage::Gone);
                begins.then_some(RequestStage::Looks)?
            }
            RequestStage::Looks => match state.order_of(key).filter(|_| self.build != Design::NoKeys) {
                Some(known) => {
                    next.finish(known, ReservationState::Confirmed);
                    RequestStage::Done
                }
                None => self.reserve(&mut next, request)?,
            },
            RequestStage::Holds(attempt) => {
                next.sent.insert(ModelCommand::Record(attempt));
                RequestStage::Proposed(attempt)
            }
            RequestStage::Told(attempt, Some(by)) if by == attempt => {
                next.finish(attempt, ReservationState::Confirmed);
                RequestStage::Done
            }
            RequestStage::Told(attempt, by) => {
                next.finish(attempt, ReservationState::Cancelled);
                if by.is_none() && next.tries[request] == TRIES[request] {
                    RequestStage::Gone
                } else {
                    RequestStage::Looks
                }
            }
            RequestStage::Proposed(_) | RequestStage::Refused | RequestStage::Done | RequestStage::Gone => return None,
        };
        Some(next)
    }

    fn reserve(&self, next: &mut State, request: usize) -> Option<RequestStage> {
        if next.left > 0 {
            let attempt = (request, next.tries[request]);
            next.tries[request] += 1;
            next.left -= 1;
            next.catalog.insert(attempt, ReservationState::Reserved);
            return Some(RequestStage::Holds(attempt));
        }
        let same_key: Vec<_> = next.reserved().filter(|held| KEYS[held.0] == KEYS[request]).collect();
        if same_key.is_empty() || self.build == Design::HastyRefusal {
            return Some(RequestStage::Refused);
        }
        // First the log has to decide the earlier attempts.
        let sent = next.sent.len();
        let unknown = same_key.into_iter().filter(|attempt| !next.decided.contains(attempt));
        let cancels: Vec<_> = unknown.map(ModelCommand::Cancel).collect();
        next.sent.extend(cancels);
        (next.sent.len() > sent).then_some(RequestStage::Looks)
    }

    fn commit(&self, next: &mut State, command: ModelCommand) {
        next.sent.remove(&command);
        match command {
            ModelCommand::Cancel(attempt) => {
                if !next.orders.contains(&attempt) {
                    next.tombstones.insert(attempt);
                }
                next.decided.insert(attempt);
            }
            ModelCommand::Record(attempt) => {
                let known = next.order_of(KEYS[attempt.0]).filter(|_| self.build != Design::NoKeys);
                let by = match known {
                    Some(known) => Some(known),
                    None if next.tombstones.contains(&attempt) => None,
                    None => {
                        next.orders.push(attempt);
                        Some(attempt)
                    }
                };
                if next.requests[attempt.0] == RequestStage::Proposed(attempt) {
                    next.requests[attempt.0] = RequestStage::Told(attempt, by);
                }
            }
        }
    }
}

impl Model for Bazaar {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            requests: vec![RequestStage::Waits; KEYS.len()],
            tries: vec![0; KEYS.len()],
            sent: BTreeSet::new(),
            orders: Vec::new(),
            tombstones: BTreeSet::new(),
            decided: BTreeSet::new(),
            left: self.shares,
            catalog: BTreeMap::new(),
            contradicted: false,
            deaths: self.deaths,
            losses: LOSSES,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (request, step) in state.requests.iter().enumerate() {
            actions.push(Action::Step(request));
            let is_there = !matches!(
                step,
                RequestStage::Waits | RequestStage::Refused | RequestStage::Done | RequestStage::Gone
            );
            // A client that waits for the log can always give up, since its command may be lost.
            if is_there && (state.deaths > 0 || matches!(step, RequestStage::Proposed(_))) {
                actions.push(Action::Die(request));
            }
        }
        for command in &state.sent {
            actions.push(Action::Commit(*command));
            if state.losses > 0 {
                actions.push(Action::Lose(*command));
            }
        }
        for attempt in state.reserved() {
            if !state.decided.contains(&attempt) && !state.sent.contains(&ModelCommand::Cancel(attempt)) {
                actions.push(Action::Settle(attempt));
            }
        }
        actions.extend(state.decided.iter().copied().map(Action::Tell));
        if state.deaths > 0 && !state.decided.is_empty() {
            actions.push(Action::Elect);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Step(request) => return self.step(state, request),
            Action::Die(request) => {
                if !matches!(state.requests[request], RequestStage::Proposed(_)) {
                    next.deaths -= 1;
                }
                next.requests[request] = RequestStage::Gone;
            }
            Action::Commit(command) => self.commit(&mut next, command),
            Action::Lose(command) => {
                next.losses -= 1;
                next.sent.remove(&command);
            }
            Action::Settle(attempt) if self.build == Design::NoTombstone => next.tell(attempt),
            Action::Settle(attempt) => {
                next.sent.insert(ModelCommand::Cancel(attempt));
            }
            Action::Tell(attempt) => {
                next.decided.remove(&attempt);
                next.tell(attempt);
            }
            Action::Elect => {
                next.deaths -= 1;
                next.decided.clear();
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AGREE, |model: &Self, state: &State| {
                let taken = usize::from(model.shares - state.left);
                !state.is_over() || taken == state.orders.len()
            }),
            Property::always(ONCE, |_: &Self, state: &State| {
                let keys: BTreeSet<_> = state.orders.iter().map(|(request, _)| KEYS[*request]).collect();
                keys.len() == state.orders.len()
            }),
            Property::always(ACKNOWLEDGED, |_: &Self, state: &State| {
                let mut done = (0..KEYS.len()).filter(|request| state.requests[*request] == RequestStage::Done);
                done.all(|request| state.order_of(KEYS[request]).is_some())
            }),
            // This includes earlier requests of the same client. A later retry may well be executed.
            Property::always(REFUSED, |_: &Self, state: &State| {
                let mut refused = (0..KEYS.len()).filter(|request| state.requests[*request] == RequestStage::Refused);
                refused.all(|refused| {
                    let is_other = |by: usize| KEYS[by] != KEYS[refused] || by > refused;
                    state.orders.iter().all(|(by, _)| is_other(*by))
                })
            }),
            Property::always(CONSISTENT, |model: &Self, state: &State| {
                let gone = state
                    .catalog
                    .values()
                    .filter(|held| **held != ReservationState::Cancelled)
                    .count();
                !state.contradicted && usize::from(state.left) + gone == usize::from(model.shares)
            }),
            Property::eventually(SETTLED, |_: &Self, state: &State| state.is_over()),
            Property::sometimes(RETRIED, |_: &Self, state: &State| {
                state.requests[1] == RequestStage::Done && !state.tombstones.is_empty()
            }),
        ]
    }
}

const AGREE: &str = "catalog and log agree at the end";
const ONCE: &str = "a key is recorded once";
const ACKNOWLEDGED: &str = "an acknowledged order is in the log";
const REFUSED: &str = "a refused order is not in the log, and never will be";
const CONSISTENT: &str = "an attempt has one end, and no share is lost or made";
const SETTLED: &str = "everything comes to an end";
const RETRIED: &str = "a repeated request gets its order after an attempt was cancelled";

#[test]
fn catalog_and_log_agree_under_every_interleaving() {
    let build = Design::Right;
    for (shares, deaths) in [(1, 2), (2, 1)] {
        let model = Bazaar { shares, deaths, build };
        let checked = model.checker().threads(2).spawn_bfs().join();
        checked.assert_properties();
        assert!(checked.is_done());
    }
}

#[test]
fn the_model_finds_each_wrong_design() {
    for (build, broken) in [
        (Design::NoTombstone, CONSISTENT),
        (Design::NoKeys, ONCE),
        (Design::HastyRefusal, REFUSED),
    ] {
        let (shares, deaths) = (if build == Design::NoKeys { 2 } else { 1 }, 1);
        let model = Bazaar { shares, deaths, build };
        let found_all = HasDiscoveries::AllOf([broken].into());
        let checked = model.checker().finish_when(found_all).spawn_bfs().join();
        assert!(checked.discovery(broken).is_some(), "{build:?} breaks nothing");
    }
}
