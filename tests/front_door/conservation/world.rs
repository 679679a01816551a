//! Sends the model's operations to a running Agora and compares its state with the model.

use std::cell::Cell;
use std::time::Duration;

use contract::{Clock, Side};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use serde_json::{Value, json};
use testing::Answer;
use tests::{Audit, HttpClient, TestApp};
use tokio::runtime::Runtime;

use super::model::{FEE_BASIS_POINTS, INVESTORS, Model, Op, PEOPLE, STOCKS};

/// The errors that an operation may be answered with. Every other error fails the test.
const REFUSALS: [&str; 9] = [
    "INSUFFICIENT_FUNDS",
    "INSUFFICIENT_SHARES",
    "INSUFFICIENT_STOCK",
    "INSUFFICIENT_AUTHORIZATION",
    "AUTHORIZATION_MISMATCH",
    "FORBIDDEN",
    "NOT_FOUND",
    "ORDER_COMPLETED",
    "INVALID_INPUT",
];

const DEPOSIT: &str =
    "mutation($amount: Money!, $key: String) { it: deposit(amount: $amount, idempotencyKey: $key) { id } }";
const WITHDRAW: &str =
    "mutation($amount: Money!, $key: String) { it: withdraw(amount: $amount, idempotencyKey: $key) { id } }";
const TRADE: &str = "mutation($stock: String!, $side: Side!, $quantity: Int!, $trader: ID, $key: String) {
    it: trade(stock: $stock, side: $side, quantity: $quantity, trader: $trader, idempotencyKey: $key) { number } }";
const PLACE: &str =
    "mutation($input: PlaceOrderInput!, $key: String) { it: placeOrder(input: $input, idempotencyKey: $key) { id } }";
const CANCEL: &str = "mutation($id: ID!) { it: cancelOrder(id: $id) { id } }";
const GRANT: &str = "mutation($input: GrantInput!, $key: String) {
    it: grantAuthorization(input: $input, idempotencyKey: $key) { authorization { id } } }";
const REVOKE: &str = "mutation($id: ID!) { it: revokeAuthorization(id: $id) { id } }";
const COMMIT: &str =
    "mutation($id: ID!, $committed: Int!) { it: commitShares(holdingId: $id, committed: $committed) { id } }";
const SET_PRICE: &str =
    "mutation($stock: String!, $price: Money!) { it: setPrice(stock: $stock, price: $price) { id } }";

/// The sender of a mutation, its document and its variables.
type MutationCall<'a> = (&'a HttpClient, &'static str, Value);

/// Returns a side as the schema names it.
fn name_of(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// A running Agora with the model's people and stocks.
pub struct World {
    runtime: Runtime,
    pub stage: Stage,
    /// The last operation that succeeded under a key.
    last: Option<(usize, String, Value, Value)>,
    keys: Cell<u64>,
}

/// The server, people and stocks that operations need.
pub struct Stage {
    pub app: TestApp,
    pub admin: HttpClient,
    pub people: Vec<HttpClient>,
    pub ids: Vec<i64>,
    pub stocks: Vec<(i64, String)>,
    /// The highest ids of grants and orders before the test.
    before: [i64; 2],
    shares: Vec<(String, i64)>,
}

impl Stage {
    pub async fn set() -> Self {
        let app = TestApp::new().await;
        let admin = app.signed_in("admin").await;
        let me = admin.query("{ me { id } }", json!({})).await;
        let admin = admin.with_token(&app.long_lived_token(number(me.at("me.id")), contract::Role::Member, true));
        let (mut people, mut ids) = (Vec::new(), Vec::new());
        for (place, fee) in FEE_BASIS_POINTS.iter().enumerate() {
            let (role, fee) = if place < INVESTORS {
                ("INVESTOR", None)
            } else {
                ("BROKER", Some(*fee as f64 / 100.0))
            };
            let (id, person) = app.anonymous().register(&format!("person{place}"), role, fee).await;
            let role = contract::Role::parse(role).expect("a role");
            ids.push(id);
            people.push(person.with_token(&app.long_lived_token(id, role, false)));
        }
        let mut stocks = Vec::new();
        for (place, (cents, quantity)) in STOCKS.iter().enumerate() {
            let name = format!("Stock{place}");
            let list = "mutation($input: StockInput!) { listStock(input: $input) { id } }";
            let input = json!({ "name": name, "price": money(*cents), "quantity": quantity });
            let listed = admin.query(list, json!({ "input": input })).await;
            stocks.push((number(listed.at("listStock.id")), name));
        }
        let audit = Audit::open(&app.data_folder());
        let last = |table| audit.number(&format!("SELECT coalesce(max(id), 0) FROM {table}"));
        let before = [last("broker_authorization"), last("brokerage_order")];
        let shares = audit.shares();
        Self {
            app,
            admin,
            people,
            ids,
            stocks,
            before,
            shares,
        }
    }

    pub fn audit(&self) -> Audit {
        Audit::open(&self.app.data_folder())
    }

    /// Returns the id of the row at position `place`, modulo the number of rows.
    fn nth(&self, query: &str, place: usize, before: i64) -> Option<i64> {
        let audit = self.audit();
        let count = audit.number(&format!("SELECT count(*) FROM ({query} > {before})"));
        let offset = place.checked_rem(usize::try_from(count).ok()?)?;
        Some(audit.number(&format!("{query} > {before} ORDER BY id LIMIT 1 OFFSET {offset}")))
    }

    fn grant(&self, place: usize) -> Option<i64> {
        self.nth("SELECT id FROM broker_authorization WHERE id", place, self.before[0])
    }

    fn order(&self, place: usize) -> Option<i64> {
        let query = "SELECT id FROM brokerage_order WHERE limit_minor IS NOT NULL AND id";
        self.nth(query, place, self.before[1])
    }

    /// Returns the positions of a grant's investor and broker.
    fn parties(&self, grant: i64) -> [usize; 2] {
        let audit = self.audit();
        ["investor_id", "broker_id"].map(|column| {
            let id = audit.number(&format!("SELECT {column} FROM broker_authorization WHERE id = {grant}"));
            self.ids
                .iter()
                .position(|person| *person == id)
                .expect("one of the people")
        })
    }

    fn holding(&self, actor: usize, stock: usize) -> Option<i64> {
        let (user, stock) = (self.ids[actor], self.stocks[stock].0);
        let query = format!("SELECT coalesce(max(id), 0) FROM holding WHERE user_id = {user} AND stock_id = {stock}");
        Some(self.audit().number(&query)).filter(|id| *id > 0)
    }

    /// Returns the sender of the operation and the mutation with its variables. `Err` means that there is nothing to
    /// send, and says whether the operation counts as successful.
    pub fn call(&self, op: &Op) -> Result<MutationCall<'_>, bool> {
        let call = match *op {
            Op::Deposit { actor, cents } => (&self.people[actor], DEPOSIT, json!({ "amount": money(cents) })),
            Op::Withdraw { actor, cents } => (&self.people[actor], WITHDRAW, json!({ "amount": money(cents) })),
            Op::Bazaar {
                actor,
                stock,
                side,
                quantity,
            } => {
                let (stock, trader) = (&self.stocks[stock].1, self.ids[actor].to_string());
                let variables =
                    json!({ "stock": stock, "side": name_of(side), "quantity": quantity, "trader": trader });
                (&self.admin, TRADE, variables)
            }
            Op::Own {
                actor,
                stock,
                side,
                quantity,
            } => {
                let input = self.order_input(side, stock, quantity);
                (&self.people[actor], PLACE, json!({ "input": input }))
            }
            Op::Brokered {
                grant,
                stock,
                side,
                quantity,
            } => {
                let grant = self.grant(grant).ok_or(false)?;
                let mut input = self.order_input(side, stock, quantity);
                input["authorization"] = grant.to_string().into();
                (&self.people[self.parties(grant)[1]], PLACE, json!({ "input": input }))
            }
            Op::Automate {
                actor,
                stock,
                side,
                quantity,
                limit,
                minutes,
            } => {
                let mut input = self.order_input(side, stock, quantity);
                input["automated"] = true.into();
                input["limitPrice"] = money(limit);
                if let Some(minutes) = minutes {
                    input["expiresAt"] = self.time_in(minutes).into();
                }
                (&self.people[actor], PLACE, json!({ "input": input }))
            }
            Op::Cancel { order } => self.cancel_call(order).ok_or(false)?,
            Op::LendMoney {
                actor,
                broker,
                cents,
                minutes,
            } => {
                let mut input = self.grant_input("CAPITAL", broker, minutes);
                input["amount"] = money(cents);
                (&self.people[actor], GRANT, json!({ "input": input }))
            }
            Op::LendShares {
                actor,
                broker,
                stock,
                quantity,
                minutes,
            } => {
                let mut input = self.grant_input("STOCK_HOLDING", broker, minutes);
                input["holding"] = self.holding(actor, stock).ok_or(false)?.to_string().into();
                input["shares"] = quantity.into();
                (&self.people[actor], GRANT, json!({ "input": input }))
            }
            Op::Revoke { grant } => {
                let grant = self.grant(grant).ok_or(false)?;
                let investor = &self.people[self.parties(grant)[0]];
                (investor, REVOKE, json!({ "id": grant.to_string() }))
            }
            Op::Commit { actor, stock, quantity } => {
                let holding = self.holding(actor, stock).ok_or(quantity == 0)?;
                let variables = json!({ "id": holding.to_string(), "committed": quantity });
                (&self.people[actor], COMMIT, variables)
            }
            Op::Reprice { stock, cents } => {
                let variables = json!({ "stock": self.stocks[stock].1, "price": money(cents) });
                (&self.admin, SET_PRICE, variables)
            }
            Op::Wait { .. } | Op::Repeat => return Err(true),
        };
        Ok(call)
    }

    /// Returns the cancellation of the order at that position, by its investor.
    fn cancel_call(&self, place: usize) -> Option<MutationCall<'_>> {
        let order = self.order(place)?;
        let query = format!("SELECT investor_id FROM brokerage_order WHERE id = {order}");
        let id = self.audit().number(&query);
        let actor = self.ids.iter().position(|person| *person == id);
        let investor = &self.people[actor.expect("one of the people")];
        Some((investor, CANCEL, json!({ "id": order.to_string() })))
    }

    fn order_input(&self, side: Side, stock: usize, quantity: i64) -> Value {
        json!({ "side": name_of(side), "stock": self.stocks[stock].0.to_string(), "quantity": quantity })
    }

    fn grant_input(&self, kind: &str, broker: usize, minutes: i64) -> Value {
        json!({ "kind": kind, "broker": self.ids[broker].to_string(), "endsAt": self.time_in(minutes) })
    }

    /// Returns the time after that many minutes.
    fn time_in(&self, minutes: i64) -> String {
        contract::to_date_time(self.app.clock.now_us() + minutes * 60_000_000).to_string()
    }

    /// Expires overdue grants and orders and executes triggered orders now, without a wait for the background tasks.
    pub async fn catch_up(&self) {
        let services = self.app.services();
        services
            .expire_overdue()
            .await
            .expect("the overdue grants and orders expire");
        let trades = || self.audit().number("SELECT count(*) FROM exchange_order");
        loop {
            let before = trades();
            brokerage::execute_ready(services)
                .await
                .expect("triggered orders are executed");
            if trades() == before {
                return;
            }
        }
    }

    /// Fails the test where the tables differ from the model.
    fn compare(&self, model: &Model) {
        let audit = self.audit();
        let number = |query: String| audit.number(&query);
        for (place, (id, _)) in self.stocks.iter().enumerate() {
            let stock = (
                number(format!("SELECT price_minor FROM stock WHERE id = {id}")),
                number(format!("SELECT quantity FROM stock WHERE id = {id}")),
            );
            assert_eq!(stock, model.stocks[place], "stock {place}");
        }
        for (place, (user, person)) in self.ids.iter().zip(&model.people).enumerate() {
            let wallet = |column| {
                number(format!(
                    "SELECT coalesce(sum({column}), 0) FROM wallet WHERE user_id = {user}"
                ))
            };
            let found = ["balance_minor", "lent_minor", "held_minor", "committed_minor"].map(wallet);
            assert_eq!(
                found,
                [person.balance, person.lent, person.held, 0],
                "wallet of person {place}"
            );
            for ((stock, _), shares) in self.stocks.iter().zip(&person.shares) {
                let holding = |column| {
                    number(format!(
                        "SELECT coalesce(sum({column}), 0) FROM holding WHERE user_id = {user} AND stock_id = {stock}"
                    ))
                };
                let found = ["free", "committed", "lent", "held"].map(holding);
                let expected = [shares.free, shares.committed, shares.lent, shares.held];
                assert_eq!(found, expected, "shares of person {place}");
            }
        }
        let open = number(format!(
            "SELECT count(*) FROM broker_authorization WHERE ended_at_us IS NULL AND id > {}",
            self.before[0]
        ));
        assert_eq!(
            open,
            model.grants.iter().filter(|grant| grant.open).count() as i64,
            "open authorizations"
        );
        audit.assert_balanced();
        assert_eq!(audit.shares(), self.shares, "shares came or went");
    }
}

impl StateMachineTest for World {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(model: &Model) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let stage = runtime.block_on(Stage::set());
        stage.compare(model);
        Self {
            runtime,
            stage,
            last: None,
            keys: Cell::new(0),
        }
    }

    fn apply(mut state: Self, model: &Model, op: Op) -> Self {
        let done = match &op {
            Op::Wait { minutes } => {
                state
                    .stage
                    .app
                    .advance(Duration::from_secs(60 * minutes.unsigned_abs()));
                true
            }
            Op::Repeat => {
                if let Some((actor, query, variables, first)) = &state.last {
                    let person = if *actor < PEOPLE {
                        &state.stage.people[*actor]
                    } else {
                        &state.stage.admin
                    };
                    let again = state.runtime.block_on(person.query(query, variables.clone()));
                    assert_eq!(again["data"], *first, "another answer to the same key");
                }
                true
            }
            op => state.send(op),
        };
        state.runtime.block_on(state.stage.catch_up());
        assert_eq!(done, model.done, "{op:?}");
        state
    }

    fn check_invariants(state: &Self, model: &<Model as ReferenceStateMachine>::State) {
        state.stage.compare(model);
    }
}

impl World {
    /// Sends an operation and returns whether it succeeded.
    fn send(&mut self, op: &Op) -> bool {
        let (person, query, mut variables) = match self.stage.call(op) {
            Ok(call) => call,
            Err(done) => return done,
        };
        let keyed = query.contains("$key");
        if keyed {
            self.keys.set(self.keys.get() + 1);
            variables["key"] = format!("key {}", self.keys.get()).into();
        }
        let answer = self.runtime.block_on(person.query(query, variables.clone()));
        let done = is_executed(&answer);
        if done && keyed {
            let actor = self
                .stage
                .people
                .iter()
                .position(|one| std::ptr::eq(one, person))
                .unwrap_or(PEOPLE);
            self.last = Some((actor, query.to_owned(), variables, answer["data"].clone()));
        }
        done
    }
}

/// Returns whether the operation succeeded. An error must be one of `REFUSALS`.
pub fn is_executed(answer: &Answer) -> bool {
    match answer.code() {
        "OK" => {
            assert!(!answer.at("it").is_null(), "{answer:?}");
            true
        }
        code => {
            assert!(REFUSALS.contains(&code), "{answer:?}");
            false
        }
    }
}

fn money(cents: i64) -> Value {
    json!({ "amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "USD" })
}

fn number(id: &Value) -> i64 {
    testing::number_of(id.as_str().expect("an id"))
}
